"""Commands beside an engine: its places by the options of `rcq engine`, and its owner's files stay the owner's."""

import argparse
import os
import traceback
from pathlib import Path

import pytest

from config.paths import SYSTEM_STATE
from engine.daemon import backup, restore, whose
from engine.store.store import Store

NOBODY = 65534


def given(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    whose.add_options(parser)
    return parser.parse_args(words)


def test_places_are_those_of_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RCQ_CONFIG", raising=False)
    config = tmp_path / "rcq.toml"
    config.write_text(f"[engine]\nstate_dir = '{tmp_path}/a'\n[retention]\nbackups = 2\n")
    settings, paths = whose.resolve(given("--config", str(config)))
    assert (settings.retention.backups, paths.database) == (2, tmp_path / "a" / "rcq.db")
    _, paths = whose.resolve(given("--config", str(config), "--state-dir", f"{tmp_path}/b"))
    assert paths.database == tmp_path / "b" / "rcq.db"
    _, paths = whose.resolve(given("--system"))
    assert (paths.system, paths.state_dir) == (True, SYSTEM_STATE)


def test_settings_that_cannot_be_read_are_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "rcq.toml"
    config.write_text("[retention]\nbackup_hour = 24\n")
    for command, words in ((backup, []), (restore, ["x.db"])):
        assert command.main([*words, "--config", str(config), "--state-dir", str(tmp_path)]) == 2
        assert "retention.backup_hour" in capsys.readouterr().err


def test_nothing_to_back_up_or_to_restore_to_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert backup.main(["--state-dir", str(tmp_path)]) == 1
    assert "no database" in capsys.readouterr().err
    assert list((tmp_path / "backups").iterdir()) == []
    (tmp_path / "x.db").touch()
    for command, words in ((backup, []), (restore, [str(tmp_path / "x.db")])):
        assert command.main([*words, "--state-dir", str(tmp_path / "none")]) == 1
        told = capsys.readouterr().err
        assert "is not there" in told
        assert "--system" in told
    assert not (tmp_path / "none").exists()


def test_files_of_another_user_are_for_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    for command, words in ((backup, []), (restore, [str(tmp_path / "x.db")])):
        assert command.main([*words, "--state-dir", str(tmp_path)]) == 1
        assert "sudo" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="root works on another user's files")
def test_as_root_the_files_stay_their_owners(open_path: Path) -> None:
    state = open_path / "state"
    state.mkdir()
    Store.open(state / "rcq.db", half_life_s=1.0)
    for path in (state, *state.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    state.chmod(0o755)
    where = ["--state-dir", str(state)]
    assert in_child(lambda: backup.main(where)) == 0
    [made] = (state / "backups").iterdir()
    kept = open_path / "only-for-root.db"
    kept.write_bytes(made.read_bytes())
    kept.chmod(0o600)
    assert in_child(lambda: restore.main([str(kept), *where])) == 0
    assert {path.stat().st_uid for path in state.rglob("*")} == {NOBODY}
    assert (state / "rcq.db").read_bytes() == kept.read_bytes()


def in_child(call) -> int:  # type: ignore[no-untyped-def]
    """Its result in a process of its own: it gives root's rights up for good."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(call())
        finally:
            traceback.print_exc()
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
