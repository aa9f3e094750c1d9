"""The dbt project: where it is, and the variables that it declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import BuildError


def project_dir() -> Path:
    """Where the dbt project is: inside the installed package, or the checkout around it."""
    packaged = Path(__file__).parent / "dbt"
    if (packaged / "dbt_project.yml").is_file():
        return packaged
    checkout = Path(__file__).parents[2]
    if (checkout / "dbt_project.yml").is_file():
        return checkout
    raise BuildError(
        "The installation is not whole: the definitions of the tables are missing",
        "Install cohort-tracker again.",
    )


def project_vars() -> dict[str, Any]:
    """The variables of the project with their defaults, in the order of `dbt_project.yml`."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    text = (project_dir() / "dbt_project.yml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)["vars"]
    return found


def read_contract(project: Path, name: str) -> dict[str, Any]:
    """What the `.yml` beside a model of `core` or `marts` says of it, by its name with schema."""
    import yaml

    schema, plain = name.split(".")
    text = (project / "models" / schema / f"{plain}.yml").read_text(encoding="utf-8")
    [model] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["models"]  # noqa: S506
    found: dict[str, Any] = model
    return found


def primary_key(contract: dict[str, Any]) -> tuple[str, ...]:
    """The columns of the key that a contract declares."""
    keys = [c["columns"] for c in contract["constraints"] if c["type"] == "primary_key"]
    return tuple(keys[0])
