"""Tables of PostgreSQL brought into the shape of the warehouse's, without being made anew.

A table that is dropped takes the views, grants and policies of others with it, so it is altered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .tables import Table, identifier


@dataclass
class Found:
    """A table as PostgreSQL has it: its columns with type and comment, and its primary key."""

    comment: str | None = None
    key_name: str | None = None
    key: tuple[str, ...] = ()
    columns: dict[str, tuple[str, str | None]] = field(default_factory=dict)


def catalog_query(schemas: Sequence[str]) -> str:
    """The question for everything in the schemas that could be read from, a row per column."""
    names = ", ".join(literal(name) for name in schemas)
    return f"""
        select
            n.nspname::text, c.relname::text, obj_description(c.oid, 'pg_class'),
            k.conname::text, k.columns,
            a.attname::text, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        left join pg_attribute as a
            on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join lateral (
            select p.conname, (
                select string_agg(ka.attname::text, ',' order by u.place)
                from unnest(p.conkey) with ordinality as u (number, place)
                join pg_attribute as ka on ka.attrelid = c.oid and ka.attnum = u.number
            ) as columns
            from pg_constraint as p where p.conrelid = c.oid and p.contype = 'p'
        ) as k on true
        where n.nspname in ({names}) and c.relkind in ('r', 'p', 'v', 'm', 'f')
        order by c.oid, a.attnum
    """  # noqa: S608


def found_tables(rows: Sequence[tuple[Any, ...]]) -> dict[tuple[str, str], Found]:
    """The answer to `catalog_query`, by schema and name."""
    found: dict[tuple[str, str], Found] = {}
    for schema, name, comment, key_name, key, column, type_, said in rows:
        key_columns = tuple(key.split(",")) if key else ()
        table = found.setdefault((schema, name), Found(comment, key_name, key_columns))
        if column is not None:
            table.columns[column] = (type_, said)
    return found


def literal(value: str | None) -> str:
    """A text as PostgreSQL reads it whatever it is set to; it has no NUL."""
    if value is None:
        return "NULL"
    return "E'" + value.replace("\0", "").replace("\\", "\\\\").replace("'", "''") + "'"


@dataclass
class Changes:
    """What brings a table into shape: before its rows come, and after.

    `alters`: a table that is there gets another shape, for which readers wait. `columns` tells of
    those that went (-) and came (+); one of another type did both.
    """

    before: list[str]
    after: list[str]
    alters: bool = False
    columns: str = ""

    def __bool__(self) -> bool:
        return bool(self.before or self.after)


def changes(table: Table, place: str, found: Found | None) -> Changes:
    """What is to be done to the table `place`, a quoted name; `found`: None where it is not yet."""
    wanted = {column.name: column.type for column in table.columns}
    new_key = f"ALTER TABLE {place} ADD PRIMARY KEY ({', '.join(map(identifier, table.key))})"
    if found is None:
        definitions = ", ".join(f"{identifier(name)} {type_}" for name, type_ in wanted.items())
        after = [new_key] if table.key else []
        after += _comments(table, place, Found())
        return Changes([f"CREATE TABLE {place} ({definitions})"], after)
    gone = [name for name, (type_, _) in found.columns.items() if wanted.get(name) != type_]
    new = [name for name in wanted if name not in found.columns or name in gone]
    steps = [f"DROP COLUMN {identifier(name)}" for name in gone]
    steps += [f"ADD COLUMN {identifier(name)} {wanted[name]}" for name in new]
    other_key = found.key != table.key or not set(gone).isdisjoint(table.key)
    if other_key and found.key_name:
        steps.insert(0, f"DROP CONSTRAINT {identifier(found.key_name)}")
    before = [f"ALTER TABLE {place} {', '.join(steps)}"] if steps else []
    after = [new_key] if other_key and table.key else []
    kept = {name: said for name, said in found.columns.items() if name not in new}
    after += _comments(table, place, Found(comment=found.comment, columns=kept))
    signs = [f"-{name}" for name in gone] + [f"+{name}" for name in new]
    return Changes(before, after, alters=bool(before), columns=" ".join(signs))


def _comments(table: Table, place: str, found: Found) -> Iterator[str]:
    """The comments that are not yet there."""
    if table.comment != found.comment:
        yield f"COMMENT ON TABLE {place} IS {literal(table.comment)}"
    for column in table.columns:
        _, said = found.columns.get(column.name, (None, None))
        if column.comment != said:
            words = literal(column.comment)
            yield f"COMMENT ON COLUMN {place}.{identifier(column.name)} IS {words}"
