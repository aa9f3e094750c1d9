"""Invented people: names in several scripts, with the signs that break careless software."""

import random
import unicodedata

from .model import Student

_FIRST = """
Ada Amir Ana Aylin Beatriz Bruno Caleb Chiara Dara Diego Elena Emeka Farid Freya Grace Hana
Henrik Ines Isaac Ivana Jonas Joy Kai Kateryna Kofi Laila Leo Lucia Malik Maya Mei Milan
Nadia Noor Olga Omar Paula Priya Quinn Rafael Rosa Sam Sara Tariq Tessa Uma Victor Wanda
Xavier Yara Yusuf Zoe
"""
_LAST = """
Abara Adler Baker Bauer Bianchi Castro Chen Costa Dahl Diallo Eriksen Farah Fischer Garcia
Haddad Hansen Ito Ivanova Jansen Kaya Keller Khan Kim Kowalski Larsen Lopez Mancini Mensah
Moreau Nakamura Novak Okafor Olsen Park Patel Pereira Quist Reyes Rossi Santos Schmidt Singh
Suzuki Tanaka Torres Usman Varga Weber Xu Yilmaz Zhang
"""

FIRST_NAMES = tuple(_FIRST.split())
LAST_NAMES = tuple(_LAST.split())

# Accents, apostrophes of two kinds, quotes, hyphens, spaces, one letter, other scripts.
UNUSUAL = (
    ("Zoë", "Brontë-Hale"),
    ("Renée", "D'Amico"),
    ("Siobhán", "O’Sullivan"),
    ("Jean-Luc", "de la Cruz"),
    ('Anneliese "Anni"', "Müller-Lüdenscheid"),
    ("Łukasz", "Żółkiewski"),
    ("Nguyễn", "Thị Ánh"),
    ("Þórdís", "Guðmundsdóttir"),
    ("Şebnem", "Çağlayan"),
    ("Søren", "Ångström"),
    ("Ирина", "Кузьмина"),
    ("Олена", "Гнатюк"),
    ("Ελένη", "Παππά"),
    ("ليلى", "الحداد"),
    ("נועה", "לוי"),
    ("美咲", "高橋"),
    ("伟", "陈"),
    ("지우", "박"),
    ("आरती", "शर्मा"),
    ("สมชาย", "ใจดี"),
    ("ሰላም", "ተስፋዬ"),
    ("X", "Æ"),
    ("Mary Ann", "St. John"),
    ("Kealoha", "Kaʻiulani"),
)


def _ascii(text: str) -> str:
    """Return the small ASCII letters of a name, empty when its script has none."""
    folded = unicodedata.normalize("NFKD", text).lower()
    return "".join(sign for sign in folded if "a" <= sign <= "z")


def email(first_name: str, last_name: str, number: int) -> str:
    """Return an address at a reserved domain; `number` keeps it unique."""
    parts = [part for part in (_ascii(first_name), _ascii(last_name)) if part]
    domain = "example.com" if number % 5 == 0 else "example.org"
    return f"{'.'.join(parts) or 'student'}{number}@{domain}"


def invent(rng: random.Random, student_id: str, number: int) -> Student:
    """Return a student; about one in six has an unusual name. `number` must be unique."""
    if rng.random() < 0.16:
        first, last = rng.choice(UNUSUAL)
    else:
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    return Student(student_id, first, last, email(first, last, number))
