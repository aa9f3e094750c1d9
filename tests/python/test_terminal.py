"""What reaches a terminal, and what a pipe: widths, colours, and names that try to steer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.commands.typed import typed_lines
from cohort_tracker.runtime.printing import printable
from pseudo_terminal import at_terminal, lines_of, width
from support import Bench, Classes, record

WIDE_NAMES = (
    "网页开发课程 第一模块 晚间班 与 数据分析入门 二〇二六年春季",
    "مسار تطوير الويب للمبتدئين - الوحدة الأولى - ربيع عام ألفين وستة وعشرين",
    "🚀 Launch 🎓 of the 💻 evening 🌙 cohort 🧪 with 🐍 and 🦆 and a long name",
    "Zoe\u0308s Cafe\u0301 fu\u0308r A\u0308rzte und U\u0308bersetzer, Fru\u0308hjahr, Abendkurs",
)
# Blink on red, a window title, C1's "erase all", a bell, a new line, turned reading direction.
EVIL_NAME = "Web\x1b[5;41m\x1b]0;owned\x07\x9b2J\r\nError: forged\u202egnp.exe\u2066\u200f\u061c"
EVIL_ID = "web\x1b[5;41m\u202e1"
EVIL = ("\x1b[5;41m", "\x1b]", "\x07", "\x9b", *"\u202e\u2066\u200f\u061c")


class Named(Classes):
    """Classes with names and friendly ids of their own."""

    def __init__(self, *names: str, friendly_id: str | None = None) -> None:
        super().__init__(
            **{
                f"c{place}": [record(100 * place + number, days_ago=3) for number in range(15)]
                for place in range(1, len(names) + 1)
            }
        )
        self.names = dict(zip(self.classes, names, strict=True))
        self.friendly_id = friendly_id

    def class_detail(self, class_id: str, style: Any) -> dict[str, Any]:
        found = {**super().class_detail(class_id, style), "name": self.names[class_id]}
        return {**found, "friendly_id": self.friendly_id} if self.friendly_id else found


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Classes with wide names, synced and built; not to be changed."""
    with Bench(tmp_path_factory.mktemp("wide"), Named(*WIDE_NAMES)) as bench:
        report = bench.sync(build=True)
        assert report.exit_code == 0, report.errors
        yield bench


@pytest.fixture
def evil(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path, Named(EVIL_NAME, friendly_id=EVIL_ID)) as bench:
        yield bench


@pytest.mark.parametrize("columns", [80, 60])
def test_status_fits_the_terminal_and_lines_up_in_every_script(wide: Bench, columns: int):
    lines = lines_of(at_terminal(wide, "status", columns=columns))
    assert max(map(width, lines)) <= columns
    head = next(line for line in lines if "Students" in line and "Class" in line)
    start = width(head[: head.index("Class")])
    table = lines[lines.index(head) + 1 :]
    assert not any(
        line[:start].strip() for line in table if "ago" not in line and "now" not in line
    )
    shown = "".join(line[start:] for line in table)
    for name in WIDE_NAMES:
        assert name.replace(" ", "") in shown.replace(" ", "")


def test_what_is_piped_is_plain_whatever_the_environment_says(wide: Bench, monkeypatch):
    for name, value in {
        "FORCE_COLOR": "1",
        "TTY_COMPATIBLE": "1",
        "COLORTERM": "truecolor",
    }.items():
        monkeypatch.setenv(name, value)
    done = wide.command("status")
    assert done.returncode == 0
    assert max(map(width, done.stdout.splitlines())) <= 80
    synced = wide.command("sync", "--no-build")
    for text in (done.stdout, done.stderr, synced.stdout, synced.stderr):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert "\u2501" not in synced.stderr and re.search(r"^\d{4}-\d\d-\d\dT", synced.stderr)


def test_colour_only_where_it_is_wanted(wide: Bench):
    assert "\x1b[1m" in at_terminal(wide, "status")
    assert "\x1b" not in at_terminal(wide, "status", NO_COLOR="1")
    assert "\x1b" not in at_terminal(wide, "status", TERM="dumb")
    assert "\x1b[31m" in at_terminal(wide, "status", "--max-age", "0s")
    assert "\x1b" not in at_terminal(wide, "status", "--max-age", "0s", NO_COLOR="1")
    coloured = re.compile(r"\x1b\[[0-9;]+m")
    assert coloured.search(at_terminal(wide, "sync", "--no-build"))
    assert not coloured.search(at_terminal(wide, "sync", "--no-build", NO_COLOR="1"))
    assert "\x1b" not in at_terminal(wide, "sync", "--no-build", TERM="dumb")


@pytest.mark.parametrize("columns", [80, 60])
def test_progress_bar_fits_the_terminal_and_leaves_nothing_behind(tmp_path: Path, columns: int):
    with Bench(tmp_path, Named(*WIDE_NAMES)) as bench:
        bench.misbehave("delay=0.4,times=always")
        output = at_terminal(bench, "sync", "--no-build", columns=columns)
    lines = lines_of(output)
    assert max(map(width, lines)) <= columns
    for name in WIDE_NAMES:
        assert any(f"10 of 15  page 1  {name[:6]}" in line for line in lines), lines
    # The cursor is shown again, and below the last bar stands the summary on lines of its own.
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l")
    summary = output[output.rindex("\x1b[?25h") :]
    assert "page 1" not in summary and "15 records: 15 new" in summary


def test_interrupted_bar_gives_the_cursor_back(bench: Bench):
    bench.misbehave("hang=20,page=1")
    output = at_terminal(bench, "sync", "--no-build", interrupt_at=b"10 of 45")
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l")
    assert "Error: " in output[output.rindex("\x1b[?25h") :]


def test_json_is_one_object_in_ascii(wide: Bench):
    for arguments in (["status"], ["sync", "--no-build"]):
        done = wide.command(*arguments, "--json")
        assert done.stdout.isascii()
        json.loads(done.stdout)
    names = [
        item["name"] for item in json.loads(wide.command("status", "--json").stdout)["classes"]
    ]
    assert sorted(names) == sorted(WIDE_NAMES)


def test_long_message_is_wrapped_between_words_at_a_terminal_only(bench: Bench):
    path = f"/{'x' * 90}"
    piped = bench.command("--config", path, "status").stderr
    shown = at_terminal(bench, "--config", path, "status", columns=60, NO_COLOR="1")
    assert piped.startswith("Error: ") and piped.count("\n") == 2
    lines = shown.splitlines()
    assert path in lines, "a path stays whole, on a line of its own"
    assert len(lines) > 3 and max(width(line) for line in lines if line != path) <= 60
    assert " ".join(shown.split()) == " ".join(piped.split())


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_poor_encoding_costs_characters_and_nothing_else(wide: Bench, encoding, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    done = subprocess.run(
        [sys.executable, "-m", "cohort_tracker", "status"],
        env=wide.process_environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Launch ? of" in b" ".join(done.stdout.split())


def test_reader_that_leaves_early_gets_no_complaint(wide: Bench):
    process = wide.start("status")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(
    "streams",
    [
        ">&-",
        "2>&-",
        "<&- >&- 2>&-",
        ">/dev/full",
        "2>/dev/full",
        ">/dev/full 2>&1",
        "2>&1 | true",
        "--json >/dev/full 2>/dev/full",
        "--json | true",
    ],
)
def test_what_is_printed_never_decides_what_is_stored(bench: Bench, streams: str):
    done = subprocess.run(
        [
            *("bash", "-c"),
            f'set -o pipefail; "$0" -m cohort_tracker sync --no-build {streams}',
            sys.executable,
        ],
        env=bench.process_environment(),
        cwd=bench.home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert bench.in_force() == bench.expected()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("--help", 0),
        ("--version", 0),
        ("sync --help", 0),
        ("", 2),
        ("no-such-command", 2),
        ("sync --class", 2),
        ("--config broken.toml status", 2),
        ("status --max-age 0s", 7),
        ("status --max-age ''", 2),
        ("status --max-age 999999999999d", 0),
        ("restore no-such-file", 1),
        ("forget nobody@example.org --yes", 2),
        ("forget nobody@example.org", 2),
        ("init --email a@example.org --password-stdin", 2),
        ("init", 0),
        ("demo --dir /proc/nowhere", 2),
        ("sandbox --list-faults", 0),
        ("--config set.toml init --email a@example.org --password p --no-verify", 0),
    ],
)
def test_every_command_ends_as_it_would_have_wherever_its_words_go(
    built: Bench, arguments: str, code: int
):
    (built.home / "broken.toml").write_text("nope = 1\n")
    for streams in ("<&-", ">&-", "<&- >&- 2>&-", ">/dev/full 2>&1", "2>&1 | true", "| head -1"):
        done = subprocess.run(
            [
                *("bash", "-c"),
                f'set -o pipefail; "$0" -m cohort_tracker {arguments} {streams}',
                sys.executable,
            ],
            env={**built.process_environment(), "PYTHONIOENCODING": "ascii"},
            cwd=built.home,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, (streams, done.stderr)
        assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, streams
        assert "Unexpected" not in done.stderr, streams


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("--debug sync --json --class nope --class also-nope", 4),
        ("--debug forget nobody@example.org --yes --json", 2),
        ("--debug --config broken.toml sync --json", 2),
        ("--debug --config broken.toml status --json", 2),
        ("--config broken.toml forget nobody --yes --json", 2),
        ("--config no-such-file sync --json", 2),
        ("--config / sync --json", 2),
        ("sync --json --no-such-option", 2),
        ("status --json one-too-many", 2),
        ("forget --json", 2),
        ("forget nobody@example.org --json", 2),
        ("status --json --max-age \u0663x", 2),
        ("sync --json --class \udcff", 2),
    ],
)
def test_json_is_one_object_with_the_error_whatever_was_typed(
    built: Bench, arguments: str, code: int
):
    (built.home / "broken.toml").write_text("nope = 1\n")
    done = built.command(*arguments.split())
    assert done.returncode == code, done.stderr
    assert done.stdout.isascii()
    told = json.loads(done.stdout)
    told = told.get("error") or told["classes"][0]["error"]
    assert told in done.stderr
    assert ("Traceback" in done.stderr) is (
        arguments.startswith("--debug") and "nope " not in arguments
    )


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 0, None),
        (("--max-age", "0s"), 7, "There are no tables yet"),
        (("--max-age", "soon"), 2, "--max-age 'soon' is no age"),
    ],
)
def test_status_as_json_is_one_object_whatever_happens(
    bench: Bench, arguments: tuple[str, ...], code: int, told: str | None
):
    bench.sync()
    done = bench.command("status", "--json", *arguments)
    assert done.returncode == code
    assert json.loads(done.stdout).get("error") == told
    bench.raw.write_bytes(b"no database" * 1000)
    done = bench.command("status", "--json", *arguments)
    assert done.returncode == (2 if code == 2 else 1)
    assert json.loads(done.stdout)["error"] in done.stderr


def test_what_was_typed_steers_no_terminal_either(built: Bench):
    for typed in ("--\x9b31mevil", "evil\x1b[31m", "\u202egnp.exe"):
        for arguments in ((typed,), ("status", typed), ("status", "--max-age", typed)):
            text = at_terminal(built, *arguments)
            assert "\x9b" not in text and "\u202e" not in text, arguments
            assert "\x1b[31mevil" not in text and "evil\x1b[31m" not in text, arguments


def evil_ways(bench: Bench) -> Iterator[tuple[str, ...]]:
    """Commands that each say the name or the friendly id of the class in another way."""
    init = ("--config", "set.toml", "init", "--email", bench.server.desk.email)
    yield (*init, "--class-id", "no such class")
    yield init
    yield ("sync", "--no-build")
    yield ("--debug", "sync", "--no-build", "--class", EVIL_NAME)
    bench.misbehave("status=404,times=always")
    yield ("sync", "--no-build")
    yield ("status",)
    yield ("status", "--max-age", "0s")


def test_names_steer_no_pipe(evil: Bench):
    said = ""
    for arguments in evil_ways(evil):
        done = evil.command(*arguments)
        text = done.stdout + done.stderr
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), arguments
        assert not any(sign in text for sign in EVIL), arguments
        assert "\nError: forged" not in text, arguments
        said += text
    assert said.count("Web?[5;41m?]0;owned??2J  Error: forged?gnp.exe???") >= 4
    assert said.count("web?[5;41m?1") >= 3


def test_names_steer_no_terminal(evil: Bench):
    said = ""
    evil.misbehave("delay=0.6,times=always")
    for arguments in evil_ways(evil):
        if "init" in arguments and "no such class" not in arguments:
            continue  # asks
        text = at_terminal(evil, *arguments)
        assert not any(sign in text for sign in EVIL), arguments
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]", text), arguments
        assert "\nError: forged" not in text, arguments
        said += text
    assert "10 of 15  page 1  Web?[5;41m" in re.sub(r"\x1b\[[0-9;]*m", "", said), "in the bar"
    assert "web?[5;41m?1" in said


def test_no_character_that_steers_is_printable_and_all_letters_are():
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        category = unicodedata.category(character)
        shown = printable(character)
        if category[0] in "LMNPS":
            assert shown == character
        elif category in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in "\u200c\u200d":
            assert shown in ("?", " "), hex(number)
        elif category == "Zs":
            assert shown == " "


def test_long_command_can_be_copied_from_the_terminal():
    words = ["cohort-tracker", "--config", "a b.toml", "init"]
    for number in range(9):
        words += [f"--option-{number}", "value with spaces"]
    lines = typed_lines(words)
    assert len(lines) > 3 and max(map(len, lines)) <= 80
    script = "\n".join(lines).removeprefix("$ ").replace("cohort-tracker", "printf '%s\\n'", 1)
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == words[1:]
