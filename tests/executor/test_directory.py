"""A job's directory, script and command line."""

from pathlib import Path

import pytest

from engine.core.model import JobId
from engine.executor import directory
from engine.executor.command import argv
from engine.protocol.fields import JobFields


def test_it_is_for_the_owner_only(tmp_path: Path) -> None:
    made = directory.make(tmp_path, JobId("42"))
    assert made == tmp_path / "jobs" / "42"
    assert made.stat().st_mode & 0o777 == 0o700
    assert directory.make(tmp_path, JobId("42")) == made


@pytest.mark.parametrize("job", ["", "..", "../1", "/etc", "a/b", ".x"])
def test_an_id_names_no_other_place(tmp_path: Path, job: str) -> None:
    with pytest.raises(ValueError, match="no job id"):
        directory.make(tmp_path, JobId(job))
    assert not list(tmp_path.iterdir())


def test_a_command_and_its_arguments(tmp_path: Path) -> None:
    assert argv(JobFields(command=["python", "a.py"], args=["--x", "1"]), tmp_path) == ("python", "a.py", "--x", "1")
    assert not list(tmp_path.iterdir())


def test_a_script_is_run_by_bash(tmp_path: Path) -> None:
    text = "#!/bin/bash\necho häh\r\n"
    assert argv(JobFields(script=text, args=["1"]), tmp_path) == ("/bin/bash", str(tmp_path / "script"), "1")
    assert (tmp_path / "script").read_bytes() == text.encode()
    assert (tmp_path / "script").stat().st_mode & 0o500 == 0o500


def test_a_script_is_not_written_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "script").symlink_to(target)
    argv(JobFields(script="new"), tmp_path)
    assert target.read_text() == "mine"
    assert (tmp_path / "script").read_text() == "new"


def test_neither_command_nor_script(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="command or a script"):
        argv(JobFields(), tmp_path)
