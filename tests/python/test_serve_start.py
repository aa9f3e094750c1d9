"""What is typed: `access`, and how `serve` begins or refuses to, in one clear line."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cohort_tracker.config import load_settings
from cohort_tracker.errors import ConfigError
from cohort_tracker.warehouse.query import query
from served import PUBLIC_URL, Place

KEY = re.compile(r"ct_[a-z2-9]{8}_[A-Za-z0-9_-]{43}")


@pytest.fixture
def place(served_data: Path, tmp_path: Path) -> Place:
    return Place.copied(served_data, tmp_path / "data")


def test_add_shows_the_key_once_and_list_never(place: Place):
    added = place.command("access", "add", "--lead", "Ada")
    assert added.returncode == 0, added.stderr
    (key,) = KEY.findall(added.stdout)
    assert place.store.grant_of_key(key, datetime.now(UTC)) is not None
    listed = place.command("access", "list")
    assert key[3:11] in listed.stdout and "Ada" in listed.stdout
    assert key[12:] not in listed.stdout
    as_json = json.loads(place.command("access", "list", "--json").stdout)
    (grant,) = as_json["grants"]
    assert (grant["role"], grant["name"], grant["state"]) == ("lead", "Ada", "valid")
    lasts = datetime.fromisoformat(grant["expires_at"]) - datetime.fromisoformat(
        grant["created_at"]
    )
    assert lasts == timedelta(days=90)
    revoked = place.command("access", "revoke", key[3:11])
    assert revoked.returncode == 0 and "Revoked: lead Ada" in revoked.stdout
    assert "revoked" in place.command("access", "list").stdout
    assert place.command("access", "revoke", "zzzzzzzz").returncode == 2


def test_a_link_is_shown_where_there_is_an_address(place: Place):
    added = place.command(
        "access", "add", "--program", "Board", COHORT_TRACKER_SERVE_PUBLIC_URL=PUBLIC_URL
    )
    (key, again) = KEY.findall(added.stdout)
    assert key == again and f"{PUBLIC_URL}/login#{key}\n" in added.stdout


def test_classes_are_kept_by_their_id(place: Place):
    ((class_id, friendly),) = query(
        place.data / "warehouse.duckdb",
        "select id, friendly_id from core.classes order by 1 limit 1",
    )
    added = place.command(
        *("access", "add", "--lead", "Ada", "--class", friendly.upper(), "--hide-names"),
        *("--expires", "2h"),
    )
    assert added.returncode == 0, added.stderr
    (grant,) = place.store.grants()
    assert grant.class_ids == (class_id,) and grant.hide_names
    assert grant.expires_at - grant.created_at == timedelta(hours=2)
    unknown = place.command("access", "add", "--lead", "Ada", "--class", "nowhere")
    assert unknown.returncode == 4 and "No class 'nowhere'" in unknown.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say for whom"),
        (["--lead", "a", "--program", "b"], "Say for whom"),
        (["--lead", " "], "needs a name"),
        (["--lead", "a\nb"], "needs a name"),
        (["--mentor", "ada"], "no e-mail address"),
        (["--lead", "a", "--night", "Monday"], "--night goes with --mentor"),
        (["--lead", "a", "--expires", "soon"], "--expires 'soon' is no age"),
        (["--lead", "a", "--expires", "0d"], "longer than nothing"),
        (["--lead", "a", "--expires", "9999d"], "ten years at most"),
    ],
)
def test_what_cannot_be_given_out_is_not(tmp_path: Path, arguments: list[str], said: str):
    place = Place(tmp_path / "data")
    done = place.command("access", "add", *arguments)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert not place.store.path.exists()


def test_who_sees_nobody_yet_is_warned_of(place: Place, tmp_path: Path):
    known = query(place.data / "warehouse.duckdb", "select min(email) from core.mentors")[0][0]
    assert "sees nobody yet" not in place.command("access", "add", "--mentor", known).stderr
    stranger = place.command("access", "add", "--mentor", "x@example.org")
    assert stranger.returncode == 0 and "sees nobody yet" in stranger.stderr
    empty = Place(tmp_path / "empty")
    assert "sees nobody yet" in empty.command("access", "add", "--mentor", known).stderr


def test_where_a_proxy_logs_in_no_key_is_made(place: Place):
    place.environment |= {
        "COHORT_TRACKER_SERVE_AUTH": "proxy",
        "COHORT_TRACKER_SERVE_PUBLIC_URL": PUBLIC_URL,
        "COHORT_TRACKER_SERVE_PROXY_HEADER": "X-Forwarded-User",
        "COHORT_TRACKER_SERVE_TRUSTED_PROXIES": "127.0.0.1",
    }
    added = place.command("access", "add", "--lead", "Ada")
    assert added.returncode == 0 and not KEY.search(added.stdout)
    assert "without a key" in added.stdout


def test_it_starts_without_what_takes_long_to_import(place: Place):
    code = "import sys, cohort_tracker.commands.serve, cohort_tracker.web.server\n"
    code += "print([name for name in ('dlt', 'dbt', 'pyarrow', 'rich') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=place.process_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_it_is_never_open_to_a_network_unencrypted(place: Place, host: str):
    done = place.command("serve", "--port", "0", "--host", host)
    assert done.returncode == 2
    assert "can be reached from other machines" in done.stderr and "--behind-proxy" in done.stderr
    assert not place.store.path.exists()


def test_behind_a_proxy_it_must_know_which(place: Place):
    done = place.command("serve", "--port", "0", "--behind-proxy")
    assert done.returncode == 2
    assert "--behind-proxy also needs public_url and trusted_proxies" in done.stderr


def test_without_tables_it_says_what_to_type(tmp_path: Path):
    place = Place(tmp_path / "data")
    done = place.command("serve", "--port", "0")
    assert done.returncode == 2
    assert "no tables were built yet" in done.stderr and "cohort-tracker sync" in done.stderr


def test_without_raw_db_it_serves_and_says_what_is_missing(place: Place):
    (place.data / "raw.db").unlink()
    with place.serving() as served:
        assert "raw.db is not there: names cannot be hidden" in served.log


def test_a_port_in_use_is_said_to_be(place: Place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = place.command("serve", "--port", str(port))
    assert done.returncode == 2
    assert f"Port {port} of 127.0.0.1 is taken" in done.stderr and "--port" in done.stderr


def test_a_bad_access_db_is_said_before_anything_is_served(place: Place):
    place.grant()
    place.store.path.write_bytes(b"damaged " * 1000)
    done = place.command("serve", "--port", "0")
    assert done.returncode == 1 and "access.db is damaged" in done.stderr
    assert "restore" in done.stderr


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn", "itsdangerous"])
def test_without_the_extra_one_line_installs_it(place: Place, missing: str):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from cohort_tracker.cli import main\n"
        "main(['serve', '--port', '0'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=place.process_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "pipx inject cohort-tracker fastapi uvicorn itsdangerous" in done.stderr


def serve_settings(tmp_path: Path, text: str, **environ: str):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    path.chmod(0o600)
    given = {f"COHORT_TRACKER_SERVE_{key.upper()}": value for key, value in environ.items()}
    return load_settings(path, given).serve


def test_settings_of_serve_come_from_file_and_environment(tmp_path: Path):
    text = (
        '[serve]\npublic_url = "https://Cohorts.example.org/"\nauth = "proxy"\n'
        'proxy_header = "X-Forwarded-User"\ntrusted_proxies = ["10.0.0.0/8", "::1"]\n'
    )
    found = serve_settings(tmp_path, text, session_hours="2", requests_per_minute="7")
    assert found.public_url == PUBLIC_URL
    assert (found.auth, found.proxy_header) == ("proxy", "x-forwarded-user")
    assert [str(network) for network in found.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert (found.session_hours, found.requests_per_minute) == (2.0, 7)
    assert serve_settings(tmp_path, "").session_hours == 12
    assert serve_settings(tmp_path, "").requests_per_minute == 120
    both = serve_settings(tmp_path, text, trusted_proxies="192.0.2.1, 192.0.2.2")
    assert len(both.trusted_proxies) == 2 and both.auth == "proxy"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('public_url = "cohorts.example.org"', "an address like https://"),
        ('public_url = "http://cohorts.example.org"', "must begin with https://"),
        ('public_url = "https://x.example/path"', "without user, path"),
        ('public_url = "https://me@x.example"', "without user, path"),
        ('public_url = "https://x.example:port"', "an address like https://"),
        ('auth = "none"', 'must be "keys" or "proxy"'),
        ('auth = "proxy"', "also needs public_url and proxy_header and trusted_proxies"),
        ('proxy_header = "X-User"', 'counts only with auth = "proxy"'),
        ('auth = "proxy"\nproxy_header = "Authorization"', "the name of a header"),
        ('auth = "proxy"\nproxy_header = "X User"', "the name of a header"),
        ('trusted_proxies = ["0.0.0.0/0"]', "would trust everybody"),
        ('trusted_proxies = ["10.0.0.1/8"]', "no address or network"),
        ("trusted_proxies = 3", "must be a list of addresses"),
        ("session_hours = 0", "between 0.1 and 720"),
        ("requests_per_minute = 0", "between 1 and"),
        ("requests_per_minute = 1.5", "a whole number"),
        ("sesion_hours = 3", "did you mean 'session_hours'?"),
    ],
)
def test_wrong_settings_of_serve_are_named(tmp_path: Path, line: str, said: str):
    with pytest.raises(ConfigError) as error:
        serve_settings(tmp_path, f"[serve]\n{line}\n")
    assert said in error.value.message and "serve" in error.value.message


def test_a_wrong_variable_of_serve_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match="COHORT_TRACKER_SERVE_AUTH: must be"):
        serve_settings(tmp_path, "", auth="none")
    found = load_settings(None, {"COHORT_TRACKER_SERVE_COLOUR": "red", "COHORT_TRACKER_SERVE": "x"})
    assert len(found.warnings) == 2
