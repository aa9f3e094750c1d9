"""A loop by hand: requests and sqlite3, one upsert per page, one transaction per class."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from common import COLUMNS, flat, pages, read_job, signed_session

job = read_job()
session = signed_session(job)
columns = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())
places = ", ".join("?" * len(COLUMNS))
with closing(sqlite3.connect(job.out)) as db:
    db.execute(f"CREATE TABLE IF NOT EXISTS progressions ({columns}, PRIMARY KEY (id))")
    for class_id in job.class_ids:
        for records in pages(session, job, class_id):
            rows = [tuple(flat(record, class_id).values()) for record in records]
            db.executemany(f"INSERT OR REPLACE INTO progressions VALUES ({places})", rows)
        db.commit()
