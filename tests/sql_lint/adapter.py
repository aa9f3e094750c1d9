"""Stand-in for dbt's dispatch: an engine-specific macro is linted as a call of a function of its name."""

from collections.abc import Callable


def dispatch(name: str, package: str) -> Callable[..., str]:
    return lambda *arguments: f"{name}({', '.join(str(a) for a in arguments)})"
