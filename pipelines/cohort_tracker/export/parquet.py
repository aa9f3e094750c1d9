"""Parquet."""

from __future__ import annotations

from typing import BinaryIO

from .answer import Answer


def write_parquet(answer: Answer, file: BinaryIO) -> None:
    """Write the answer with the types of its columns. Times are UTC."""
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    found = answer.arrow()
    # Sums of whole numbers are wider in DuckDB than they can be.
    schema = pyarrow.schema(
        [
            field.with_type(pyarrow.int64()) if type_ == "HUGEINT" else field
            for field, type_ in zip(found.schema, answer.types, strict=True)
        ]
    )
    with ParquetWriter(file, schema) as writer:
        for batch in found:
            writer.write_batch(batch.cast(schema))
