"""A page as a browser reads it: a strict little parser, and what tests ask of the tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "br", "hr", "img", "input", "link", "path", "circle", "use", "rect"}
INLINE = {"a", "b", "bdi", "code", "i", "span", "strong", "svg"}
# Which open element ends when another begins: HTML leaves out the end tag there.
ENDED_BY = {
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "tr": {"tr"},
    "td": {"td", "th", "tr"},
    "th": {"td", "th", "tr"},
    "p": {"p", "ul", "ol", "dl", "div", "details", "h2", "h3", "h4", "section", "table", "figure"},
}


@dataclass
class Element:
    """An element: its attributes, and texts and elements in order."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    content: list[str | Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, with single blanks."""
        return " ".join(self._spaced().split())

    def _spaced(self) -> str:
        """The text, with blanks around what is not in a line with the text before and after."""
        text = "".join(part if isinstance(part, str) else part._spaced() for part in self.content)
        return text if self.tag in INLINE else f" {text} "

    @property
    def children(self) -> list[Element]:
        return [part for part in self.content if isinstance(part, Element)]

    def walk(self) -> Iterator[Element]:
        """The element and all in it, in the order of the document."""
        yield self
        for child in self.children:
            yield from child.walk()

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of a tag whose attributes have these values; `class_` for `class`."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [
            element
            for element in self.walk()
            if element.tag == tag and wanted.items() <= element.attributes.items()
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        """The only element of that kind."""
        [found] = self.all(tag, **attributes)
        return found

    def by_id(self, id_: str) -> Element:
        [found] = [element for element in self.walk() if element.attributes.get("id") == id_]
        return found

    def inside(self, tag: str) -> Element | None:
        """The nearest element of a tag around it."""
        above = self.parent
        while above is not None and above.tag != tag:
            above = above.parent
        return above


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("document", {})
        self.open = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._begin(tag, attrs)
        if tag in VOID:
            self.open = self._above()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID, f"<{tag}/> closes nothing in HTML"
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        while self.open.tag != tag and self.open.tag in ENDED_BY:
            self.open = self._above()
        assert self.open.tag == tag, f"</{tag}> where <{self.open.tag}> is open"
        self.open = self._above()

    def handle_data(self, data: str) -> None:
        self.open.content.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:40]}")

    def _begin(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        while tag in ENDED_BY.get(self.open.tag, ()):
            self.open = self._above()
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.open)
        self.open.content.append(element)
        self.open = element

    def _above(self) -> Element:
        assert self.open.parent is not None
        return self.open.parent


def parse(html: str) -> Element:
    """The tree of a page; fails where tags do not match."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    assert builder.open is builder.root, f"<{builder.open.tag}> is never closed"
    return builder.root


def check_structure(tree: Element) -> None:
    """Ids are unique and lead somewhere, headings are in order and stand over something, tables are
    whole."""
    ids = [e.attributes["id"] for e in tree.walk() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in tree.walk():
        for name in ("aria-labelledby", "href"):
            value = element.attributes.get(name, "")
            if name == "aria-labelledby" and value:
                assert value in ids, value
            elif value.startswith("#"):
                assert value[1:] in ids, value
    for table in tree.all("table"):
        widths = {len(row.children) for row in table.all("tr")}
        assert len(widths) == 1, "a row has more or fewer cells than the heading"
    headings = [e for e in tree.walk() if e.tag in ("h1", "h2", "h3", "h4", "h5", "h6")]
    levels = [int(heading.tag[1]) for heading in headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for heading in headings:
        assert heading.text, "a heading without a word"
        assert heading.parent is not None
        rest = heading.parent.children[heading.parent.children.index(heading) + 1 :]
        assert heading.tag == "h1" or any(e.text or e.all("svg") for e in rest), heading.text
