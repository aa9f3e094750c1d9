"""dlt's stock `rest_api` source into DuckDB: the class list, each class's progressions merged."""

from __future__ import annotations

import os
import time
from typing import Any

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt
from common import login, read_job
from dlt.sources.helpers.requests import Session
from dlt.sources.rest_api import rest_api_source
from dlt.sources.rest_api.typing import RESTAPIConfig


class PacedSession(Session):
    """dlt's session, keeping the starts of two requests `delay` seconds apart."""

    delay = 0.0
    next_start = 0.0

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Send `request` when its turn has come."""
        if (remaining := self.next_start - time.monotonic()) > 0:
            time.sleep(remaining)
        self.next_start = time.monotonic() + self.delay
        return super().send(request, **kwargs)  # type: ignore[no-untyped-call]


job = read_job()
session = PacedSession()
session.delay = job.delay
config: RESTAPIConfig = {
    "client": {
        "base_url": f"{job.url}/v1/",
        "auth": {"type": "bearer", "token": login(session, job)},
        "session": session,
    },
    "resources": [
        {
            "name": "classes",
            "endpoint": {"path": "classes", "paginator": "single_page", "data_selector": "data"},
        },
        {
            "name": "progressions",
            "primary_key": "_id",
            "write_disposition": "merge",
            "include_from_parent": ["id"],
            "endpoint": {
                "path": "classes/{resources.classes.id}/progressions",
                "params": {"return_count": job.page_size, "sort_by_completed_at": -1},
                "data_selector": "data",
                "paginator": {
                    "type": "page_number",
                    "base_page": 0,
                    "page_param": "page",
                    "total_path": None,
                    "has_more_path": "metadata.can_load_more",
                },
            },
        },
    ],
}
pipeline = dlt.pipeline(
    "openclass",
    destination=dlt.destinations.duckdb(str(job.out)),
    dataset_name="raw",
    pipelines_dir=str(job.out.parent / "pipelines"),
)
pipeline.run(rest_api_source(config, name="openclass"))
