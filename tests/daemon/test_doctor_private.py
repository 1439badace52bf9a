"""The doctor tells which of the files with secrets other users may open, and the command that closes them."""

import subprocess
from pathlib import Path

import pytest

from config.load import load
from config.paths import personal
from engine.daemon.checks.finding import Host
from engine.daemon.checks.private import private_files


@pytest.fixture
def host(tmp_path: Path) -> Host:
    state, password = tmp_path / "state", tmp_path / "smtp-password"
    (state / "backups").mkdir(mode=0o700, parents=True)
    secret = [state / "rcq.db", state / "rcq.db-wal", state / "rcq.db-shm"]
    secret += [state / "backups/rcq-2026-11-22T080000Z.db", state / "backups/before-upgrade-1.db"]
    for file in secret:
        file.write_text("secret")
        file.chmod(0o600)
    password.write_text("secret")
    password.chmod(0o640)
    settings = tmp_path / "rcq.toml"
    settings.write_text(f'[notify]\nsmtp_password_file = "{password}"\nsmtp_user = "u"\nsmtp_security = "tls"\n')
    return Host(
        config_file=settings, settings=load(settings), settings_trouble="", paths_trouble="",
        paths=personal(state_dir=state, socket=tmp_path / "s"),
    )  # fmt: skip


OPENED = ["state/rcq.db", "state/rcq.db-wal", "state/rcq.db-shm", "state/backups/before-upgrade-1.db", "smtp-password"]


def test_closed_files_are_well(host: Host) -> None:
    assert private_files(host).state == "ok"


@pytest.mark.parametrize("name", OPENED)
@pytest.mark.parametrize("mode", [0o604, 0o602])
def test_an_open_one_is_named_with_what_closes_it(host: Host, tmp_path: Path, name: str, mode: int) -> None:
    (tmp_path / name).chmod(mode)
    found = private_files(host)
    assert found.state == "fail"
    assert str(tmp_path / name) in found.found
    subprocess.run(["sh", "-c", found.mend.removeprefix("Run: ")], check=True)
    assert private_files(host).state == "ok"


def test_the_group_may_read_the_password_alone(host: Host, tmp_path: Path) -> None:
    (tmp_path / "state/rcq.db").chmod(0o640)
    assert private_files(host).state == "fail"
