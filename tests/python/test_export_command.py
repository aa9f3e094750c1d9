"""`cohort-tracker export`, as people type it."""

from __future__ import annotations

import csv
import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import openpyxl
import pytest

from support import Bench


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_table_becomes_the_file_that_its_name_says(built: Bench):
    for name in ("s.csv", "s.JSON", "s.xlsx", "s.parquet"):
        done = built.command("export", "student_health", "-o", name)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert done.stderr == f"{name}: 11 rows of marts.student_health\n"
        assert stat.S_IMODE((built.home / name).stat().st_mode) == 0o600
    scores = dict(built.core("SELECT student_id, score FROM marts.student_health"))
    assert len(scores) == 11
    as_text = {id_: "" if score is None else str(score) for id_, score in scores.items()}
    assert {r["student_id"]: r["score"] for r in read_csv(built.home / "s.csv")} == as_text
    found = json.loads((built.home / "s.JSON").read_bytes())
    assert {row["student_id"]: row["score"] for row in found} == scores
    sheet = openpyxl.load_workbook(built.home / "s.xlsx")["marts.student_health"]
    headings, *lines = sheet.iter_rows(values_only=True)
    places = [headings.index(name) for name in ("student_id", "score")]
    assert {line[places[0]]: line[places[1]] for line in lines} == scores
    parquet = f"SELECT student_id, score FROM '{built.home / 's.parquet'}'"
    assert dict(duckdb.sql(parquet).fetchall()) == scores
    assert not [name for name in files(built.home) if name.startswith(".")]


def test_name_means_the_mart_or_the_table_of_core_or_a_question(built: Bench):
    for typed, title in {
        "marts.blockers": "marts.blockers",
        "blockers": "marts.blockers",
        "students": "core.students",
        "who_to_call_tonight": "who_to_call_tonight",
    }.items():
        done = built.command("export", typed, "-o", "x.csv")
        assert done.returncode == 0, done.stderr
        assert f" of {title}\n" in done.stderr
    heading = "student,night,reason,start_at"
    assert (built.home / "x.csv").read_text("utf-8-sig").splitlines()[0] == heading


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nonsense",), 2, "There is no table nonsense, or not for you"),
        (("core.nonsense",), 2, "There is no table core.nonsense, or not for you"),
        (("staging.stg_raw__students",), 2, "There is no table staging.stg_raw__students"),
        (("students; drop",), 2, "There is no table students; drop"),
        (("../who_to_call_tonight",), 2, "There is no table ../who_to_call_tonight"),
        (("mentors", "--hide-names"), 2, "There is no table mentors, or not for you"),
        (("what_could_not_be_read", "--hide-names"), 2, "reads the table rejected_records"),
        (("students", "--class", "nowhere"), 4, "No class 'nowhere' is in the tables"),
        (("students", "--night", "Sunday"), 2, "Nobody meets on 'Sunday'"),
        (("students", "--mentor", "x@y.z"), 2, "No line of the mentors file has the address"),
        (("students", "-o", "x.txt"), 2, "x.txt: which format that should be is not known"),
        (("students", "-o", "none/x.csv"), 1, "none/x.csv cannot be written"),
        (("students", "-o", ".", "--format", "csv"), 2, ". is no file"),
        (("students", "-o", "data/raw.db", "--format", "csv"), 2, "program's own files"),
        (("students", "-o", "data/new.csv"), 2, "program's own files"),
        (("students", "--format", "xml"), 2, "Invalid value for '--format'"),
        ((), 2, "Name a TABLE, or use --list."),
        (("students", "--list"), 2, "Name a TABLE, or use --list."),
        (("students", "--json"), 2, "--json is for --list"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(built: Bench, arguments, code, said):
    before = files(built.home), files(built.data), built.raw.read_bytes()
    done = built.command("export", *arguments)
    assert (done.returncode, done.stdout.startswith("{")) == (code, "--json" in arguments)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert (files(built.home), files(built.data), built.raw.read_bytes()) == before


def test_class_by_its_friendly_id(built: Bench):
    done = built.command("export", "classes", "--class", "friendly-c1", "--format", "json")
    assert [row["id"] for row in json.loads(done.stdout)] == ["c1"]


def test_hidden_names_are_hidden_and_said_to_be(built: Bench):
    done = built.command("export", "students", "--hide-names")
    assert done.stderr == "Names are hidden. Scores and dates can still tell who somebody is.\n"
    heading, *lines = done.stdout.removeprefix("\ufeff").splitlines()
    assert heading == "id,first_name,name,has_progressions"
    assert len(lines) == 11 and "Ada" not in done.stdout and "student-" not in done.stdout


def test_old_file_stays_where_the_new_one_cannot_be_whole(built: Bench):
    place = built.home / "kept.xlsx"
    place.write_text("old")
    code = (
        "import sys, resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from cohort_tracker.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "export", "progressions", "-o", "kept.csv"],
        env=built.process_environment(),
        cwd=built.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "kept.csv cannot be written: File too large" in done.stderr) == (
        1,
        True,
    )
    assert [name for name in files(built.home) if "kept" in name or name[0] == "."] == ["kept.xlsx"]
    assert place.read_text() == "old"


def test_link_is_kept_and_what_it_leads_to_replaced(built: Bench):
    target = built.home / "real.csv"
    target.write_text("old")
    (built.home / "link.csv").symlink_to(target)
    assert built.command("export", "build", "-o", "link.csv").returncode == 0
    assert (built.home / "link.csv").is_symlink()
    assert len(read_csv(target)) == 1


def test_pipe_gets_the_bytes_and_may_be_closed(built: Bench):
    with built.start("export", "core.student_weeks", "-o", "-") as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith("\ufeffclass_id,student_id")
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0
    done = subprocess.run(
        [sys.executable, "-m", "cohort_tracker", "export", "students", "--format", "parquet"],
        env=built.process_environment(),
        capture_output=True,
        check=True,
    )
    assert done.stdout[:4] == done.stdout[-4:] == b"PAR1"


def test_full_disk_behind_a_pipe_is_an_error(built: Bench):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cohort_tracker", "export", "students"],
            env=built.process_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "Standard output cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def at_terminal(bench: Bench, *arguments: str) -> tuple[int, str]:
    """The exit code, and what a terminal shows."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cohort_tracker", "export", *arguments],
        env=bench.process_environment(),
        cwd=bench.home,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # how Linux says that nobody writes any more
            break
        if not part:
            break
        shown += part
    os.close(leader)
    return process.wait(), shown.decode()


def test_terminal_gets_lines_that_cannot_steer_it(built: Bench):
    built.warehouse.chmod(0o600)
    with duckdb.connect(str(built.warehouse)) as connection:
        connection.execute("UPDATE core.students SET name = chr(27) || '[2J' || chr(8238) || 'x'")
    code, shown = at_terminal(built, "students")
    assert code == 0
    assert "?[2J?x" in shown
    assert "\x1b[2J" not in shown and "\u202e" not in shown and "\ufeff" not in shown
    assert len(shown.splitlines()) == 12


def test_terminal_gets_no_binary(built: Bench):
    code, shown = at_terminal(built, "students", "--format", "xlsx")
    assert code == 2
    assert "A terminal cannot show xlsx" in shown and "-o students.xlsx" in shown


def test_list_tells_what_can_be_exported(built: Bench):
    done = built.command("export", "--list")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    told = " ".join(done.stdout.split())
    assert "student_health Per class and student: who needs help now, and why?" in told
    assert "who_never_started Who is on the roster and has never started anything?" in told
    assert "call_lists Every student × every week" in told
    found = json.loads(built.command("export", "--list", "--json").stdout)
    assert {table["name"] for table in found["tables"]} >= {"marts.blockers", "core.mentors"}
    [health] = [t for t in found["tables"] if t["name"] == "marts.student_health"]
    assert health["grain"] == "class and student"
    assert {"name": "tier", "type": "VARCHAR"}.items() <= health["columns"][
        [column["name"] for column in health["columns"]].index("tier")
    ].items()
    assert all(column["description"] for column in health["columns"])
    for what in ("tables", "questions"):
        for entry in found[what]:
            assert entry["name"].split(".")[-1] in told and entry["description"]


def test_list_is_of_what_the_reader_may_read(built: Bench):
    found = json.loads(built.command("export", "--list", "--json", "--hide-names").stdout)
    tables = {table["name"]: table for table in found["tables"]}
    assert "core.mentors" not in tables and "marts.student_health" in tables
    shown = {column["name"] for column in tables["marts.student_health"]["columns"]}
    assert not shown & {"last_name", "email", "mentor", "region"}
    assert "what_could_not_be_read" not in {question["name"] for question in found["questions"]}
    failed = built.command("export", "--list", "--json", "--class", "nowhere")
    assert failed.returncode == 4
    assert json.loads(failed.stdout)["status"] == "failed"


def test_excel_without_its_package_is_said_in_a_line(built: Bench):
    # a machine without the extra: the import finds nothing
    (built.home / "openpyxl.py").write_text("raise ImportError('no openpyxl')\n")
    path = os.pathsep.join([str(built.home), built.process_environment()["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "cohort_tracker", "export", "students", "-o", "s.xlsx"],
        env={**built.process_environment(), "PYTHONPATH": path},
        cwd=built.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "need the package openpyxl" in done.stderr
    assert "`pipx inject cohort-tracker openpyxl`" in done.stderr
    assert not (built.home / "s.xlsx").exists()
