"""Settings: from a TOML file and from `COHORT_TRACKER_<KEY>` in the environment, which wins."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import stat
import tempfile
import time
import tomllib
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from .channels import Channel, parsed_channels
from .errors import ConfigError
from .postgres_address import PostgresAddress, parsed_address, parsed_prefix
from .serve_settings import (
    SERVE_KEYS,
    ServeSettings,
    contradiction,
    parsed_serve_setting,
    serve_table,
)
from .setting_values import EnvText as _Text
from .setting_values import is_loopback
from .setting_values import kind_of as _kind
from .setting_values import number as _number
from .setting_values import text as _text
from .setting_values import texts as _texts
from .setting_values import truth as _truth

ENV_PREFIX = "COHORT_TRACKER_"
_MAX_FILE_BYTES = 1 << 20
_FILE_HINT = "docs/configuration.md shows how it is written; `cohort-tracker init` makes a new one."
DEFAULT_API_BASE = "https://api.openclass.ai"
AUTO: Literal["auto"] = "auto"
LARGEST_PAGE = 1_000
"""The most records that are asked for per page where the settings leave it to be found out."""
# Keys that the Rust tracker writes and that mean nothing here.
FOREIGN_KEYS = frozenset({"check_for_updates"})
# Environment variables of the prefix that are no settings: the dbt profile reads them.
_OTHER_ENV = frozenset({"CONFIG", "RAW_DB", "WAREHOUSE"})
# Keys of the file by another name than the setting's, and settings that only the file can give.
_FILE_NAMES = {"class_id": "class_ids", "class": "class_timezones", "notify": "channels"}
_ONLY_IN_FILE = frozenset({"class", "class_timezones", "notify", "channels", "serve"})
_SERVE_ENV = f"{ENV_PREFIX}SERVE_"
# What is being written and has not taken the settings file's place yet, by its process.
_UNWRITTEN = ".unwritten"
_UNWRITTEN_NAME = re.compile(r"\.(\d+)-\w+\.unwritten")
_WRITING_SECONDS = 300.0


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. Times in seconds, days or hours as the name says."""

    source: str = "openclass"
    email: str | None = None
    password: str | None = field(default=None, repr=False)
    class_ids: tuple[str, ...] = ()
    retired_classes: tuple[str, ...] = ()
    api_base: str = DEFAULT_API_BASE
    origin: str | None = None
    app_id: str | None = None
    data_dir: Path = Path("~/.cohort-tracker")
    page_delay: float = 0.5
    page_size: int | Literal["auto"] = AUTO
    lookback_days: float = 14.0
    full_refresh_days: float = 7.0
    max_rejected_share: float = 0.1
    grade_scale: float = 1.0
    backup_dir: Path | None = None
    backups: int = 7
    log_days: int = 7
    warehouse_mode: str = "0400"
    timezone: str = "UTC"
    class_timezones: Mapping[str, str] = field(default_factory=dict)
    roster: Path | None = None
    mentors: Path | None = None
    schedule: Path | None = None
    exclude: tuple[str, ...] = ()
    stale_after_hours: float = 48.0
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    publish: PostgresAddress | None = None
    publish_prefix: str = ""
    channels: tuple[Channel, ...] = ()
    ca_bundle: Path | None = None
    allow_http: bool = False
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    max_attempts: int = 5
    retry_seconds: float = 120.0
    serve: ServeSettings = field(default_factory=ServeSettings)
    config_path: Path | None = None
    warnings: tuple[str, ...] = ()

    def timezone_of(self, *names: str | None) -> str:
        """The time zone of a class, by the first of its ids that the settings give one for."""
        zones = (self.class_timezones.get(name) for name in names if name is not None)
        return next(filter(None, zones), self.timezone)

    @property
    def largest_page(self) -> int:
        """The most records that are asked for per page."""
        return LARGEST_PAGE if self.page_size == AUTO else self.page_size

    @property
    def raw_path(self) -> Path:
        """The raw store, a SQLite file."""
        return self.data_dir / "raw.db"

    @property
    def backup_path(self) -> Path:
        """The folder of the raw store's backups."""
        return self.backup_dir or self.data_dir / "backups"

    @property
    def warehouse_path(self) -> Path:
        """The published warehouse, a DuckDB file."""
        return self.data_dir / "warehouse.duckdb"

    @property
    def dbt_vars(self) -> dict[str, Any]:
        """The variables of the dbt project that are to have another value than its own."""
        found = dict(self.thresholds)
        if self.stale_after_hours != Settings.stale_after_hours:
            found["stale_after_hours"] = self.stale_after_hours
        return found

    @property
    def warehouse_permissions(self) -> int:
        """Who may read the published warehouse, as `chmod` takes it."""
        return int(self.warehouse_mode, 8)

    def require_credentials(self) -> tuple[str, str]:
        """Return (e-mail, password); raises ConfigError naming what is missing."""
        missing = [key for key in ("email", "password") if not getattr(self, key)]
        if missing:
            raise ConfigError(
                f"Not configured: {' and '.join(missing)} missing"
                + (f" in {self.config_path}" if self.config_path else ""),
                "Run `cohort-tracker init`, or set "
                + " and ".join(ENV_PREFIX + key.upper() for key in missing)
                + ".",
            )
        assert self.email is not None and self.password is not None
        return self.email, self.password


def default_config_path() -> Path:
    """Where settings are looked for when the command line names no file.

    Raises ConfigError where the user has no home directory.
    """
    return in_home(Path("~/.cohort-tracker.toml"), "name a settings file with --config")


def in_home(path: Path, otherwise: str) -> Path:
    """Return `path` with its `~` replaced.

    Raises ConfigError where the user has no home directory: set HOME, or do `otherwise`.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        raise ConfigError(
            f"{path}: this user has no home directory", f"Set HOME, or {otherwise}."
        ) from None


def load_settings(
    config_path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    no_file: bool = False,
) -> Settings:
    """Read settings from `config_path` (default `~/.cohort-tracker.toml`) and the environment.

    A file that was named must exist; the default one may be absent, as it is for a user without
    a home directory. `no_file`: only the environment counts.
    Raises ConfigError naming file and key for anything unknown, mistyped or unreadable.
    """
    environ = os.environ if environ is None else environ
    path = _settings_file(config_path)
    values: dict[str, Any] = {}
    warnings: list[str] = []
    if not no_file and path and (config_path is not None or path.exists()):
        values, warnings = _from_file(path)
    found, unknown = _from_environment(environ)
    values.update(found)
    served = _serve_from_environment(environ)
    if served:
        values["serve"] = replace(values.get("serve", ServeSettings()), **served)
    warnings += unknown
    if "data_dir" not in values:
        values["data_dir"] = in_home(Settings.data_dir, f"set {ENV_PREFIX}DATA_DIR")
    settings = Settings(config_path=path, warnings=tuple(warnings), **values)
    return _checked(settings)


def _settings_file(named: Path | None) -> Path | None:
    """The settings file, there or not; None where only a home directory could tell its place."""
    if named is not None:
        return in_home(named, "name the file in full").absolute()
    try:
        return default_config_path().absolute()
    except ConfigError:
        return None


def read_config_document(path: Path) -> dict[str, Any]:
    """Parse the TOML file at `path`; raises ConfigError naming the file and the line."""
    try:
        text = _bounded_bytes(path).decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"Configuration file not found: {path}",
            "Run `cohort-tracker init`, or name another file with --config.",
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{path}: cannot be understood: nested too deep", _FILE_HINT) from None
    except ValueError as error:  # TOMLDecodeError, and numbers without end
        raise ConfigError(f"{path}: cannot be understood: {error}", _FILE_HINT) from None


def _bounded_bytes(path: Path) -> bytes:
    """The content of a settings file. Raises OSError, or ConfigError for what can be none."""
    # A pipe or a device must neither be waited for nor read without end.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        kind = what_instead_of_a_file(os.fstat(handle).st_mode)
        if kind is not None:
            raise ConfigError(f"{path}: cannot be read: it is {kind}, not a file")
        content = stream.read(_MAX_FILE_BYTES + 1)
    if len(content) > _MAX_FILE_BYTES:
        raise ConfigError(f"{path}: more than {_MAX_FILE_BYTES:,} bytes: this is no settings file")
    return content


_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def what_instead_of_a_file(mode: int) -> str | None:
    """What something of this `st_mode` is, in words; None for a file."""
    return next((words for is_kind, words in _KINDS if is_kind(mode)), None)


def write_config(path: Path, changes: Mapping[str, Any]) -> None:
    """Change `changes` in the TOML file at `path`, keep everything else, atomically, mode 0600.

    Values are TOML-ready (str, int, float, bool, list of str); None removes the key.
    Raises ConfigError when the file cannot be written.
    """
    import tomlkit

    document = tomlkit.document()
    if path.exists():
        read_config_document(path)  # a broken file is an error with its line, not overwritten
        try:
            document = tomlkit.parse(_bounded_bytes(path).decode("utf-8-sig"))
        except (RecursionError, ValueError) as error:  # stricter than what reads it
            raise ConfigError(f"{path}: cannot be changed: {error}") from None
    for key, value in changes.items():
        if value is None:
            document.pop(key, None)
        else:
            document[key] = value
    target = path.resolve()  # a symlinked file stays a symlink
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        clear_unwritten(target)
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name}.{os.getpid()}-", suffix=_UNWRITTEN
        )
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(tomlkit.dumps(document))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)  # mkstemp made it 0600
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def clear_unwritten(path: Path) -> None:
    """Remove what a killed `write_config` left beside the settings file: it holds a password."""
    target = path.resolve()
    for left in target.parent.glob(f".*{_UNWRITTEN}"):
        named = _UNWRITTEN_NAME.fullmatch(left.name.removeprefix(f".{target.name}"))
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's
            if named and (
                not _is_alive(int(named[1]))
                or time.time() - left.stat().st_mtime > _WRITING_SECONDS
            ):
                left.unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


def _from_file(path: Path) -> tuple[dict[str, Any], list[str]]:
    document = read_config_document(path)
    warnings: list[str] = []
    is_open = os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    if is_open:
        warnings.append(f"{path} holds a password and can be read by others; run: chmod 600 {path}")
    values: dict[str, Any] = {}
    for key, value in document.items():
        if key in FOREIGN_KEYS:
            continue
        name = _setting_name(key)
        if name is None:
            close = difflib.get_close_matches(key, [*_PARSERS, *_FILE_NAMES], n=1)
            raise ConfigError(
                f"{path}: unknown key {key!r}",
                f"Did you mean {close[0]!r}?" if close else "See docs/configuration.md.",
            )
        where = f"{path}: {key}"
        value = _trimmed(name, value, where, warnings)
        parsed = _parse(name, value, where=where, base=path.parent)
        values[name] = (*values[name], *parsed) if name in values else parsed
    for channel in values.get("channels", ()):
        if channel.url is not None and is_open:
            raise ConfigError(
                f"{path}: notify: channel {channel.name!r}: its url is a secret, and others can"
                " read this file",
                f"Run `chmod 600 {path}`, or name an environment variable with url_env.",
            )
    if "class_ids" in values:
        values["class_ids"] = tuple(dict.fromkeys(values["class_ids"]))
    return values, warnings


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    warnings: list[str] = []
    for variable, text in environ.items():
        if not variable.startswith(ENV_PREFIX) or text == "":
            continue
        key = variable.removeprefix(ENV_PREFIX)
        name = _setting_name(key.lower())
        if key in _OTHER_ENV or _serve_name(variable) is not None:
            continue
        if name is None or key.lower() in _ONLY_IN_FILE:
            warnings.append(f"{variable} is no setting and has no effect")
            continue
        require_unicode(text, variable)
        given = _trimmed(name, _Text(text), variable, warnings)
        values[name] = _parse(name, given, where=variable, base=Path.cwd())
    return values, warnings


def _serve_from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Keys of `[serve]` that the environment gives."""
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        name = _serve_name(variable)
        if name is None or text == "":
            continue
        require_unicode(text, variable)
        try:
            values[name] = parsed_serve_setting(name, _Text(text))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{variable}: {error}") from None
    return values


def _serve_name(variable: str) -> str | None:
    """The key of `[serve]` that an environment variable stands for."""
    name = variable.removeprefix(_SERVE_ENV).lower()
    return name if variable.startswith(_SERVE_ENV) and name in SERVE_KEYS else None


def _trimmed(name: str, value: Any, where: str, warnings: list[str]) -> Any:
    """The value without what editors and secret stores leave around it; `warnings` tells."""
    if not isinstance(value, str):
        return value
    kept, what = str(value), ""
    if name == "email":
        kept, what = value.strip(), "blanks around it"
    elif name in ("password", "publish"):  # blanks may belong to it
        kept, what = value.rstrip("\r\n"), "a newline at its end"
    if kept == value:
        return value
    warnings.append(f"{where}: {what} left out")
    return type(value)(kept)


def require_unicode(text: str, where: str) -> None:
    """Raise ConfigError where the system handed over bytes that are no text in its encoding."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{where}: not text in UTF-8", "Give it anew, in UTF-8.") from None


def _setting_name(key: str) -> str | None:
    name = _FILE_NAMES.get(key, key)
    return name if name in _PARSERS and key not in ("class_timezones", "channels") else None


def _parse(name: str, value: Any, *, where: str, base: Path) -> Any:
    try:
        parsed = _PARSERS[name](value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from None
    if isinstance(parsed, Path):
        try:
            parsed = parsed.expanduser()
        except RuntimeError as error:
            raise ConfigError(f"{where}: {error}") from None
        parsed = parsed if parsed.is_absolute() else base.resolve() / parsed
    return parsed


def _password(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"must be text in quotes, not {_kind(value)}")
    return str(value)


def _patterns(value: Any) -> tuple[str, ...]:
    """E-mails, domains and names, which may hold blanks: in the environment commas part them."""
    parts = re.split(r"[,\n]", value) if isinstance(value, _Text) else value
    patterns = _texts([part for part in parts if part.strip()] if parts is not value else value)
    for pattern in patterns:
        if not pattern.strip("*@. "):
            raise ValueError(f"{pattern!r} would leave everybody out")
    return patterns


def _page_size(value: Any) -> int | Literal["auto"]:
    if value == AUTO:
        return AUTO
    try:
        size: int = _number(1, 10_000, whole=True)(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f'{error}; or "{AUTO}"') from None
    return size


def _path(value: Any) -> Path:
    return Path(_text(value))


def _thresholds(value: Any) -> dict[str, Any]:
    from .thresholds import checked_thresholds

    if not isinstance(value, dict):
        raise TypeError("must be a table in the settings file, headed [thresholds]")
    for name in value:
        if name in _PARSERS:
            raise ValueError(f"{name}: is a setting of its own; write it above [thresholds]")
    return checked_thresholds(value)


_WAREHOUSE_MODES = {
    "0400": "you alone may read it",
    "0440": "your group, too",
    "0444": "every user of this machine",
}


def _warehouse_mode(value: Any) -> str:
    mode = str(value) if isinstance(value, (str, int)) else _text(value)
    mode = f"0{mode}" if len(mode) == 3 else mode
    if mode not in _WAREHOUSE_MODES:
        choices = ", ".join(f'"{mode}" ({who})' for mode, who in _WAREHOUSE_MODES.items())
        raise ValueError(f"must be one of {choices}; nobody may write it but a sync")
    return mode


# Names that Python finds on this machine and DuckDB, which has its own list, does not know.
_PRIVATE_ZONES = frozenset({"localtime", "posixrules"})
_PRIVATE_ZONE_FOLDERS = ("posix/", "right/")


def _timezone(value: Any) -> str:
    name = _text(value)
    # Asking DuckDB would take longer to import than all else that a command does.
    plain = name
    for folder in _PRIVATE_ZONE_FOLDERS:
        plain = plain.removeprefix(folder)
    try:
        zoneinfo.ZoneInfo(name)
        is_known = plain == name and name not in _PRIVATE_ZONES
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        is_known = False
    if not is_known:
        raise ValueError(f"unknown time zone {name!r}; use a name like {_nearest_zone(plain)!r}")
    return name


def _class_timezones(value: Any) -> dict[str, str]:
    """The time zones of `[class.ID]` tables, by the id or friendly id of the class."""
    like = 'write it like [class.web-m1] and below timezone = "America/New_York"'
    if not isinstance(value, dict):
        raise TypeError(f"must be a table for each class: {like}")
    zones = {}
    for name, table in value.items():
        if not isinstance(table, dict):
            raise TypeError(f"{name} must be a table: {like}")
        for key in table:
            if key != "timezone":
                raise ValueError(f"{name}: unknown key {key!r}; a class can have a timezone")
        if "timezone" in table:
            try:
                zones[name] = _timezone(table["timezone"])
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name}: timezone: {error}") from None
    return zones


def _nearest_zone(name: str) -> str:
    """The name of a time zone that everybody knows and that is most like `name`."""
    zones = zoneinfo.available_timezones() - _PRIVATE_ZONES
    by_lower = {zone.lower(): zone for zone in sorted(zones)}
    wanted = name.lower().replace(" ", "_")
    ends = [zone for lower, zone in by_lower.items() if lower.endswith(f"/{wanted}")]
    close = difflib.get_close_matches(wanted, by_lower, n=1, cutoff=0.7)
    near = [by_lower[wanted]] if wanted in by_lower else ends or [by_lower[c] for c in close]
    return near[0] if near else "America/New_York"


def _api_base(value: Any) -> str:
    base = _text(value).strip().rstrip("/")
    base = base.removesuffix("/v1").rstrip("/")
    parts = urlsplit(base)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"must be a web address like {DEFAULT_API_BASE}, not {value!r}")
    if parts.username or parts.password:
        raise ValueError("must not contain a user name or password")
    return base


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "source": _text,
    "email": _text,
    "password": _password,
    "class_ids": _texts,
    "retired_classes": _texts,
    "api_base": _api_base,
    "origin": _text,
    "app_id": _text,
    "data_dir": _path,
    "page_delay": _number(0, 3600),
    "page_size": _page_size,
    "lookback_days": _number(0, 3650),
    "full_refresh_days": _number(0, 3650),
    "max_rejected_share": _number(0, 1),
    "grade_scale": _number(1, 1_000_000),
    "backup_dir": _path,
    "backups": _number(0, 10_000, whole=True),
    "log_days": _number(0, 3650, whole=True),
    "warehouse_mode": _warehouse_mode,
    "timezone": _timezone,
    "class_timezones": _class_timezones,
    "roster": _path,
    "mentors": _path,
    "schedule": _path,
    "exclude": _patterns,
    "stale_after_hours": _number(0, 87_600),
    "thresholds": _thresholds,
    "publish": parsed_address,
    "publish_prefix": parsed_prefix,
    "channels": parsed_channels,
    "ca_bundle": _path,
    "allow_http": _truth,
    "connect_timeout": _number(0.1, 600),
    "read_timeout": _number(0.1, 600),
    "max_attempts": _number(1, 20, whole=True),
    "retry_seconds": _number(1, 3600),
    "serve": serve_table,
}
assert set(_PARSERS) == {f.name for f in fields(Settings)} - {"config_path", "warnings"}


def _checked(settings: Settings) -> Settings:
    """Refuse combinations that no single value shows to be wrong."""
    parts = urlsplit(settings.api_base)
    if parts.scheme == "http" and not is_loopback(parts.hostname) and not settings.allow_http:
        raise ConfigError(
            f"api_base {settings.api_base}: a password would travel unencrypted",
            "Use https://, or set allow_http = true if this network is yours.",
        )
    address = settings.publish
    if address is not None and not address.is_private and not settings.allow_http:
        raise ConfigError(
            f"publish {address.name}: names and a password would travel unencrypted",
            "Add ?sslmode=verify-full (or require) to the address, or set allow_http = true if this"
            " network is yours.",
        )
    wrong = contradiction(settings.serve)
    if wrong is not None:
        raise ConfigError(f"[serve] {wrong}", "docs/configuration.md says what goes together.")
    return settings


def with_overrides(settings: Settings, **values: Any) -> Settings:
    """Return settings with some values replaced, checked like those from a file."""
    for name, value in values.items():
        if isinstance(value, str):
            require_unicode(value, name)
    parsed = {
        name: _parse(name, value, where=name, base=Path.cwd()) for name, value in values.items()
    }
    return _checked(replace(settings, **parsed))
