"""OpenClass as a dlt source: docs/dlt-source.md shows how it is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dlt
from dlt.extract import DltResource

from ...config import DEFAULT_API_BASE, Settings, with_overrides
from ...setting_values import EnvText
from ..dlt_tables import tables
from .client import OpenClassClient


@dlt.source(name="openclass", section="openclass", max_table_nesting=0)
def openclass(
    email: str = dlt.secrets.value,
    password: str = dlt.secrets.value,
    class_ids: Sequence[str] = (),
    api_base: str = DEFAULT_API_BASE,
    origin: str | None = None,
    app_id: str | None = None,
    page_delay: float = Settings.page_delay,
    page_size: Any = Settings.page_size,  # dlt passes by what may be of two types
    lookback_days: float = Settings.lookback_days,
    full_refresh_days: float = Settings.full_refresh_days,
    ca_bundle: str | None = None,
    allow_http: bool = False,
    full: bool = False,
) -> list[DltResource]:
    """The tables `classes`, `class_units` and `progressions` of the classes of an account.

    Args:
        email: of the OpenClass account; like everything here also from dlt's own configuration,
            section `sources.openclass`.
        password: of the account.
        class_ids: ids or friendly ids; none: all classes that the account sees.
        full: read everything, and delete the progressions that the API does not show any more.
        api_base, origin, app_id, page_delay, page_size, lookback_days, full_refresh_days,
            ca_bundle, allow_http: as in docs/configuration.md.

    Raises ConfigError for a value that cannot be; reading the resources raises
    AuthenticationError, ClassNotFoundError or ApiUnavailableError.
    """
    given: dict[str, Any] = {
        "email": email,
        "password": password,
        "class_ids": list(class_ids),
        "api_base": api_base,
        "origin": origin,
        "app_id": app_id,
        "page_delay": page_delay,
        # Out of the environment a number comes as text.
        "page_size": EnvText(page_size) if isinstance(page_size, str) else page_size,
        "lookback_days": lookback_days,
        "full_refresh_days": full_refresh_days,
        "ca_bundle": ca_bundle,
        "allow_http": allow_http,
        "data_dir": str(Settings.data_dir),
    }
    chosen = {key: value for key, value in given.items() if value is not None}
    settings = with_overrides(Settings(), **chosen)
    return tables(lambda: OpenClassClient(settings), settings, full)
