"""A Singer tap written with singer-sdk: one stream, one partition per class."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from common import COLUMNS, Job, PacedSession, flat, login
from requests import Response
from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.pagination import PageNumberPaginator
from singer_sdk.streams import RESTStream

TYPES = {"text": th.StringType, "real": th.NumberType}


class Pages(PageNumberPaginator):
    """Pages until the API says that there are no more."""

    def has_more(self, response: Response) -> bool:
        """Whether there is another page."""
        more: bool = response.json()["metadata"]["can_load_more"]
        return more


class Progressions(RESTStream[int]):
    """The progressions of the configured classes."""

    name = "progressions"
    path = "/v1/classes/{class_id}/progressions"
    primary_keys = ("id",)
    records_jsonpath = "$.data[*]"
    schema = th.PropertiesList(
        *(th.Property(name, TYPES[type_]) for name, type_ in COLUMNS.items())
    ).to_dict()

    @property
    def url_base(self) -> str:
        """Where the API is."""
        return str(self.config["url"])

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """One partition per class."""
        return [{"class_id": class_id} for class_id in self.config["class_ids"]]

    @cached_property
    def requests_session(self) -> PacedSession:
        """A session that keeps the pace."""
        return PacedSession(float(self.config["delay"]))

    @cached_property
    def authenticator(self) -> BearerTokenAuthenticator:
        """Logs in once."""
        config = self.config
        job = Job(config["url"], config["email"], config["password"], [], 0, 0.0, None)  # type: ignore[arg-type]
        return BearerTokenAuthenticator(token=login(self.requests_session, job))

    def get_new_paginator(self) -> Pages:
        """Start at page 0."""
        return Pages(0)

    def get_url_params(self, context: Any, next_page_token: int | None) -> dict[str, Any]:
        """Ask for a page, newest completions first."""
        return {
            "page": next_page_token or 0,
            "return_count": self.config["page_size"],
            "sort_by_completed_at": -1,
        }

    def parse_response(self, response: Response) -> Iterable[dict[str, Any]]:
        """The records of a page."""
        records: list[dict[str, Any]] = response.json()["data"]
        return records

    def post_process(self, row: dict[str, Any], context: Any = None) -> dict[str, Any]:
        """Lay a record flat."""
        return flat(row, context["class_id"])


class TapOpenClass(Tap):
    """The tap."""

    name = "tap-openclass"
    config_jsonschema = th.PropertiesList(
        th.Property("url", th.StringType, required=True),
        th.Property("email", th.StringType, required=True),
        th.Property("password", th.StringType, required=True, secret=True),
        th.Property("class_ids", th.ArrayType(th.StringType), required=True),
        th.Property("page_size", th.IntegerType, default=200),
        th.Property("delay", th.NumberType, default=0.5),
    ).to_dict()

    def discover_streams(self) -> list[Progressions]:
        """The one stream."""
        return [Progressions(self)]


if __name__ == "__main__":
    TapOpenClass.cli()
