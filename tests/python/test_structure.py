"""The rooms of the package: what a room may import, and that nothing is imported in circles."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import cohort_tracker

PACKAGE = Path(cohort_tracker.__file__).parent

# From the top down: a room may import from itself and from the lines below its own.
ROOMS = (
    {"__main__"},
    {"cli"},
    {"commands"},
    {"forget"},
    {"sync"},
    {"notify", "web"},
    {"access"},
    {"export"},
    {"reading"},
    {"sandbox", "sources", "warehouse"},
    {"raw"},
    {"runtime"},
    {"config"},
    {"channels", "postgres_address", "serve_settings"},
    {"setting_values"},
    {"thresholds"},
    {"project"},
    {"errors"},
    {"__init__"},
)
RANK = {room: rank for rank, rooms in enumerate(ROOMS) for room in rooms}


def modules() -> dict[str, Path]:
    """Every module of the package by its name below the package, packages as `room.__init__`."""
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
    }


def imports_of(name: str, known: set[str]) -> Iterator[str]:
    """The package's modules that a module imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(modules()[name].read_text())):
        if not isinstance(node, ast.ImportFrom):
            assert not (
                isinstance(node, ast.Import)
                and any(alias.name.startswith("cohort_tracker") for alias in node.names)
            ), f"{name}: import the package's own modules with `from`"
            continue
        if node.level:
            base = name.split(".")[: -node.level]
            target = [*base, *(node.module or "").split(".")]
        elif node.module and node.module.split(".")[0] == "cohort_tracker":
            target = node.module.split(".")[1:]
        else:
            continue
        path = ".".join(part for part in target if part)
        for alias in node.names:
            wider = [path, f"{path}.__init__" if path else "__init__"]
            narrower = f"{path}.{alias.name}" if path else alias.name
            found = [narrower, f"{narrower}.__init__", *wider]
            yield next(module for module in found if module in known)


def graph() -> dict[str, set[str]]:
    """Module to the modules of the package that it imports."""
    known = set(modules())
    return {name: set(imports_of(name, known)) - {name} for name in sorted(known)}


def test_imports_go_down_only():
    upward = [
        f"{name} imports {other}"
        for name, others in graph().items()
        for other in sorted(others)
        if name.split(".")[0] != other.split(".")[0]
        and RANK[name.split(".")[0]] >= RANK[other.split(".")[0]]
    ]
    assert upward == []


def test_nothing_is_imported_in_circles():
    TopologicalSorter(graph()).prepare()  # raises CycleError naming the circle


def test_every_room_has_a_place():
    rooms = {name.split(".")[0] for name in modules()}
    assert rooms <= RANK.keys()


def test_the_raw_store_knows_no_source():
    # but for the migrations, which say what the rows of the first release were
    paths = [path for path in (PACKAGE / "raw").rglob("*.py") if path.name != "migrations.py"]
    text = "".join(path.read_text() for path in paths)
    assert "openclass" not in text.lower()


# What writes to a terminal, or leads to something that does.
CLICK_PRINTS = {"echo", "secho", "prompt", "confirm", "progressbar", "pause", "echo_via_pager"}
CLICK_PRINTS |= {"get_text_stream", "get_binary_stream", "clear", "edit"}
STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}


def prints(tree: ast.AST) -> Iterator[int]:
    """The lines at which a module prints by itself."""
    flushed = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "flush"
    }
    for node in ast.walk(tree):
        match node:
            case ast.Name(id="print" | "pprint"):
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="click"), attr=name) if name in CLICK_PRINTS:
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="sys"), attr=name) if name in STREAMS:
                if node not in flushed:
                    yield node.lineno
            case ast.Attribute(value=ast.Name(id="os"), attr="write" | "system"):
                yield node.lineno
            case ast.ImportFrom(module="click" | "sys" | "os" | "pprint"):
                yield node.lineno
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] == "rich":
                yield node.lineno
            case ast.Import(names=names) if any(n.name.split(".")[0] == "rich" for n in names):
                yield node.lineno


def test_only_the_printing_module_reaches_a_terminal():
    found = {name: list(prints(ast.parse(path.read_text()))) for name, path in modules().items()}
    assert {name for name, lines in found.items() if lines} == {"runtime.printing"}
    assert len(found["runtime.printing"]) > 5
