"""The batch script, run by each shell that /bin/sh may be, without a Slurm."""

import os
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from engine.core.lifecycle import Cause
from engine.executor import startscript
from engine.executor.slurm import ends, notes, script
from engine.ports import Ending, Launch
from tests.contract.executor_sides import (
    KILLED,
    MISSING,
    SEVEN,
    TREE,
    WAITS,
    RealSide,
    command_line,
    launch,
    until,
)

pytestmark = pytest.mark.parametrize("shell", ["dash", "bash"])
SLURM_ID = 4_100_000 + os.getpid() % 100_000


class Node:
    """Runs scripts as slurmd would."""

    def __init__(self, root: Path, shell: str) -> None:
        self.side = RealSide(root)
        self.shell = shell
        if shutil.which(shell) is None:
            pytest.skip(f"no {shell} here")

    def begin(self, one: Launch, **variables: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [self.shell], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "SLURM_JOB_ID": str(SLURM_ID), "LC_ALL": "C", "TZ": "UTC", **variables},
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(script.text(one))
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, one: Launch, **variables: str) -> tuple[int, str, str]:
        process = self.begin(one, **variables)
        out, errors = process.communicate(timeout=30)
        return process.returncode, out.decode(), errors.decode()


@pytest.fixture
def node(tmp_path: Path, shell: str) -> Node:
    return Node(tmp_path, shell)


def ended(one: Launch) -> notes.Ended:
    found = notes.ended(one.directory, one.attempt)
    assert found is not None
    return found


@pytest.mark.parametrize(("argv", "status"), [(SEVEN, 7), (KILLED, 137)], ids=["seven", "killed"])
def test_the_status_is_written_down_and_handed_on(node: Node, argv: tuple[str, ...], status: int) -> None:
    one = launch(node.side, "1", argv)
    assert node.run(one) == (status, "", "")
    found = ended(one)
    assert (found.slurm, found.status, found.stopped, found.limited) == (SLURM_ID, status, False, False)


@pytest.mark.parametrize(("name", "told"), [("n1", "n1"), ("a-b.c_d", "a-b.c_d"), ('n"1', None), (None, None)])
def test_the_node_says_where_it_ran(node: Node, name: str | None, told: str | None) -> None:
    one = launch(node.side, "1", SEVEN)
    node.run(one, **({} if name is None else {"SLURMD_NODENAME": name}))
    begun = notes.begun(one.directory, 1)
    assert begun is not None
    assert (begun.slurm, begun.node) == (SLURM_ID, told)


def test_nothing_runs_whose_begin_cannot_be_written_down(node: Node) -> None:
    one = launch(node.side, "1", ("sh", "-c", "echo run"))
    (one.directory / f".begun-1.json.{SLURM_ID}").mkdir()
    code, out, errors = node.run(one)
    assert (code, out) == (ends.NO_ROOM, "")
    assert "over quota" in errors
    assert notes.ended(one.directory, 1) is None


def test_an_attempt_runs_once_whoever_submits_it(node: Node) -> None:
    one = launch(node.side, "1", ("sh", "-c", "echo run"))
    assert node.run(one)[:2] == (0, "run\n")
    code, out, errors = node.run(one)
    assert (code, out) == (98, "")
    assert "runs this attempt" in errors
    assert node.run(launch(node.side, "2", ("echo", "run")), SLURM_RESTART_COUNT="1")[:2] == (98, "")


async def test_a_second_start_of_the_same_job_lasts_as_long_as_the_first(node: Node) -> None:
    one = launch(node.side, "1", WAITS)
    first = node.begin(one)
    await until(lambda: node.side.living("1") > 0)
    second = node.begin(one)
    await until(lambda: notes.is_claimed(one.directory, 1))
    assert second.poll() is None
    node.side.release("1")
    assert (first.wait(10), second.wait(10)) == (3, 98)
    assert ended(one).status == 3


def test_a_missing_command_leaves_its_mark(node: Node) -> None:
    one = launch(node.side, "1", MISSING)
    assert node.run(one)[0] == 127
    assert (one.directory / "unbegun-1").exists()


@pytest.mark.parametrize("name", ["./plain", "./folder"])
def test_what_is_not_executable_leaves_its_mark(node: Node, name: str) -> None:
    one = launch(node.side, "1", (name,))
    (one.directory / "plain").write_text("no program")
    (one.directory / "folder").mkdir()
    code, _, errors = node.run(one)
    assert (code, "not executable" in errors) == (126, True)
    assert (one.directory / "unbegun-1").exists()


def test_its_time_limit_ends_all_of_it(node: Node) -> None:
    one = launch(node.side, "1", TREE, time_limit_s=0.3)
    assert node.run(one)[0] == 143
    assert ended(one).limited
    assert node.side.living("1") == 0


async def test_told_to_end_it_has_its_grace(node: Node) -> None:
    stubborn = ("sh", "-c", 'trap "" TERM; echo ready; sleep 300; sleep 300')
    one = launch(node.side, "1", stubborn)
    process = node.begin(one)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    await until(lambda: node.side.living("1") == 2)
    process.send_signal(signal.SIGUSR2)
    assert process.wait(10) == 137
    assert ended(one).stopped
    assert node.side.living("1") == 0


def test_who_was_told_before_it_began_does_not_begin(node: Node) -> None:
    one = launch(node.side, "1", ("echo", "run"))
    (one.directory / "stop-1").write_text(f'{{"cause": "{Cause.CANCELLED.value}"}}')
    assert node.run(one)[:2] == (143, "")
    assert ended(one).stopped


def test_what_the_job_sees(node: Node) -> None:
    odd = 'it\'s "$HOME"\nand `more`'
    one = launch(node.side, "1", ("env", "-0"))
    given = {
        **one.environment,
        "ODD": odd,
        "no.name": "x",
        "SLURM_JOB_ID": "1",
        "CUDA_VISIBLE_DEVICES": "slurm/n1/gpu/0",
    }
    code, out, _ = node.run(replace(one, environment=given), CUDA_VISIBLE_DEVICES="3")
    seen = dict(line.split("=", 1) for line in out.split("\0") if line)
    assert code == 0
    assert (seen["ODD"], seen["no.name"], seen["SLURM_JOB_ID"]) == (odd, "x", str(SLURM_ID))
    assert (seen["CUDA_VISIBLE_DEVICES"], seen["NVIDIA_VISIBLE_DEVICES"]) == ("", "void"), "it has no cards"
    assert not {"LC_ALL", "TZ"} & set(seen)


def test_a_variable_may_be_called_as_one_of_the_scripts_own(node: Node) -> None:
    one = launch(node.side, "1", ("env", "-0"))
    odd = dict.fromkeys(("mark", "resets", "dir", "attempt", "job", "program", "id", "child", "status", "PATH_"), "-x")
    given = {**one.environment, **odd, "RCQ_END_TIME": "1"}
    code, out, _ = node.run(replace(one, environment=given))
    seen = dict(line.split("=", 1) for line in out.split("\0") if line)
    assert code == 0
    assert {name: seen.get(name) for name in odd} == odd
    assert seen["RCQ_SLURM_RUN"] == f"{SLURM_ID}.1", "it is known by this"


def test_a_program_with_an_equals_sign_in_its_path_is_run(node: Node) -> None:
    one = launch(node.side, "1", ("./lr=0.1/run", "a=b"))
    (one.directory / "lr=0.1").mkdir()
    (one.directory / "lr=0.1" / "run").write_text('#!/bin/sh\necho "$1" "$MARK"\nexit 7\n')
    (one.directory / "lr=0.1" / "run").chmod(0o755)
    assert node.run(one) == (7, f"a=b {one.environment['MARK']}\n", "")


def test_no_end_of_line_of_dos_is_in_the_script_and_each_arrives(node: Node) -> None:
    """sbatch refuses a script that has one."""
    odd = "a\r\nb\r\n\r'\n"
    one = launch(node.side, "1", ("printf", "%s.%s", odd, "\r"))
    assert b"\r\n" not in script.text(one)
    process = node.begin(one)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, f"{odd}.\r".encode())


def test_a_job_that_this_one_handed_to_slurm_is_let_alone(node: Node) -> None:
    """It has this one's variables, as sbatch hands them on, and may be on this node."""
    other = f"SLURM_JOB_ID=7 setsid sh -c 'echo $$ >{node.side.root}/other; exec sleep 300' >/dev/null 2>&1 &"
    none = f"env -u SLURM_JOB_ID setsid sh -c 'echo $$ >{node.side.root}/none; exec sleep 300' >/dev/null 2>&1 &"
    wait = f"until [ -s {node.side.root}/other ] && [ -s {node.side.root}/none ]; do sleep 0.02; done"
    one = launch(node.side, "1", ("sh", "-c", f"{other} {none} {wait}"))
    assert node.run(one)[0] == 0
    pids = {name: int((node.side.root / name).read_text()) for name in ("other", "none")}
    assert [name for name, pid in pids.items() if b"sleep" in command_line(pid)] == ["other"]
    os.kill(pids["other"], signal.SIGKILL)


def test_a_working_directory_that_the_node_lacks(node: Node) -> None:
    one = replace(launch(node.side, "1", SEVEN), workdir=Path("/nowhere/at/all"))
    code, _, errors = node.run(one)
    assert code == startscript.NOWHERE
    assert "working directory" in errors
    ending = Ending(
        job=one.job, attempt=1, cause=Cause.EXIT, exit_code=code, signal=None, started_at=1.0, ended_at=2.0
    )  # fmt: skip
    found = startscript.as_begun(ending, one.directory)
    assert found.cause is Cause.LAUNCH_ERROR
    assert "working directory cannot be entered" in (found.message or "")
