"""A backup, damage, a restore: no job runs twice, nobody gets another's files, nothing is overwritten."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.daemon.main import EXIT_DATA

pytestmark = pytest.mark.e2e


def tool(engine: Any, verb: str, *words: str, code: int = 0) -> str:
    """`rcq backup` or `rcq restore` on that engine's files; standard output, or what it refused with."""
    where = ["--config", str(engine.config), "--state-dir", str(engine.state)]
    command = [sys.executable, "-P", "-m", "rcq_tui.cli.main", verb, *words, *where]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=engine.environment)
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout if code == 0 else ran.stderr


def refuses_to_start(engine: Any) -> str:
    """What an engine says that does not start; every file of the database is as it was.

    By its exit status systemd knows whether to try again: an interrupted restore alone may be under way.
    """
    before = database(engine)
    ran = subprocess.run(engine.command(), capture_output=True, text=True, timeout=30, check=False)
    said = [line for line in ran.stderr.splitlines() if line.startswith("rcq engine: ")]
    assert len(said) == 1
    assert ran.returncode == (1 if "was interrupted" in said[0] else EXIT_DATA)
    assert "Traceback" not in ran.stderr
    assert database(engine) == before
    return said[0]


def database(engine: Any) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in engine.state.glob("rcq.db*")}


def scar(engine: Any) -> None:
    """What a bad disk does to some pages in the middle."""
    path = engine.state / "rcq.db"
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xa5" * 4096 * 12)


def test_damage_is_refused_and_a_restore_brings_the_jobs_back(
    engine: Any, admin: Any, until: Callable[..., Any]
) -> None:
    done = [admin.submit("sh", "-c", f"echo {number}; exit {number}") for number in range(3)]
    for number in done:
        admin.ended(number)
    file = Path(tool(engine, "backup").strip())
    assert file.parent == engine.state / "backups"
    engine.end(signal.SIGTERM)
    scar(engine)
    ruin = database(engine)

    said = refuses_to_start(engine)
    assert "is damaged" in said
    assert "rcq restore" in said
    told = tool(engine, "restore", str(file))
    assert "start the engine" in told
    kept = {name: data for name, data in database(engine).items() if ".before-restore-" in name}
    assert sorted(kept.values()) == sorted(ruin.values())

    engine.start()
    again = engine.log_in("root")
    assert [again.job(number)["exit_code"] for number in done] == [0, 1, 2]
    assert [again.log(number) for number in done] == ["0\n", "1\n", "2\n"]
    assert again.ended(again.submit("true"))["exit_code"] == 0
    until(lambda: again.get("/v1/stats")["last_backup_at"])


def test_what_happened_since_the_backup_is_found_and_nothing_runs_twice(
    engine: Any, admin: Any, tmp_path: Path, until: Callable[..., Any], lines: Callable[..., Any]
) -> None:
    ran, go = tmp_path / "ran", tmp_path / "go"
    wait = f"while [ ! -e {go} ]; do sleep 0.02; done"
    blocker = admin.submit("sh", "-c", f"{wait}; exit 9", gpus=2)
    admin.wait_for(blocker, "running")
    ends = admin.script(f"echo ends >> {ran}; exit 5", gpus=1)
    runs_on = admin.script(f"echo runs >> {ran}; while [ ! -e {go}2 ]; do sleep 0.02; done; exit 6", gpus=1)
    assert {admin.job(number)["state"] for number in (ends, runs_on)} == {"pending"}
    file = tool(engine, "backup").strip()

    go.touch()
    assert admin.ended(ends)["exit_code"] == 5
    admin.wait_for(runs_on, "running")
    stranger = admin.script(f"echo stranger >> {ran}; while [ ! -e {go}3 ]; do sleep 0.02; done; exit 7")
    admin.wait_for(stranger, "running")
    until(lambda: len(lines(ran)) == 3)
    engine.end(signal.SIGKILL)
    tool(engine, "restore", file)
    engine.start()
    again = engine.log_in("root")

    assert again.ended(blocker)["exit_code"] == 9
    assert again.ended(ends)["exit_code"] == 5
    again.wait_for(runs_on, "running")
    assert again.refusal("GET", f"/v1/jobs/{stranger}") == "JOB_NOT_FOUND"
    new = again.script(f"echo new >> {ran}; echo mine")
    assert new == stranger + 1
    assert again.ended(new)["exit_code"] == 0
    assert again.log(new) == "mine\n"
    Path(f"{go}2").touch()
    assert again.ended(runs_on)["exit_code"] == 6
    assert sorted(lines(ran)) == ["ends", "new", "runs", "stranger"]
    assert {again.job(number)["attempt"] for number in (blocker, ends, runs_on, new)} == {1}
    said = (engine.root / "engine.log").read_text()
    assert f"Jobs that the database does not know have files under {engine.state}/jobs: {stranger}." in said
    assert sorted((engine.state / "jobs" / str(stranger)).iterdir())  # nobody took it away
    Path(f"{go}3").touch()


def test_further_attempts_since_the_backup_are_found_one_after_the_other(
    engine: Any, admin: Any, tmp_path: Path, until: Callable[..., Any], lines: Callable[..., Any]
) -> None:
    """The books know attempt 1; attempt 2 of one job runs, that of another is over. Neither is started again."""
    ran, go = tmp_path / "ran", tmp_path / "go"
    text = f"echo $RCQ_ATTEMPT >> {ran}; while [ ! -e {go}$RCQ_ATTEMPT ]; do sleep 0.02; done; exit 3"
    job = admin.script(text, retries=1)
    quick, other = tmp_path / "quick", tmp_path / "other"
    over = admin.script(f"echo $RCQ_ATTEMPT >> {quick}; while [ ! -e {other} ]; do sleep 0.02; done; exit 4", retries=1)
    until(lambda: lines(ran) == lines(quick) == ["1"])
    file = tool(engine, "backup").strip()
    Path(f"{go}1").touch()
    other.touch()
    assert admin.ended(over)["attempt"] == 2
    until(lambda: lines(ran) == ["1", "2"])
    engine.end(signal.SIGKILL)
    tool(engine, "restore", file)
    engine.start()
    again = engine.log_in("root")
    until(lambda: again.job(job)["attempt"] == 2 and again.job(job)["state"] == "running")
    assert [one["attempt"] for one in again.job(job)["attempts"]] == [1]
    Path(f"{go}2").touch()
    assert again.ended(job)["exit_code"] == 3
    assert lines(ran) == lines(quick) == ["1", "2"]
    late = again.ended(over)
    assert (late["attempt"], late["exit_code"]) == (2, 4)


def test_a_running_engine_and_a_bad_backup_are_refused_and_nothing_changes(
    engine: Any, admin: Any, tmp_path: Path
) -> None:
    admin.ended(admin.submit("true"))
    file = tool(engine, "backup", "--to", str(tmp_path / "mine.db")).strip()
    assert file == str(tmp_path / "mine.db")
    assert "is there already" in tool(engine, "backup", "--to", file, code=1)
    assert f"(pid {engine.process.pid}) already works on" in tool(engine, "restore", file, code=1)
    engine.end(signal.SIGTERM)
    before = database(engine)
    whole = Path(file).read_bytes()
    bad = tmp_path / "bad.db"
    for content, word in (
        (whole[: len(whole) // 2], "damaged"),
        (b"", "is empty"),
        (b"\0" * 8192, "not a SQLite file"),
    ):
        bad.write_bytes(content)
        assert word in tool(engine, "restore", str(bad), code=1)
        assert database(engine) == before
    sql(tmp_path / "other.db", "CREATE TABLE bookmarks (url TEXT)")
    assert "another program" in tool(engine, "restore", str(tmp_path / "other.db"), code=1)
    assert "cannot be read" in tool(engine, "restore", str(tmp_path / "none.db"), code=1)
    assert "is in use" in tool(engine, "restore", _with_log(tmp_path, whole), code=1)
    assert database(engine) == before
    assert not list(engine.state.glob(".rcq*"))


def _with_log(tmp_path: Path, whole: bytes) -> str:
    (tmp_path / "live.db").write_bytes(whole)
    (tmp_path / "live.db-wal").write_bytes(b"frames")
    return str(tmp_path / "live.db")


def test_every_kind_of_damage_is_one_clear_line_and_nothing_is_touched(engine: Any, admin: Any) -> None:
    admin.ended(admin.submit("true"))
    engine.end(signal.SIGTERM)
    path = engine.state / "rcq.db"
    whole = path.read_bytes()
    kinds: dict[str, tuple[Callable[[], object], str]] = {
        "cut": (lambda: os.truncate(path, len(whole) // 2), "is damaged"),
        "zeroed": (lambda: path.write_bytes(whole[:4096] + bytes(4096) + whole[8192:]), "is damaged"),
        "head": (lambda: path.write_bytes(b"garbage!" * 2000), "is damaged"),
        "foreign": (lambda: (path.unlink(), sql(path, "CREATE TABLE bookmarks (url TEXT)")), "another program"),
        "newer": (
            lambda: sql(path, "INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('rcq', '9999_later')"),
            "newer rcq",
        ),
        "log alone": (lambda: path.rename(f"{path}-wal"), "is damaged"),
        "half restored": (lambda: path.rename(engine.state / ".rcq.db.restored"), "rcq restore FILE"),
    }
    for harm, words in kinds.values():
        harm()
        assert words in refuses_to_start(engine)
        for file in (*engine.state.glob("rcq.db*"), *engine.state.glob(".rcq.db*")):
            file.unlink()
        path.write_bytes(whole)
    engine.start()
    assert engine.log_in("root").job(1)["state"] == "completed"


def sql(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as db:
        db.execute(statement)
    db.close()
