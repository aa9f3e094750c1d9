"""Stand-ins for macros of dbt, so that the linter needs neither dbt nor a database."""


def type_string() -> str:
    return "string"


def date_trunc(datepart: str, day: str) -> str:
    return f"date_trunc('{datepart}', {day})"


def dateadd(datepart: str, interval: str, day: str) -> str:
    return f"date_add({day}, {interval})"


def datediff(first: str, second: str, datepart: str) -> str:
    return f"date_diff('{datepart}', {first}, {second})"


def listagg(measure: str, delimiter: str, order_by: str) -> str:
    return f"string_agg({measure}, {delimiter} {order_by})"
