"""The database of a stopped engine, brought to this version's schema by a command of its own."""

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from engine.daemon import migrate
from engine.daemon.lock import EngineLock
from engine.store.database import connect_writer
from engine.store.migrations import migrations

LAST = [step.name for step in migrations.pending(Database(memory=True))][-1]


@pytest.fixture
def settings(tmp_path: Path) -> list[str]:
    """The options of an engine whose settings are all defaults and whose files are here."""
    file = tmp_path / "rcq.toml"
    file.touch()
    return ["--config", str(file), "--state-dir", str(tmp_path)]


def older_database(file: Path) -> None:
    """As the version before the last step left it."""
    connection = sqlite3.connect(file)
    migrations.apply(Database(connection), stop_before=LAST)
    connection.close()


def steps_of(file: Path) -> list[str]:
    connection = sqlite3.connect(file)
    found = [step.name for step in migrations.applied(Database(connection))]
    connection.close()
    return found


def test_the_steps_that_lack_are_taken_and_told(
    tmp_path: Path, settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    older_database(tmp_path / "rcq.db")
    assert LAST not in steps_of(tmp_path / "rcq.db")
    assert migrate.main(settings) == 0
    assert capsys.readouterr().out == f"{LAST}\n1\n"
    assert steps_of(tmp_path / "rcq.db")[-1] == LAST


def test_again_there_is_nothing_to_do(tmp_path: Path, settings: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    connect_writer(tmp_path / "rcq.db").close()
    assert migrate.main(settings) == 0
    assert capsys.readouterr().out == "0\n"


def test_where_there_is_no_database_none_is_made(
    tmp_path: Path, settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate.main(settings) == 0
    assert capsys.readouterr().out == "0\n"
    assert not (tmp_path / "rcq.db").exists()


def test_the_database_of_an_engine_that_runs_is_left_alone(
    tmp_path: Path, settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    older_database(tmp_path / "rcq.db")
    lock = EngineLock(tmp_path)
    assert migrate.main(settings) == 1
    lock.release()
    assert "already works on" in capsys.readouterr().err
    assert LAST not in steps_of(tmp_path / "rcq.db")


def test_a_damaged_database_is_told_and_not_touched(
    tmp_path: Path, settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rcq.db").write_bytes(b"not a database, but long enough to look at")
    assert migrate.main(settings) == 1
    assert "is damaged" in capsys.readouterr().err
    assert (tmp_path / "rcq.db").read_bytes().startswith(b"not a database")


def test_settings_that_this_version_refuses_stop_it_before_the_database(
    tmp_path: Path, settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    older_database(tmp_path / "rcq.db")
    (tmp_path / "rcq.toml").write_text("[engine]\nno_such_key = 1\n")
    assert migrate.main(settings) == 2
    assert "no_such_key" in capsys.readouterr().err
    assert LAST not in steps_of(tmp_path / "rcq.db")
