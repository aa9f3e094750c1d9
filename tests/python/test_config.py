"""Settings: files and environment, and what is said about wrong ones."""

from __future__ import annotations

import pwd
import zoneinfo
from pathlib import Path

import duckdb
import pytest

from cohort_tracker.config import (
    Settings,
    default_config_path,
    load_settings,
    with_overrides,
    write_config,
)
from cohort_tracker.errors import ConfigError


def settings_from(tmp_path: Path, text: str, **environ: str):
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return load_settings(path, environ)


def test_defaults_without_file_or_environment():
    settings = load_settings(None, {})
    assert settings.page_delay == 0.5
    assert settings.page_size == "auto"
    assert settings.timezone == "UTC"
    assert settings.data_dir == Path("~/.cohort-tracker").expanduser()
    assert settings.api_base == "https://api.openclass.ai"


def test_file_of_the_rust_tracker_works_as_it_is(tmp_path):
    settings = settings_from(
        tmp_path,
        'email = "mentor@example.org"\npassword = "p"\n'
        'api_base = "https://api.openclass.ai"\ncheck_for_updates = true\n',
    )
    assert settings.require_credentials() == ("mentor@example.org", "p")
    assert settings.class_ids == ()


def test_keys_of_the_brief(tmp_path):
    settings = settings_from(
        tmp_path,
        'email = "a@example.org"\npassword = "p"\nclass_id = "c1"\n'
        'class_ids = ["c2", "c1"]\napi_base = "https://api.example.org/v1/"\n',
    )
    assert settings.class_ids == ("c1", "c2")
    assert settings.api_base == "https://api.example.org"


def test_time_zone_of_a_class_by_its_id_then_its_friendly_id(tmp_path):
    settings = settings_from(
        tmp_path,
        'timezone = "Europe/Berlin"\n[class.c1]\ntimezone = "Asia/Tokyo"\n'
        '[class.web]\ntimezone = "America/New_York"\n[class.c3]\n',
        COHORT_TRACKER_CLASS="c1",
        COHORT_TRACKER_CLASS_TIMEZONES="c1",
    )
    assert settings.timezone_of("c1", "web") == "Asia/Tokyo"
    assert settings.timezone_of("c2", "web") == "America/New_York"
    assert settings.timezone_of("c3", None) == "Europe/Berlin"
    assert len(settings.warnings) == 2, "only the file can say it"
    assert settings.config_path is not None
    write_config(settings.config_path, {"class_ids": ["c1"], "page_delay": 1.0})
    again = load_settings(settings.config_path, {})
    assert again.class_timezones == settings.class_timezones
    assert (again.class_ids, again.page_delay) == (("c1",), 1.0)


def test_environment_wins_and_is_enough():
    environ = {
        "COHORT_TRACKER_EMAIL": "a@example.org",
        "COHORT_TRACKER_PASSWORD": "päss word",
        "COHORT_TRACKER_CLASS_IDS": "c1, c2",
        "COHORT_TRACKER_PAGE_DELAY": "0.25",
        "COHORT_TRACKER_ALLOW_HTTP": "yes",
        "COHORT_TRACKER_API_BASE": "http://openclass.intern",
    }
    settings = load_settings(None, environ)
    assert settings.class_ids == ("c1", "c2")
    assert settings.page_delay == 0.25
    assert settings.require_credentials() == ("a@example.org", "päss word")


def test_what_secret_stores_leave_around_a_value_is_left_out_with_a_warning(tmp_path):
    environ = {
        "COHORT_TRACKER_EMAIL": " a@example.org \n",
        "COHORT_TRACKER_PASSWORD": " pass word \r\n",
    }
    settings = load_settings(None, environ)
    assert settings.require_credentials() == ("a@example.org", " pass word ")
    assert settings.warnings == (
        "COHORT_TRACKER_EMAIL: blanks around it left out",
        "COHORT_TRACKER_PASSWORD: a newline at its end left out",
    )
    settings = settings_from(tmp_path, 'email = "a@example.org "\npassword = """p\n"""\n')
    assert settings.require_credentials() == ("a@example.org", "p")
    assert [warning.split("toml: ")[1] for warning in settings.warnings] == [
        "email: blanks around it left out",
        "password: a newline at its end left out",
    ]
    settings = settings_from(tmp_path, 'email = "a@example.org"\npassword = " p "\n')
    assert (settings.password, settings.warnings) == (" p ", ())


@pytest.mark.parametrize("text", ["c1\nc2\nc3\n", "c1 c2  c3", " c1,c2, c3,", "c1\r\nc2\tc3"])
def test_class_ids_of_the_environment_are_separated_by_commas_blanks_or_lines(text):
    assert load_settings(None, {"COHORT_TRACKER_CLASS_IDS": text}).class_ids == ("c1", "c2", "c3")


def test_relative_paths_count_from_the_file(tmp_path):
    settings = settings_from(tmp_path, 'data_dir = "data"\nroster = "lists/roster.csv"\n')
    assert settings.data_dir == tmp_path / "data"
    assert settings.roster == tmp_path / "lists" / "roster.csv"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('emial = "a"', ["emial", "Did you mean 'email'?"]),
        ("email = 3", ["email", "must be text in quotes, not a number"]),
        ('page_delay = "fast"', ["page_delay", "must be a number, not text"]),
        ("page_delay = -1", ["page_delay", "between 0 and 3600"]),
        ("page_delay = nan", ["page_delay", "between 0 and 3600"]),
        ("page_size = 2.5", ["page_size", "whole number"]),
        ("page_size = true", ["page_size", "whole number"]),
        ("class_ids = [1]", ["class_ids", "must be text"]),
        ('[class.c1]\ntimezone = "Berlin"', ["class: c1: timezone", "like 'Europe/Berlin'"]),
        ("[class.c1]\ntimezone = 1", ["class: c1: timezone", "must be text"]),
        ('[class.c1]\nzone = "UTC"', ["class: c1: unknown key 'zone'"]),
        ('[class]\nc1 = "UTC"', ["class: c1 must be a table", "[class.web-m1]"]),
        ('class = "c1"', ["class: must be a table for each class", "[class.web-m1]"]),
        ('class_timezones = "UTC"', ["unknown key 'class_timezones'"]),
        ('timezone = "Mars/Base"', ["timezone", "unknown time zone 'Mars/Base'"]),
        ('timezone = "posix/America/New_York"', ["timezone", "a name like 'America/New_York'"]),
        ('timezone = "right/Europe/Berlin"', ["timezone", "a name like 'Europe/Berlin'"]),
        ('timezone = "localtime"', ["timezone", "unknown time zone 'localtime'"]),
        ('timezone = "posixrules"', ["timezone", "unknown time zone 'posixrules'"]),
        ('timezone = "America/NewYork"', ["timezone", "a name like 'America/New_York'"]),
        ('timezone = "Berlin"', ["timezone", "a name like 'Europe/Berlin'"]),
        ('timezone = "Nowhere at all"', ["timezone", "a name like 'America/New_York'"]),
        ('timezone = "../../etc/passwd"', ["timezone", "unknown time zone"]),
        ('api_base = "api.openclass.ai"', ["api_base", "must be a web address"]),
        ('api_base = "https://u:p@x.org"', ["api_base", "user name or password"]),
        ('api_base = "http://x.org"', ["api_base", "unencrypted", "allow_http"]),
        ("page_size = 1\nemail = = 3", ["cannot be understood", "line 2"]),
        ('data_dir = ""', ["data_dir", "must not be empty"]),
    ],
)
def test_wrong_settings_name_file_and_key(tmp_path, text, words):
    with pytest.raises(ConfigError) as caught:
        settings_from(tmp_path, text)
    message = f"{caught.value.message} {caught.value.hint}"
    for word in words:
        assert word in message
    if "unencrypted" not in message:
        assert "settings.toml" in message


def zones_of_this_machine() -> list[str]:
    """Every name that Python takes for a time zone here, the odd folders included."""
    folders = [Path(folder) for folder in zoneinfo.TZPATH if Path(folder).is_dir()]
    names = {"posix/America/New_York", "right/UTC", "localtime", "posixrules"}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and path.read_bytes()[:4] == b"TZif":
                names.add(path.relative_to(folder).as_posix())
    return sorted(names | zoneinfo.available_timezones())


def test_time_zones_are_those_that_the_build_knows():
    with duckdb.connect() as connection:
        known = {
            name
            for (name,) in connection.execute("SELECT name FROM pg_timezone_names()").fetchall()
        }
    wrong = {}
    for name in zones_of_this_machine():
        try:
            is_taken = load_settings(None, {"COHORT_TRACKER_TIMEZONE": name}).timezone == name
        except ConfigError:
            is_taken = False
        if is_taken is not (name in known):
            wrong[name] = is_taken
    assert not wrong


def test_wrong_environment_names_the_variable():
    with pytest.raises(ConfigError, match="COHORT_TRACKER_PAGE_SIZE: must be a whole number"):
        load_settings(None, {"COHORT_TRACKER_PAGE_SIZE": "many"})


def test_bytes_of_another_encoding_in_the_environment_are_named_and_not_shown():
    for key in ("PASSWORD", "CLASS_IDS", "DATA_DIR"):
        with pytest.raises(ConfigError, match=f"COHORT_TRACKER_{key}: not text in UTF-8") as caught:
            load_settings(environ={f"COHORT_TRACKER_{key}": "sécr\udce9t"}, no_file=True)
        assert "cr" not in caught.value.message.replace("COHORT_TRACKER", "")
    with pytest.raises(ConfigError, match="password: not text in UTF-8"):
        with_overrides(Settings(), password="\udcff")


def test_file_that_is_no_text_or_cannot_be_read(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_settings(path, {})
    with pytest.raises(ConfigError, match="not found"):
        load_settings(tmp_path / "absent.toml", {})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path, {})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x = 1\n" * 20_000_000, "more than 1,048,576 bytes: this is no settings file"),
        (b"x = " + b"[" * 100_000, "nested too deep"),
        (b"x = " + b"[" * 50_000 + b"]" * 50_000, "nested too deep"),
        (b"x = " + b"9" * 100_000, "cannot be understood"),
        (b"\x7fELF\x01\x00\x00" * 99, "cannot be understood"),
        (b"\x00" * 5000, "cannot be understood"),
    ],
    ids=["100 MB", "unclosed", "deep", "number", "binary", "zeros"],
)
def test_file_that_is_no_settings_file_is_one_clear_line(tmp_path, content, words):
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {})
    assert str(path) in caught.value.message and words in caught.value.message
    with pytest.raises(ConfigError):
        write_config(path, {"email": "a@example.org"})
    assert path.stat().st_size == len(content), "nothing was written"


def test_settings_nested_deep_but_readable_are_written_or_refused(tmp_path):
    path = tmp_path / "settings.toml"
    for depth in (50, 150, 250, 320, 400):
        path.write_text(f"x = {'[' * depth}{']' * depth}\n")
        try:
            write_config(path, {"email": "a@example.org"})
        except ConfigError as error:
            assert depth > 50
            assert "cannot be changed" in error.message or "nested too deep" in error.message


def test_file_readable_by_others_is_warned_of(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('email = "a"')
    path.chmod(0o644)
    assert "chmod 600" in load_settings(path, {}).warnings[0]


def test_password_shows_in_no_representation():
    settings = load_settings(None, {"COHORT_TRACKER_PASSWORD": "s3cret-word"})
    assert "s3cret-word" not in repr(settings)


def test_writing_keeps_comments_and_other_keys_and_is_private(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('# mine\nemail = "old@example.org" # why\npage_delay = 1.5\n')
    write_config(path, {"email": "new@example.org", "class_ids": ["c1"]})
    text = path.read_text()
    assert "# mine" in text and "# why" in text
    settings = load_settings(path, {})
    assert (settings.email, settings.page_delay) == ("new@example.org", 1.5)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob(".settings*")) == []


def test_writing_through_a_symlink_keeps_the_link(tmp_path):
    real = tmp_path / "real.toml"
    real.write_text("")
    link = tmp_path / "link.toml"
    link.symlink_to(real)
    write_config(link, {"email": "a@example.org"})
    assert link.is_symlink()
    assert "a@example.org" in real.read_text()


@pytest.fixture
def homeless(monkeypatch):
    """As in a container: a user without HOME and without an entry in the list of users."""

    def unknown(uid: int):
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_a_home_is_needed_only_for_what_is_not_set(homeless, tmp_path):
    settings = load_settings(None, {"COHORT_TRACKER_DATA_DIR": str(tmp_path)})
    assert (settings.data_dir, settings.config_path) == (tmp_path, None)
    path = tmp_path / "settings.toml"
    path.write_text(f'data_dir = "{tmp_path}"')
    path.chmod(0o600)
    assert load_settings(path, {}).config_path == path


def test_what_only_a_home_could_tell_is_named(homeless):
    with pytest.raises(ConfigError, match="this user has no home directory") as raised:
        load_settings(None, {})
    assert raised.value.hint == "Set HOME, or set COHORT_TRACKER_DATA_DIR."
    with pytest.raises(ConfigError, match=r"^~/mine\.toml: this user has no home directory"):
        load_settings(Path("~/mine.toml"), {})
    with pytest.raises(ConfigError, match="home directory"):
        load_settings(None, {"COHORT_TRACKER_DATA_DIR": "~/data"})
    with pytest.raises(ConfigError) as raised:
        default_config_path()
    assert raised.value.hint == "Set HOME, or name a settings file with --config."
