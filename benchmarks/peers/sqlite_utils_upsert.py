"""sqlite-utils: each page upserted into a table that was made with its key and its types."""

from __future__ import annotations

import sqlite_utils
from common import COLUMNS, flat, pages, read_job, signed_session

TYPES = {"text": str, "real": float}

job = read_job()
session = signed_session(job)
db = sqlite_utils.Database(str(job.out))
db.enable_wal()
progressions = db.table("progressions")
progressions.create({name: TYPES[type_] for name, type_ in COLUMNS.items()}, pk="id")
for class_id in job.class_ids:
    for records in pages(session, job, class_id):
        progressions.upsert_all(
            (flat(record, class_id) for record in records), pk="id", batch_size=len(records)
        )
db.close()
