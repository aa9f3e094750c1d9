"""What the dbt project says about itself: descriptions, contracts, owners, lineage, metrics."""

import importlib.util
import json

import pytest

from warehouse_fixture import PROJECT, run_dbt


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("docs") / "data"
    done = run_dbt(data_dir, "parse", "--no-partial-parse", "--show-all-deprecations")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARN" not in done.stdout.upper(), done.stdout
    return json.loads((data_dir.parent / "data-target" / "manifest.json").read_text())


def models(manifest, *layers):
    return [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] in layers
    ]


def test_every_model_and_column_is_described(manifest):
    for model in models(manifest, "staging", "core", "marts"):
        assert model["description"], model["name"]
        for column in model["columns"].values():
            assert column["description"], (model["name"], column["name"])


def test_what_readers_use_has_a_contract_keys_and_an_owner(manifest):
    tested = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == "keys"
    }
    for model in models(manifest, "core", "marts"):
        assert model["contract"]["enforced"], model["name"]
        assert model["config"]["meta"]["owner"] in {"mentors", "analysts"}, model["name"]
        assert model["group"] == model["config"]["meta"]["owner"]
        assert model["unique_id"] in tested, model["name"]


def test_primary_keys_are_declared_where_dbt_shows_them(manifest):
    for model in models(manifest, "core", "marts"):
        declared = [c["columns"] for c in model["constraints"] if c["type"] == "primary_key"]
        assert len(declared) == 1, model["name"]
        assert set(declared[0]) <= {
            name
            for name, column in model["columns"].items()
            if {"not_null"} & {c["type"] for c in column["constraints"]}
        }, model["name"]


def test_lineage_flows_from_raw_to_core_to_marts(manifest):
    allowed = {
        "staging": {"source", "staging"},
        "core": {"staging", "core"},
        "marts": {"core", "marts"},
    }
    # The secret must be in no table, so no model of staging can pass it on.
    secret = ("roster_matches", "source.cohort_tracker.raw.raw_secret")
    for model in models(manifest, *allowed):
        for parent in model["depends_on"]["nodes"]:
            if (model["name"], parent) == secret:
                continue
            kind, _, name = parent.split(".", 2)
            layer = "source" if kind == "source" else manifest["nodes"][parent]["fqn"][1]
            assert layer in allowed[model["fqn"][1]], (model["name"], name)


def test_every_mart_is_read_by_somebody(manifest):
    # by another mart, a report or a ready question
    readers = [*manifest["nodes"].values(), *manifest["exposures"].values()]
    read = {
        parent
        for reader in readers
        if reader["resource_type"] in {"model", "analysis", "exposure"}
        for parent in reader["depends_on"]["nodes"]
    }
    assert {m["unique_id"] for m in models(manifest, "marts")} <= read


def test_metrics_page_is_current():
    spec = importlib.util.spec_from_file_location("make_metrics", PROJECT / "docs/make_metrics.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run docs/make_metrics.py"
    for _, _, metrics in module.SECTIONS:
        for name, block in metrics:
            assert module.doc_blocks()[block], name


def test_sync_selection_keeps_keys_and_invariants(tmp_path):
    def listed(*arguments):
        done = run_dbt(tmp_path / "data", "ls", "--resource-type", "test", *arguments)
        assert done.returncode == 0, done.stdout
        return set(done.stdout.split())

    everything, in_sync = listed(), listed("--selector", "sync")
    left_out = {name.split(".")[-1] for name in everything - in_sync}
    assert in_sync < everything
    assert all(name.startswith(("accepted_values", "keys_")) for name in left_out), left_out
    assert "cohort_tracker.every_key" in in_sync


def test_every_key_asks_all_tables_whose_keys_a_sync_leaves_out(manifest):
    every_key = manifest["nodes"]["test.cohort_tracker.every_key"]["depends_on"]["nodes"]
    of_one = [
        node
        for node in manifest["nodes"].values()
        if (node.get("test_metadata") or {}).get("name") == "keys"
        and "development" not in node["tags"]
    ]
    asked = {parent for node in of_one for parent in node["depends_on"]["nodes"]}
    assert len(of_one) > 60 and asked == set(every_key)
