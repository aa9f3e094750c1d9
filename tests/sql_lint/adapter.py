"""Stand-in for the dispatch of dbt: a macro of one engine is linted as a call of its name."""

from collections.abc import Callable


def dispatch(name: str, package: str) -> Callable[..., str]:
    return lambda *arguments: f"{name}({', '.join(str(a) for a in arguments)})"
