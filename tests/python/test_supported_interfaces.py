"""The package uses other libraries by what they document, and changes nothing inside them.

So no patch release of theirs can stop a sync. Everything is read from the source text: what is
imported, which private names are touched, what is assigned to.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cohort_tracker

PACKAGE = Path(cohort_tracker.__file__).parent
MODULES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}

# What may be imported from others, and why that is theirs to keep working.
ALLOWED = {
    "apprise": "its documented API is the package itself",
    "click": "its documented API is the package itself",
    "dbt.adapters.duckdb.plugins": "BasePlugin: dbt-duckdb's README, Writing Your Own Plugins",
    "dbt.cli.main": "dbtRunner: dbt's documentation, Programmatic invocations",
    "dlt": "its documented API is the package itself",
    "dlt.common.destination.exceptions": "what a custom destination raises: dlt's API reference",
    "dlt.common.schema": "TTableSchema, what a custom destination is given: dlt's documentation",
    "dlt.extract": "DltResource, what @dlt.resource returns: dlt's API reference",
    "duckdb": "its documented API is the package itself",
    "fastapi": "its documented API is the package itself",
    "fastapi.exceptions": "FastAPI's reference, Exceptions",
    "fastapi.responses": "FastAPI's reference, Custom Response Classes",
    "fastapi.routing": "FastAPI's docs, Custom Request and APIRoute class",
    "cryptography.exceptions": "cryptography's reference, Exceptions",
    "cryptography.hazmat.primitives.ciphers.aead": "cryptography's docs, AEAD",
    "itsdangerous": "its documented API is the package itself",
    "jinja2": "its documented API is the package itself",
    "markupsafe": "Markup: Jinja2's documentation, HTML Escaping",
    "openpyxl": "its documented API is the package itself",
    "openpyxl.cell": "WriteOnlyCell: openpyxl's documentation, Optimised Modes",
    "openpyxl.styles": "openpyxl's documentation, Working with styles",
    "openpyxl.utils": "openpyxl's documentation, openpyxl.utils package",
    "orjson": "its documented API is the package itself",
    "pyarrow": "its documented API is the package itself",
    "pyarrow.compute": "pyarrow's documentation, Compute Functions",
    "pyarrow.parquet": "pyarrow's documentation, Reading and Writing Parquet",
    "pydantic": "its documented API is the package itself",
    "pydantic.json_schema": "pydantic's documentation, JSON Schema",
    "pyspark.errors": "AnalysisException: Spark's Python API reference, Errors",
    "pyspark.sql": "SparkSession: Spark's Python API reference",
    "requests": "its documented API is the package itself",
    "requests.adapters": "HTTPAdapter: requests' documentation, Transport Adapters",
    "requests.auth": "AuthBase: requests' documentation, New Forms of Authentication",
    "requests.exceptions": "requests' documentation, Exceptions",
    "requests.sessions": "Session: requests' documentation, Request Sessions",
    "rich.console": "rich's documentation",
    "rich.progress": "rich's documentation",
    "rich.table": "rich's documentation",
    "rich.text": "rich's documentation",
    "starlette.concurrency": "Starlette's documentation, Thread Pool",
    "starlette.exceptions": "Starlette's documentation, Exceptions",
    "starlette.types": "Starlette's documentation, Middleware, Type annotations",
    "tenacity": "its documented API is the package itself",
    "tenacity.wait": "tenacity's documentation, Waiting",
    "tomlkit": "its documented API is the package itself",
    "uvicorn": "Config and Server: uvicorn's documentation, Running programmatically",
    "urllib3.exceptions": "urllib3's documentation, Exceptions",
    "yaml": "its documented API is the package itself",
}

OWN = {"self", "cls", "other"}

# Documented in spite of their names.
PUBLIC = {"_asdict", "_fields", "_make", "_replace", "_exit"}


def breaches(source: str) -> list[str]:
    """What in a module's text is not a supported use of other libraries."""
    tree = ast.parse(source)
    reader = _Reader(set(_private_names_of(tree)))
    reader.visit(tree)
    return reader.found


def _private_names_of(tree: ast.AST) -> Iterator[str]:
    """The private attributes that the module itself makes: its methods, and what `self` gets."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and _is_own(node.value):
            yield node.attr


class _Reader(ast.NodeVisitor):
    def __init__(self, own_private_names: set[str]) -> None:
        self.own_private_names = own_private_names
        self.found: list[str] = []
        self.imports_others = False
        self.foreign: set[str] = set()  # names that stand for a module or class of others

    def _breach(self, node: ast.AST, what: str) -> None:
        self.found.append(f"line {getattr(node, 'lineno', 0)}: {what}")

    def _imported(self, node: ast.AST, module: str, bound: str) -> None:
        if module.split(".")[0] == "cohort_tracker":
            return
        self.foreign.add(bound)
        if any(part.startswith("_") and part != "__future__" for part in module.split(".")):
            self._breach(node, f"imports the private {module}")

    def _allowed(self, node: ast.AST, module: str) -> None:
        if module.split(".")[0] in {*sys.stdlib_module_names, "cohort_tracker"}:
            return
        self.imports_others = True
        if module not in ALLOWED:
            self._breach(node, f"imports {module}, which is not among what others document")

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._allowed(node, alias.name)
            self._imported(node, alias.name, alias.asname or alias.name.split(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level == 0 and node.module:
            self._allowed(node, node.module)
            for alias in node.names:
                self._imported(node, f"{node.module}.{alias.name}", alias.asname or alias.name)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        is_own = _is_own(node.value) or (
            node.attr in self.own_private_names and not self._is_foreign(node.value)
        )
        if _is_private(node.attr) and not is_own:
            self._breach(node, f"touches the private {ast.unparse(node)}")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assigned(node, node.targets, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._assigned(node, [node.target], node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._assigned(node, [node.target], None)

    def visit_Delete(self, node: ast.Delete) -> None:
        self._assigned(node, node.targets, None)

    def _assigned(self, node: ast.AST, targets: list[ast.expr], value: ast.expr | None) -> None:
        for target in targets:
            for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(part, ast.Attribute) and self._is_foreign(part.value):
                    self._breach(node, f"changes {ast.unparse(part)}")
                if isinstance(part, ast.Subscript) and ast.unparse(part.value) == "sys.modules":
                    self._breach(node, f"changes {ast.unparse(part)}")
                if isinstance(part, ast.Name) and value is not None and self._is_foreign(value):
                    self.foreign.add(part.id)  # another name for the same thing
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func)
        changes = called in {"setattr", "delattr"} and not _is_own(node.args[0])
        if changes and (self.imports_others or self._is_foreign(node.args[0])):
            self._breach(node, f"changes something by {called}")
        loads = called.split(".")[-1] in {"import_module", "__import__", "exec_module"}
        if loads and not _is_relative(node.args[0]):
            self._breach(node, f"imports by {called}, which cannot be read here")
        if called == "getattr" and isinstance(node.args[1], ast.Constant):
            name = str(node.args[1].value)
            if _is_private(name):
                self._breach(node, f"touches the private {name}")
        self.generic_visit(node)

    def _is_foreign(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.foreign


def _is_relative(name: ast.expr) -> bool:
    """Whether a module's name begins with a dot: a module of the package's own."""
    first = name.values[0] if isinstance(name, ast.JoinedStr) and name.values else name
    return isinstance(first, ast.Constant) and str(first.value).startswith(".")


def _is_private(name: str) -> bool:
    is_dunder = name.startswith("__") and name.endswith("__")
    return name.startswith("_") and not is_dunder and name not in PUBLIC


def _is_own(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in OWN


@pytest.mark.parametrize("name", MODULES)
def test_module_uses_only_what_others_document(name: str):
    assert breaches(MODULES[name].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from dbt.task import run",
        "from dbt.compilation import Compiler",
        "from dbt_common.events.types import Note",
        "import dlt.destinations.impl.sqlalchemy.sqlalchemy_job_client",
        "from urllib3.connection import HTTPConnection",
        "from dlt import _private",
        "import atexit\natexit._run_exitfuncs()",
        "import duckdb\nduckdb.connect = print",
        "import dlt\nowner = dlt.Pipeline\nowner.run = print",
        "import dlt\nsetattr(dlt.Pipeline, 'run', print)",
        "import dlt\ndef replace(owner):\n    setattr(owner, 'run', print)",
        "import json\nclass A:\n    def _scan(self): ...\njson._scan()",
        "import dlt\ndef f(pipeline):\n    return pipeline._schema_storage",
        "import dlt\ngetattr(dlt, '_hidden')",
        "import sys\nsys.modules['dlt'] = None",
        "import importlib\nimportlib.import_module('dbt.task.run')",
        "import duckdb\ndel duckdb.connect",
    ],
)
def test_what_is_not_supported_is_seen(source: str):
    assert breaches(source)


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['A'] = 'b'",
        "import requests\nsession = requests.Session()\nsession.verify = 'bundle.pem'",
        "class A:\n    def f(self, other):\n        self._x = other._x",
        "class A:\n    def f(self):\n        self._x = 1\ndef g(a):\n    return a._x",
        "import os\nos._exit(1)",
        "from cohort_tracker.warehouse import dbt_plugin\ndbt_plugin.sync_build = None",
    ],
)
def test_what_is_supported_is_not_taken_for_something_else(source: str):
    assert breaches(source) == []
