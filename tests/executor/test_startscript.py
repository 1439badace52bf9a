"""The lines of shell that a unit runs first, by real shells."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor import startscript
from engine.ports import Ending

SHOWS = (sys.executable, "-c", "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))")
SHELLS = ["/bin/sh", "/bin/bash"]


def run(shell: str, script: bytes) -> subprocess.CompletedProcess[bytes]:
    handle = startscript.descriptor(script)
    try:
        return subprocess.run([shell], stdin=handle, capture_output=True, env={"INVOCATION_ID": "x"}, check=False)
    finally:
        os.close(handle)


def shown(shell: str, words: tuple[str, ...], environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    ran = run(shell, startscript.text((*SHOWS, *words), environment))
    assert ran.returncode == 0, ran.stderr
    seen, variables = json.loads(ran.stdout)
    return seen, variables


@pytest.mark.parametrize("shell", SHELLS)
def test_every_word_and_variable_arrives_as_it_is(shell: str) -> None:
    words = ("a b", "", "'", "$HOME", "`id`", "\\", "é\x81\x88", "a\nb", "-n", "*", "!")
    environment = {
        "A": "it's",
        "B": "$(id)\n2",
        "C": "",
        "IFS": "x",
        "OPTIND": "abc",
        "UID": "7",
        "A.B-C": "odd",
        "PPID": "1",
    }
    seen, variables = shown(shell, words, environment)
    assert seen == list(words)
    assert {name: variables[name] for name in environment} == environment
    assert "INVOCATION_ID" not in variables


def test_a_program_with_an_equals_sign_in_its_path_is_run(tmp_path: Path) -> None:
    program = tmp_path / "lr=0.1"
    program.write_text('#!/bin/sh\necho "$1"\n')
    program.chmod(0o755)
    for environment in ({}, {"A.B": "set by env"}):
        ran = run("/bin/sh", startscript.text((str(program), "a=b"), environment))
        assert (ran.returncode, ran.stdout) == (0, b"a=b\n")


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@settings(max_examples=25, deadline=None)
@given(words=st.lists(WORDS, max_size=4), values=st.lists(WORDS, max_size=4))
def test_any_text_arrives_as_it_is(words: list[str], values: list[str]) -> None:
    environment = {f"V{index}": value for index, value in enumerate(values)}
    seen, variables = shown("/bin/sh", tuple(words), environment)
    assert seen == words
    assert {name: variables[name] for name in environment} == environment


@pytest.mark.parametrize("shell", SHELLS)
def test_its_input_is_empty_and_its_exit_code_its_own(shell: str) -> None:
    ran = run(shell, startscript.text(("sh", "-c", "cat; exit 127"), {"PATH": os.environ["PATH"]}))
    assert (ran.returncode, ran.stdout) == (127, b"")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("name", "code", "word"), [("no-such-program", 127, "not found"), ("./plain", 126, "executable")]
)
def test_what_could_not_be_begun_is_marked(shell: str, name: str, code: int, word: str, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("no program")
    ending = Ending(
        job=JobId("1"), attempt=2, cause=Cause.EXIT, exit_code=code, signal=None, started_at=1.0, ended_at=2.0
    )  # fmt: skip
    assert startscript.as_begun(ending, tmp_path) is ending
    script = startscript.text((name,), {"PATH": os.environ["PATH"]}, startscript.mark_of(tmp_path, 2))
    handle = startscript.descriptor(script)
    ran = subprocess.run([shell], stdin=handle, capture_output=True, cwd=tmp_path, check=False)
    os.close(handle)
    assert ran.returncode == code
    found = startscript.as_begun(ending, tmp_path)
    assert (found.cause, found.exit_code, found.started_at) == (Cause.LAUNCH_ERROR, None, None)
    assert word in (found.message or "")
    late = replace(ending, ended_at=3600.0)  # a job that says so of itself, an hour later
    assert startscript.as_begun(late, tmp_path) is late


def test_a_command_that_began_marks_nothing(tmp_path: Path) -> None:
    mark = startscript.mark_of(tmp_path, 1)
    assert (
        run("/bin/sh", startscript.text(("sh", "-c", "exit 127"), {"PATH": os.environ["PATH"]}, mark)).returncode == 127
    )
    assert not mark.exists()
