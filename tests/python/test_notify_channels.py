"""`[[notify.channels]]`: what can be written, and what is said of what cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from cohort_tracker.channels import MENTOR_RULES
from cohort_tracker.config import Settings, load_settings
from cohort_tracker.errors import ConfigError


def settings(tmp_path: Path, text: str, mode: int = 0o600) -> Settings:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    path.chmod(mode)
    return load_settings(path, {})


def channel(text: str) -> str:
    return f'[[notify.channels]]\nname = "thursday"\n{text}\n'


def test_channel_with_everything_and_one_with_the_least(tmp_path: Path):
    text = channel('url_env = "CT"\nclass = ["a", "b"]\nnight = " Thursday "\nrules = []\n')
    full, least = settings(
        tmp_path,
        text + 'digest = "week"\nnames = "none"\n' + channel('url = "x://y"').replace("th", "o"),
    ).channels
    assert (full.name, full.url_env, full.url) == ("thursday", "CT", None)
    assert (full.classes, full.night, full.rules) == (("a", "b"), "Thursday", ())
    assert (full.digest, full.names) == ("week", "none")
    assert (least.classes, least.night, least.digest, least.names) == ((), None, None, "short")
    assert least.rules == MENTOR_RULES
    assert least.url == "x://y"
    assert "x://y" not in repr(least)


def test_rules_are_told_apart_by_whom_they_are_for(tmp_path: Path):
    text = channel('url_env = "CT"\nrules = ["data_stale", "got_worse", "data_stale"]')
    [found] = settings(tmp_path, text).channels
    assert found.mentor_rules == ("got_worse",)
    assert found.operator_rules == ("data_stale",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "give either url_env"),
        ('url = "a://b"\nurl_env = "CT"', "give either url_env"),
        ('url_env = "https://hooks.example/s3cret"', "url_env must be the name"),
        ('url_env = "CT"\nnigth = "x"', "unknown key 'nigth'"),
        ('url_env = "CT"\nrules = ["got_better"]', "unknown rule 'got_better'"),
        ('url_env = "CT"\nrules = "got_better"', "unknown rule 'got_better'"),
        ('url_env = "CT"\nrules = [1]', "rules must be text or a list of texts"),
        ('url_env = "CT"\nrules = []', "nothing would ever be sent"),
        ('url_env = "CT"\nclass = 3', "class must be text or a list of texts"),
        ('url_env = "CT"\nclass = [" "]', "class must not hold an empty text"),
        ('url_env = "CT"\nnight = ""', "night must not be empty"),
        ('url_env = "CT"\nnight = 4', "night must be text"),
        ('url_env = "CT"\nnight = "a\\u0007"', "night must not contain control characters"),
        ('url_env = "CT"\ndigest = "month"', 'digest must be one of "day", "week"'),
        ('url_env = "CT"\npage = 1', "page must be true or false"),
        ('url_env = "CT"\npage = true\nnames = "full"', "page goes with a digest"),
        ('url_env = "CT"\npage = true\ndigest = "day"', "page goes with a digest"),
        ('url_env = "CT"\nnames = "long"', 'names must be one of "short", "full", "none"'),
        ('url_env = "CT"\n' + channel('url_env = "CT"').replace("th", "Th"), "two channels"),
    ],
)
def test_what_cannot_be_is_named_with_its_channel(tmp_path: Path, text: str, told: str):
    with pytest.raises(ConfigError) as raised:
        settings(tmp_path, channel(text))
    assert told in raised.value.message
    assert "settings.toml: notify: channel 't" in raised.value.message.lower()
    assert raised.value.exit_code == 2
    assert "s3cret" not in raised.value.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("notify = 3", "each headed [[notify.channels]]"),
        ("[notify]\nchannels = 3", "each headed [[notify.channels]]"),
        ("[notify.channels]\nname = 'a'", "each headed [[notify.channels]]"),
        ("[notify]\nchannel = []", "unknown key 'channel'"),
        ('[[notify.channels]]\nurl_env = "CT"', "channel 1: name must be"),
        ('[[notify.channels]]\nname = "slack://s3cret"', "channel 1: name must be"),
    ],
)
def test_tables_are_asked_for(tmp_path: Path, text: str, told: str):
    with pytest.raises(ConfigError) as raised:
        settings(tmp_path, text)
    assert told in raised.value.message
    assert "s3cret" not in raised.value.message


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_url_stands_only_in_a_file_that_others_cannot_read(tmp_path: Path, mode: int):
    with pytest.raises(ConfigError) as raised:
        settings(tmp_path, channel('url = "slack://s3cret"'), mode)
    assert "channel 'thursday': its url is a secret" in raised.value.message
    assert "chmod 600" in (raised.value.hint or "")
    assert "s3cret" not in raised.value.message
    assert settings(tmp_path, channel('url_env = "CT"'), mode).channels


@pytest.mark.parametrize("name", ["NOTIFY", "CHANNELS"])
def test_environment_gives_no_channels(name: str):
    found = load_settings(None, {f"COHORT_TRACKER_{name}": "x", "HOME": "/"}, no_file=True)
    assert found.channels == ()
    assert found.warnings == (f"COHORT_TRACKER_{name} is no setting and has no effect",)
