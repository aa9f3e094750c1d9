"""The table [thresholds] of the settings: what it may say, and that the tables follow it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.config import Settings, load_settings
from cohort_tracker.errors import ConfigError
from cohort_tracker.project import project_vars
from cohort_tracker.thresholds import checked_thresholds, default_thresholds
from support import Bench


def settings_with(folder: Path, lines: str) -> Settings:
    path = folder / "settings.toml"
    path.write_text(f'data_dir = "data"\n[thresholds]\n{lines}\n')
    path.chmod(0o600)
    return load_settings(path, environ={})


BAD = {
    "stuck_day = 10": "unknown threshold 'stuck_day'; did you mean 'stuck_days'?",
    "as_of = '2026-03-01'": "unknown threshold 'as_of'",
    "stale_after_hours = 24": "stale_after_hours: is a setting of its own",
    "stuck_days = 0": "stuck_days: must be a whole number from 1 to 10,000, not 0",
    "stuck_days = 7.5": "stuck_days: must be a whole number from 1 to 10,000, not 7.5",
    "stuck_days = '7'": "stuck_days: must be a whole number from 1 to 10,000, not '7'",
    "stuck_days = true": "stuck_days: must be a whole number from 1 to 10,000, not True",
    "passing_grade = 60": "passing_grade: must be a number from 0 to 1, not 60",
    "passing_grade = -0.1": "passing_grade: must be a number from 0 to 1, not -0.1",
    "passing_grade = nan": "passing_grade: must be a number from 0 to 1, not nan",
    "expected_share = 1.01": "expected_share: must be a number from 0 to 1, not 1.01",
    "history_weeks = 1001": "history_weeks: must be a whole number from 1 to 1,000, not 1001",
    "reason_points = 101": "reason_points: must be a whole number from 0 to 100, not 101",
    "weight_grade = -1": "weight_grade: must be a whole number from 0 to 100, not -1",
    "excluded_roles = 'test'": "excluded_roles: must be a list of texts",
    "excluded_roles = [1]": "excluded_roles: must be a list of texts",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_threshold_is_named_with_file_and_key(tmp_path: Path, line: str):
    with pytest.raises(ConfigError) as caught:
        settings_with(tmp_path, line)
    assert f"{tmp_path / 'settings.toml'}: thresholds: {BAD[line]}" in caught.value.message


def test_bounds_themselves_are_allowed(tmp_path: Path):
    given = settings_with(
        tmp_path,
        "stuck_days = 1\npassing_grade = 1\nexpected_share = 0.0\nhistory_weeks = 1000\n"
        "reason_points = 0\nexcluded_roles = [' Test']",
    ).thresholds
    assert given == {
        **{"stuck_days": 1, "passing_grade": 1.0, "expected_share": 0.0},
        **{"history_weeks": 1000, "reason_points": 0, "excluded_roles": ["test"]},
    }
    assert isinstance(given["passing_grade"], float)


def test_weights_must_sum_to_100():
    weights = [name for name in default_thresholds() if name.startswith("weight_")]
    assert len(weights) > 2
    given = {**dict.fromkeys(weights, 0), weights[0]: 60, weights[1]: 40}
    assert checked_thresholds(given) == given
    with pytest.raises(ValueError, match=rf"{weights[0]} 61 \+ .* is 101: the weights must sum"):
        checked_thresholds({**given, weights[0]: 61})


def test_watch_comes_before_fail_and_tiers_stay_in_order():
    together = {"inactivity_watch_days": 20, "inactivity_fail_days": 20}
    assert checked_thresholds(together) == together
    for given, words in (
        ({"inactivity_watch_days": 15}, r"inactivity_watch_days \(15\) .* inactivity_fail_days"),
        ({"stuck_days": 15}, r"stuck_days \(15\) must not be above stuck_fail_days \(14\)"),
        # the lower the share, the worse: here fail comes first
        ({"progress_fail_share": 0.8}, r"progress_fail_share \(0.8\) .* progress_watch_share"),
        ({"low_grade_fail_share": 0.2}, r"low_grade_watch_share .* low_grade_fail_share \(0.2\)"),
    ):
        with pytest.raises(ValueError, match=words):
            checked_thresholds(given)
    defaults = default_thresholds()
    tiers = [name for name in defaults if name.startswith("tier_")]
    for kind in {name.rpartition("_")[2] for name in tiers}:
        for lower, upper in pairwise(name for name in tiers if name.endswith(kind)):
            above = 1.0 if isinstance(defaults[upper], float) else defaults[upper] + 1
            with pytest.raises(ValueError, match=rf"{lower} .* must not be above {upper}"):
                checked_thresholds({lower: above})
    assert len(tiers) > 2


def test_every_variable_is_a_threshold_or_text():
    texts = {name for name, value in project_vars().items() if isinstance(value, str)}
    assert texts == {"as_of", "default_timezone", "earliest_time"}
    assert default_thresholds().keys() == project_vars().keys() - texts


def test_thresholds_are_no_environment_variable(tmp_path: Path):
    with pytest.raises(ConfigError, match="COHORT_TRACKER_THRESHOLDS: must be a table"):
        load_settings(environ={"COHORT_TRACKER_THRESHOLDS": "stuck_days=3"}, no_file=True)


def shown(bench: Bench, *names: str) -> dict[str, Any]:
    done = bench.command("--config", str(bench.home / "settings.toml"), "status", "--json")
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    return {name: status[name] for name in names}


def test_changed_threshold_rebuilds_the_tables_and_is_shown(bench: Bench):
    path = bench.home / "settings.toml"

    def sync(lines: str) -> str:
        path.write_text(lines)
        path.chmod(0o600)
        done = bench.command("--config", str(path), "sync")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def passed() -> int:
        [(number,)] = bench.core("SELECT count_if(is_passed) FROM core.student_assignments")
        return int(number)

    assert "Tables rebuilt" in sync("")
    before = passed()
    assert "nothing new since the last build" in sync("")
    assert "Tables rebuilt" in sync("[thresholds]\npassing_grade = 0.9\nstuck_days = 7\n")
    assert passed() < before
    assert "nothing new since" in sync("[thresholds]\npassing_grade = 0.9\nstuck_days = 7\n")
    told = shown(bench, "thresholds", "changed_thresholds")
    assert told["changed_thresholds"] == ["passing_grade"]
    assert told["thresholds"] == {**default_thresholds(), "passing_grade": 0.9}
    [(built_with,)] = bench.core("SELECT thresholds FROM core.build")
    assert json.loads(built_with) == told["thresholds"]
    human = bench.command("--config", str(path), "status").stdout
    assert "Thresholds:     passing_grade 0.9\n" in human
    assert "Tables rebuilt" in sync("")
    assert passed() == before
    assert "Thresholds" not in bench.command("--config", str(path), "status").stdout


def test_setting_of_the_same_name_as_a_variable_is_its_value():
    assert load_settings(environ={}, no_file=True).dbt_vars == {}
    given = {"COHORT_TRACKER_STALE_AFTER_HOURS": "24"}
    assert load_settings(environ=given, no_file=True).dbt_vars == {"stale_after_hours": 24}


def test_init_keeps_the_table_of_thresholds(bench: Bench):
    path = bench.home / "settings.toml"
    path.write_text("[thresholds]\nstuck_days = 10\n")
    done = bench.command("--config", str(path), "init", "--no-verify", "--timezone", "Asia/Tokyo")
    assert done.returncode == 0, done.stderr
    settings = load_settings(path, environ={})
    assert settings.thresholds == {"stuck_days": 10} and settings.timezone == "Asia/Tokyo"
