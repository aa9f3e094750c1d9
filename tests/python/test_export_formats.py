"""Files of answers, read back: what was said, in its types, and no cell that is a formula."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime

import duckdb
import openpyxl
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort_tracker.errors import ConfigError
from cohort_tracker.export.answer import Answer
from cohort_tracker.export.parquet import write_parquet
from cohort_tracker.export.sheet import MOST_ROWS, require_sheet, write_sheet
from cohort_tracker.export.text import csv_parts, json_parts, plain_text
from hostile_cohort import BEFORE

TYPES = """
    SELECT 7 AS number, 0.5::DOUBLE AS real, true AS yes, false AS no, DATE '2026-03-01' AS day,
        TIMESTAMP '2026-03-01 18:30:00' AS moment, TIMESTAMP '2026-03-01 18:30:00.25' AS fraction,
        NULL::BIGINT AS nothing, 'text' AS text, '' AS empty, sum(5000000000) AS big,
        '-7' AS like_one, 'NaN'::DOUBLE AS nan, '-inf'::DOUBLE AS infinite,
        DATE '0001-01-01' AS zero_day
"""
INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


@contextmanager
def answer_to(sql: str, *parameters: object) -> Iterator[Answer]:
    with duckdb.connect() as connection:
        yield Answer(connection.execute(sql, [*parameters]))


def texts(values: list[str]) -> str:
    """SQL of the values as rows, with a number beside each."""
    quoted = ", ".join("('" + value.replace("'", "''") + "')" for value in values)
    return f"SELECT text, 1 AS one FROM (VALUES {quoted}) AS t(text)"


def written(sql: str, write: Callable[[Answer], Iterator[bytes]]) -> bytes:
    with answer_to(sql) as answer:
        return b"".join(write(answer))


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def sheet_of(sql: str):
    file = io.BytesIO()
    with answer_to(sql) as answer:
        write_sheet(answer, file, "title")
    return openpyxl.load_workbook(file).worksheets[0]


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would take a cell of a CSV file for a formula, or might."""
    seen = [sign for sign in cell if not sign.isspace() and sign not in INVISIBLE]
    return cell[:1] in ("\t", "\r", "\n") or seen[:1] in [[sign] for sign in "=+-@＝＋－＠﹦﹢﹣﹫"]


def test_csv_has_the_mark_line_ends_and_quotes_that_excel_knows():
    content = written("SELECT 'a,b' AS \"x y\", 'say \"hi\"' AS q, 'c\nd' AS n", csv_parts)
    assert content == b'\xef\xbb\xbfx y,q,n\r\n"a,b","say ""hi""","c\nd"\r\n'


def test_csv_writes_each_type_so_that_it_is_read_as_one():
    assert dict(zip(*read_csv(written(TYPES, csv_parts)), strict=True)) == {
        "number": "7",
        "real": "0.5",
        "yes": "true",
        "no": "false",
        "day": "2026-03-01",
        "moment": "2026-03-01 18:30:00",
        "fraction": "2026-03-01 18:30:00.250000",
        "nothing": "",
        "text": "text",
        "empty": "",
        "big": "5000000000",
        "like_one": "'-7",
        "nan": "",
        "infinite": "",
        "zero_day": "0001-01-01",
    }


def test_negative_number_stays_one_in_csv():
    assert written("SELECT -7 AS a, -0.5::DOUBLE AS b", csv_parts).endswith(b"\r\n-7,-0.5\r\n")


def test_no_hostile_text_is_a_formula_in_csv():
    values = [f"{before}1" for before in BEFORE]
    rows = read_csv(written(texts(values), csv_parts))[1:]
    assert not [cell for cell, _ in rows if is_formula(cell)]
    assert [
        cell.removeprefix("'") if value[0] != "'" else cell
        for (cell, _), value in zip(rows, values, strict=True)
    ] == values
    assert {one for _, one in rows} == {"1"}
    harmless = [value for value in values if not is_formula(value)]
    assert len(harmless) > 15
    assert [cell for cell, _ in rows if cell in harmless] == harmless, "nothing else is changed"


@given(st.text() | st.text(" \t\n\r\u200b\u3000=+-@＝＋－＠﹦﹢﹣﹫'a"))
def test_no_text_at_all_is_a_formula(text: str):
    assert plain_text(text) == (f"'{text}" if is_formula(text) else text)
    assert not is_formula(plain_text(text))


def test_json_is_an_array_of_objects_with_times_in_utc():
    content = written(TYPES, json_parts)
    assert json.loads(content) == [
        {
            **{"number": 7, "real": 0.5, "yes": True, "no": False, "day": "2026-03-01"},
            **{"moment": "2026-03-01T18:30:00Z", "fraction": "2026-03-01T18:30:00.250000Z"},
            **{"nothing": None, "text": "text", "empty": "", "big": 5_000_000_000},
            **{"like_one": "-7", "nan": None, "infinite": None, "zero_day": "0001-01-01"},
        }
    ]


def test_json_of_many_batches_is_one_array_and_of_nothing_an_empty_one():
    content = written("SELECT range AS n FROM range(25000)", json_parts)
    assert [row["n"] for row in json.loads(content)] == list(range(25_000))
    assert content.count(b"\n") == 25_002, "a row in each line"
    assert json.loads(written("SELECT 1 AS n WHERE false", json_parts)) == []


def test_hostile_texts_come_back_from_json_and_parquet_as_they_are():
    values = [f"{before}1" for before in BEFORE]
    assert [row["text"] for row in json.loads(written(texts(values), json_parts))] == values
    file = io.BytesIO()
    with answer_to(texts(values)) as answer:
        write_parquet(answer, file)
    assert pyarrow.parquet.read_table(file)["text"].to_pylist() == values


def test_parquet_has_the_types_of_the_columns():
    file = io.BytesIO()
    with answer_to(TYPES) as answer:
        write_parquet(answer, file)
    table = pyarrow.parquet.read_table(file)
    assert {field.name: str(field.type) for field in table.schema} == {
        **{"number": "int32", "real": "double", "yes": "bool", "no": "bool", "day": "date32[day]"},
        **{"moment": "timestamp[us]", "fraction": "timestamp[us]", "nothing": "int64"},
        **{"text": "string", "empty": "string", "big": "int64", "like_one": "string"},
        **{"nan": "double", "infinite": "double", "zero_day": "date32[day]"},
    }
    [row] = table.to_pylist()
    assert row["moment"] == datetime(2026, 3, 1, 18, 30)
    assert (row["big"], row["nothing"], row["empty"]) == (5_000_000_000, None, "")


def test_sheet_has_numbers_dates_and_texts():
    sheet = sheet_of(TYPES)
    headings, cells = ([*row] for row in sheet.iter_rows())
    found = {
        head.value: (cell.data_type, cell.value) for head, cell in zip(headings, cells, strict=True)
    }
    assert found == {
        "number": ("n", 7),
        "real": ("n", 0.5),
        "yes": ("b", True),
        "no": ("b", False),
        "day": ("d", datetime(2026, 3, 1)),
        "moment": ("d", datetime(2026, 3, 1, 18, 30)),
        "fraction": ("d", datetime(2026, 3, 1, 18, 30, 0, 250_000)),
        "nothing": ("n", None),
        "text": ("s", "text"),
        "empty": found["empty"],
        "big": ("n", 5_000_000_000),
        "like_one": ("s", "-7"),
        "nan": ("n", None),
        "infinite": ("n", None),
        "zero_day": ("s", "0001-01-01"),
    }
    assert not found["empty"][1]
    assert sheet.freeze_panes == "A2"
    assert all(heading.font.bold for heading in headings)


def test_no_hostile_text_is_a_formula_in_a_sheet():
    values = [f"{before}1" for before in BEFORE] + ["#N/A", "TRUE", "2026-01-01", "1e5", "="]
    sheet = sheet_of(texts(values))
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert {cell.data_type for cell in cells} == {"s"}
    shown = [
        value.replace("\x1b", "").replace("\r\n", "\n").replace("\r", "\n") for value in values
    ]
    assert [cell.value for cell in cells] == shown


def test_control_characters_do_not_break_a_sheet():
    codes = [*range(1, 32), 127, 0xFFFE, 0xFFFF]
    sheet = sheet_of(texts([f"a{chr(code)}b" for code in codes]))
    kept = {"a\tb", "a\nb", "a\x7fb"}
    assert {row[0].value for row in sheet.iter_rows(min_row=2)} == {"ab", *kept}


def test_columns_are_as_wide_as_what_stands_in_them_up_to_a_bound():
    sheet = sheet_of("SELECT 1 AS n, 'twenty letters of it.' AS t, repeat('x', 500) AS long")
    widths = [sheet.column_dimensions[letter].width for letter in "ABC"]
    assert widths == [3, 23, 62]


def test_more_rows_than_a_sheet_holds_are_refused():
    require_sheet(MOST_ROWS - 1)
    with pytest.raises(ConfigError, match="1,048,576 rows are more than a sheet") as refused:
        require_sheet(MOST_ROWS)
    assert "--format csv or parquet" in (refused.value.hint or "")


@pytest.mark.parametrize("write", [csv_parts, json_parts])
def test_memory_does_not_grow_with_the_rows(write):
    def peak(rows: int) -> int:
        tracemalloc.start()
        with answer_to("SELECT range AS n, 'student ' || range AS t FROM range(?)", rows) as answer:
            assert sum(map(len, write(answer))) > rows * 10
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(200_000) < 1.5 * peak(20_000)


def test_dates_are_written_as_python_has_them():
    with answer_to(TYPES) as answer:
        [row] = [row for batch in answer.batches() for row in batch]
        assert dict(zip(answer.columns, row, strict=True))["day"] == date(2026, 3, 1)
        assert answer.kinds.count("moment") == 4
