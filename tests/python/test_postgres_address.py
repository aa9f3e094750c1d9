"""The setting `publish`: what it may be, and that its password stays where it is."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from cohort_tracker.config import load_settings
from cohort_tracker.errors import ConfigError
from cohort_tracker.postgres_address import parsed_address


def settings(address: str, **more: str):
    environ = {f"COHORT_TRACKER_{key.upper()}": value for key, value in more.items()}
    return load_settings(environ={"COHORT_TRACKER_PUBLISH": address, **environ}, no_file=True)


@pytest.mark.parametrize(
    ("address", "name", "start", "password", "is_private"),
    [
        (
            "postgresql://ada:pw@db.example.org:5433/school?sslmode=verify-full",
            *("ada@db.example.org/school", "ada@db.example.org:5433/school", "pw", True),
        ),
        # An @ that others write unencoded can be told apart.
        ("postgres://a:p@ss@127.0.0.1/d", "a@127.0.0.1/d", "a@127.0.0.1/d", "p@ss", True),
        ("postgresql://a:%2F%3F%23%25@[::1]/d", "a@::1/d", "a@[::1]/d", "/?#%", True),
        ("postgresql://localhost/d%20e", "localhost/d e", "localhost/d%20e", None, True),
        ("postgresql:///d?host=/run/x", "/run/x/d", "/d", None, True),
        ("postgresql://a:b@db/d?sslmode=prefer", "a@db/d", "a@db/d", "b", False),
        ("postgresql://a:b@db/d", "a@db/d", "a@db/d", "b", False),
        ("postgresql://a@localhost,db/d", "a@localhost,db/d", "a@localhost,db/d", None, False),
        ("postgresql://a@127.0.0.1/d?host=db", "a@db/d", "a@127.0.0.1/d", None, False),
    ],
)
def test_address_is_parted_from_its_password(
    address: str, name: str, start: str, password: str | None, is_private: bool
):
    found = parsed_address(address)
    assert (found.name, found.password, found.is_private) == (name, password, is_private)
    assert found.url.startswith(f"postgresql://{start}?")
    assert "connect_timeout=10" in found.url
    assert "password" not in repr(found)


def test_what_the_address_says_itself_is_kept():
    found = parsed_address("postgresql://localhost/d?connect_timeout=3&application_name=a%20b")
    assert "connect_timeout=3&" in found.url
    assert "application_name=a%20b" in found.url


@pytest.mark.parametrize(
    "address",
    [
        "mysql://a:s3cret@h/d",
        "s3cret",
        "postgresql://a:s3cret@h",
        "postgresql://a:s3cret@h/",
        "postgresql://a:12/s3cret@h/d",
        "postgresql://a:12#s3cret@h/d",
        "postgresql://a:12?s3cret@h/d",
        "postgresql://a:s3cret@h/d?nonsense",
        "postgresql://a:s3cret@/d",
        "postgresql://a:s3cret@[h/d",
        "postgresql://a:s3cret℀@h/d",
        "postgresql://a@h:s3cret/d",
        "postgresql://a@localhost/d?password=s3cret",
        "postgresql://a@localhost/d?sslpassword=s3cret",
        "postgresql://a:s3cret@localhost/d?service=x",
        "postgresql://a:s3cret@db.example.org/d",
        "postgresql://a:s3cret@db.example.org/d?sslmode=disable",
        "postgresql://a:s3cret@localhost/d\x07",
    ],
)
def test_address_that_is_none_is_told_without_quoting_it(address: str):
    with pytest.raises(ConfigError, match=r"(?i)publish") as raised:
        settings(address)
    told = "".join(traceback.format_exception(raised.value)) + str(raised.value.hint)
    assert "s3cret" not in told


def test_network_of_ones_own_may_be_allowed():
    found = settings("postgresql://a:b@db/d", allow_http="true").publish
    assert found is not None
    assert found.name == "a@db/d"


def test_newline_of_a_secret_store_is_left_out():
    found = settings("postgresql://a:b@localhost/d\n")
    assert found.publish is not None
    assert found.publish.password == "b"
    assert "newline" in found.warnings[0]


@pytest.mark.parametrize("prefix", ["School", "1a", "a-b", 'a"b', "a" * 41, "é"])
def test_prefix_that_makes_no_plain_name_is_refused(prefix: str):
    with pytest.raises(ConfigError, match="small letters"):
        settings("postgresql://localhost/d", publish_prefix=prefix)


def test_settings_do_not_show_the_password(tmp_path: Path):
    file = tmp_path / "settings.toml"
    file.write_text('publish = "postgresql://a:s3cret@localhost/d"\npublish_prefix = "one_"\n')
    file.chmod(0o600)
    found = load_settings(file, environ={"HOME": str(tmp_path)})
    assert found.publish is not None
    assert (found.publish.password, found.publish_prefix) == ("s3cret", "one_")
    assert "s3cret" not in repr(found)
