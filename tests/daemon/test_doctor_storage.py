"""The doctor at the database: as root it reads with the rights of the engine's user, whatever lies there."""

import os
import sqlite3
from pathlib import Path

import pytest

from engine.daemon.checks import storage
from tests.executor.otherusers import ENGINE, as_root


def database(file: Path) -> None:
    with sqlite3.connect(file) as made:
        made.execute("CREATE TABLE t (x)")
    file.chmod(0o600)


@pytest.fixture
def state_dir(open_path: Path) -> Path:
    made = open_path / "rcq"
    made.mkdir()
    os.chown(made, ENGINE, ENGINE)
    return made


@as_root
def test_root_reads_as_the_engines_user(state_dir: Path) -> None:
    database(state_dir / "rcq.db")
    os.chown(state_dir / "rcq.db", ENGINE, ENGINE)
    with storage.reading(state_dir / "rcq.db") as connection:
        assert os.geteuid() == ENGINE
        assert connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    assert os.geteuid() == 0


@as_root
def test_root_reads_nothing_that_the_engines_user_put_a_link_to(state_dir: Path, tmp_path: Path) -> None:
    database(tmp_path / "secret.db")
    (state_dir / "rcq.db").symlink_to(tmp_path / "secret.db")
    with pytest.raises(sqlite3.OperationalError), storage.reading(state_dir / "rcq.db") as connection:
        connection.execute("PRAGMA quick_check(1)").fetchone()
    assert os.geteuid() == 0
