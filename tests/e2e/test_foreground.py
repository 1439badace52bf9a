"""Jobs in the foreground as people meet them: `rcq run` and `rcq shell` on a real engine, in real terminals."""

import hashlib
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import PATIENCE_S, SETTINGS, Engine, Person, until
from tests.e2e.screen.terminals import RCQ, Bare, Tmux, environment

pytestmark = pytest.mark.e2e
LOOP = "while :; do sleep 0.05; done"
Launch = Callable[..., Engine]


class Desk:
    """Where a person sits: what `rcq` finds around it."""

    def __init__(self, engine: Engine, person: Person, home: Path) -> None:
        self.engine = engine
        self.person = person
        self.home = home
        token = person.http.headers["Authorization"].removeprefix("Bearer ")
        self.meetings = home / "run"
        self.meetings.mkdir(mode=0o700)
        self.env = environment(engine.socket, home, RCQ_TOKEN=token, XDG_RUNTIME_DIR=str(self.meetings), PS1="> ")
        self.started: list[subprocess.Popen[bytes]] = []
        self.terminals: list[Bare] = []

    def run(self, *words: str, code: int = 0, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        ran = subprocess.run(
            [*RCQ, "run", *words],
            env=self.env,
            cwd=self.home,
            input=given,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == code, ran.stderr.decode()
        return ran

    def begin(self, *words: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [*RCQ, "run", *words], env=self.env, cwd=self.home,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.started.append(process)
        return process

    def terminal(self, *words: str) -> Bare:
        self.terminals.append(Bare(self.env, *words))
        return self.terminals[-1]

    def job(self) -> dict[str, Any]:
        """The last one."""
        rows = self.person.get("/v1/jobs", state="pending,scheduled,running,completed,failed,cancelled,preempted")[
            "items"
        ]
        return self.person.job(max(row["id"] for row in rows))

    def ended(self, **expected: Any) -> dict[str, Any]:
        job = self.person.ended(self.job()["id"])
        assert {name: job[name] for name in expected} == expected
        return job

    def leave(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()
        for terminal in self.terminals:
            terminal.close()


@pytest.fixture
def desk(engine: Engine, admin: Person, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(engine, admin, tmp_path)
    yield made
    made.leave()
    assert list(made.meetings.iterdir()) == [], "a meeting place was left"


def test_the_exit_code_is_the_commands(desk: Desk) -> None:
    ran = desk.run(
        "--gpus", "1", "--", "sh", "-c", "echo $RCQ_JOB_ID $CUDA_VISIBLE_DEVICES; echo wrong >&2; exit 7", code=7
    )
    job = desk.ended(state="failed", exit_code=7)
    assert ran.stdout.decode().split() == [str(job["id"]), *job["gpu_uuids"]]
    assert ran.stderr == b"wrong\n"
    assert "in the foreground" in desk.person.log(job["id"])
    desk.run("--", "sh", "-c", "kill -9 $$", code=137)
    assert b"127" not in desk.run("--", "nosuch", code=127).stdout


def test_100_mb_pass_through_as_they_are(desk: Desk) -> None:
    given = os.urandom(100_000_000)
    ran = desk.run("--", "sh", "-c", "tee /dev/stderr", given=given)
    expected = hashlib.sha256(given).digest()
    assert hashlib.sha256(ran.stdout).digest() == expected
    assert hashlib.sha256(ran.stderr).digest() == expected


def test_who_reads_no_more_ends_it(desk: Desk) -> None:
    """As in any pipe: SIGPIPE."""
    piped = f"{' '.join(RCQ)} run -- yes | head -n 2; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(
        ["bash", "-c", piped], env=desk.env, cwd=desk.home, capture_output=True, timeout=60, check=False
    )
    assert ran.stdout == b"y\ny\n"
    assert ran.stderr == b"", "a shell says nothing of it either"
    assert ran.returncode == 128 + signal.SIGPIPE
    desk.ended(cause="signal", signal=int(signal.SIGPIPE))


def test_the_environment_comes_along_and_is_kept_nowhere(desk: Desk) -> None:
    desk.env |= {"OF_PERSON": "s3cret-of-mine", "PATH": f"/opt/venv/bin:{os.environ['PATH']}"}
    told = desk.run("--env", "ASKED=0dd", "--", "env").stdout.decode().splitlines()
    assert {"OF_PERSON=s3cret-of-mine", "ASKED=0dd", f"PATH={desk.env['PATH']}", f"PWD={desk.home}"} <= set(told)
    assert f"RCQ_SOCKET={desk.engine.socket}" in told
    job = desk.ended(state="completed", environment={})
    with sqlite3.connect(desk.engine.state / "rcq.db") as books:
        request = books.execute("SELECT request FROM jobs WHERE id = ?", [job["id"]]).fetchone()[0]
    assert "s3cret" not in request
    assert "0dd" not in request


def test_the_umask_comes_along(desk: Desk) -> None:
    before = os.umask(0o026)
    try:
        assert desk.run("--", "sh", "-c", "umask").stdout == b"0026\n"
    finally:
        os.umask(before)


def test_signals_are_handed_on(desk: Desk) -> None:
    process = desk.begin("--", "sh", "-c", f"trap 'echo told; exit 4' TERM; echo > ready; {LOOP}")
    until((desk.home / "ready").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 4
    assert process.communicate()[0] == b"told\n"
    desk.ended(state="failed", exit_code=4)


def test_an_interrupt_at_a_terminal_is_as_in_a_shell(desk: Desk) -> None:
    terminal = desk.terminal("run", "--", "sh", "-c", f"echo ready; {LOOP}")
    terminal.sees("ready")
    terminal.sends(b"\x03")
    assert terminal.ended() == 128 + signal.SIGINT
    assert terminal.wrote.endswith(b"ready\r\n^C\r\n")


def test_an_engine_that_stands_still_keeps_nobody(desk: Desk) -> None:
    process = desk.begin("--", "sh", "-c", f"trap 'echo > heard' INT; echo > ready; {LOOP}")
    until((desk.home / "ready").exists)
    assert desk.engine.process is not None
    desk.engine.process.send_signal(signal.SIGSTOP)
    try:
        for _ in range(2):
            (desk.home / "heard").unlink(missing_ok=True)
            process.send_signal(signal.SIGINT)
            until((desk.home / "heard").exists)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 128 + signal.SIGINT
    finally:
        desk.engine.process.send_signal(signal.SIGCONT)
    desk.ended()


def test_a_second_interrupt_cancels_the_job(desk: Desk) -> None:
    process = desk.begin("--", "sh", "-c", f"trap 'echo > heard' INT; echo > ready; {LOOP}")
    until((desk.home / "ready").exists)
    process.send_signal(signal.SIGINT)
    until((desk.home / "heard").exists)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM
    assert b"cancelled" in process.communicate()[1]
    desk.ended(state="cancelled")


def test_who_waits_is_told_where_and_gives_up_with_an_interrupt(desk: Desk) -> None:
    other = desk.person.submit("sleep", "300", gpus=2)
    desk.person.wait_for(other, "running")
    process = desk.begin("--gpus", "1", "--", "touch", "begun")
    assert process.stderr is not None
    line = process.stderr.readline().decode()
    number = desk.job()["id"]
    assert line.startswith(f"job {number} waits: position 1, starts about ")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130
    assert f"job {number} is cancelled" in process.communicate()[1].decode()
    desk.ended(state="cancelled")
    assert not (desk.home / "begun").exists()


def test_a_start_that_fails_says_why(desk: Desk) -> None:
    ran = desk.run("--workdir", "/nowhere", "--", "true", code=1)
    assert "the working directory /nowhere does not exist" in ran.stderr.decode()
    assert b"at most 2 here" in desk.run("--gpus", "99", "--", "true", code=1).stderr


def test_a_client_that_is_killed_leaves_nothing(desk: Desk) -> None:
    terminal = desk.terminal("shell", "--", "sh", "-c", f"trap '' HUP; (setsid sleep 300 &); echo ready; {LOOP}")
    terminal.sees("ready")
    terminal.program.kill()
    job = desk.ended(state="failed", signal=9)
    assert not [pid for pid in desk.engine.leftovers() if _is_of(pid, job["id"])]
    assert "went away" in desk.person.log(job["id"], "stderr")


def _is_of(pid: int, job: int) -> bool:
    try:
        return f"RCQ_JOB_ID={job}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def test_a_client_that_is_killed_while_it_waits(desk: Desk) -> None:
    other = desk.person.submit("sleep", "300", gpus=2)
    process = desk.begin("--gpus", "2", "--", "touch", "begun")
    assert process.stderr is not None
    process.stderr.readline()
    process.kill()
    process.wait()
    desk.person.ask("DELETE", f"/v1/jobs/{other}")
    job = desk.ended(state="failed", exit_code=1)
    assert "nobody answers for this job" in desk.person.log(job["id"], "stderr")
    assert not (desk.home / "begun").exists()
    for place in desk.meetings.iterdir():  # of who was killed
        shutil.rmtree(place)


def test_a_stage_that_is_killed_takes_all_with_it(desk: Desk) -> None:
    process = desk.begin("--", "sh", "-c", f"echo $PPID > stage; {LOOP}")
    until(lambda: (desk.home / "stage").exists() and (desk.home / "stage").read_text().strip())
    os.kill(int((desk.home / "stage").read_text()), signal.SIGKILL)
    assert process.wait(PATIENCE_S) == 128 + signal.SIGKILL
    job = desk.ended(state="failed", signal=9)
    assert f"job {job['id']} failed: signal 9" in process.communicate()[1].decode()
    assert not [pid for pid in desk.engine.leftovers() if _is_of(pid, job["id"])]


def test_one_begun_in_the_background_goes_on_in_front(desk: Desk, tmp_path: Path) -> None:
    """It stands still as it may not touch the terminal; errors go where they were sent."""
    tmux = Tmux(tmp_path, desk.env, "shell", "--", "bash", "--norc", "-i")
    try:
        tmux.sees("no GPU")
        tmux.types(f"set -b; {shlex.join(RCQ)} run -- sh -c 'echo wrong >&2; echo fr''ont; exit 4' 2> {tmp_path}/err &")
        tmux.keys("Enter")
        tmux.sees("Stopped")
        tmux.keys("fg", "Enter")
        tmux.sees("front")
        tmux.types("echo co''de $?; exit")
        tmux.keys("Enter")
        tmux.sees("code 4")
        assert tmux.ended() == 0
    finally:
        tmux.close()
    assert (tmp_path / "err").read_bytes() == b"wrong\n"


def test_the_engine_may_be_killed_meanwhile(desk: Desk) -> None:
    terminal = desk.terminal("shell", "--gpus", "1", "--", "bash", "--norc")
    terminal.sees("> ")
    desk.engine.end(signal.SIGKILL)
    terminal.sends(b"echo still $((40 + 2))\r")
    terminal.sees("still 42")
    terminal.sends(b"exit 5\r")
    terminal.sees("waiting for the engine")
    desk.engine.start()
    assert terminal.ended() == 5
    desk.ended(state="failed", exit_code=5)


def test_a_cancel_from_another_shell(desk: Desk) -> None:
    terminal = desk.terminal("shell", "--", "bash", "--norc")
    terminal.sees("> ")
    number = desk.job()["id"]
    desk.engine.rcq(desk.person, "cancel", str(number))
    assert terminal.ended() == 128 + signal.SIGHUP
    assert f"job {number} cancelled" in terminal.text()
    desk.ended(state="cancelled")


def test_the_time_limit_is_told_of_before_it_ends_the_shell(launch: Launch, tmp_path: Path) -> None:
    engine = launch(SETTINGS + "warn_before_s = 1.0\n")
    desk = Desk(engine, engine.admin(), tmp_path)
    terminal = desk.terminal("shell", "--for", "3s", "--", "bash", "--norc")
    terminal.sees("1s left of the time limit")
    assert terminal.ended() == 128 + signal.SIGHUP
    assert "time-limit" in terminal.text()
    desk.ended(state="failed", cause="time-limit")
    desk.leave()


def test_a_terminal_that_goes_away_cancels_and_one_that_stays_is_put_back(desk: Desk) -> None:
    terminal = desk.terminal("shell", "--", "bash", "--norc")
    terminal.sees("> ")
    assert not terminal.echoes()
    terminal.program.send_signal(signal.SIGHUP)
    assert terminal.ended() == 128 + signal.SIGHUP
    assert terminal.echoes()
    desk.ended(state="cancelled")


def test_there_is_one_attempt(desk: Desk) -> None:
    process = desk.begin("--", "sh", "-c", f"echo > ready; {LOOP}")
    until((desk.home / "ready").exists)
    number = desk.job()["id"]
    assert desk.person.refusal("POST", f"/v1/jobs/{number}/requeue") == "INVALID_STATE"
    desk.person.ask("DELETE", f"/v1/jobs/{number}")
    process.wait(PATIENCE_S)
    desk.ended(state="cancelled")
    assert desk.person.refusal("POST", f"/v1/jobs/{number}/requeue") == "INVALID_STATE"
    ran = desk.run("--", "sh", "-c", "echo again")
    again = desk.person.post(f"/v1/jobs/{desk.job()['id']}/redo")["id"]
    assert ran.stdout == b"again\n"
    assert desk.person.ended(again)["foreground"] is None
    assert desk.person.log(again) == "again\n"


def test_who_makes_way_for_others_has_ended(launch: Launch, tmp_path: Path) -> None:
    engine = launch(SETTINGS.replace("[gpu]", "preemption_min_run_s = 0.1\n[gpu]", 1))
    admin = engine.admin()
    engine.rcq(admin, "group", "add", "bio", "--guarantee", "1")
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    desk = Desk(engine, bob, tmp_path)
    process = desk.begin("--gpus", "2", "--preemptible", "--time", "1h", "--", "sh", "-c", f"echo > ready; {LOOP}")
    until((tmp_path / "ready").exists)
    mine = ann.submit("true", gpus=1, time_limit_s=60)
    assert ann.ended(mine)["state"] == "completed"
    assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM
    told = process.communicate()[1].decode()
    assert "preempted: attempt 1 was preempted: it was stopped because its group had borrowed" in told
    assert "next attempt" not in told
    assert [(one["state"], one["attempt"]) for one in bob.get("/v1/jobs", state="preempted")["items"]] == [
        ("preempted", 1)
    ]
    desk.leave()


def test_a_shell_without_a_terminal_needs_a_command(desk: Desk) -> None:
    told = subprocess.run(
        [*RCQ, "shell"], env=desk.env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    assert told.returncode == 2
    assert b"needs a terminal" in told.stderr
    assert desk.person.get("/v1/jobs")["items"] == []


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_a_shell_in_tmux(desk: Desk) -> None:
    tmux = Tmux(
        desk.home, desk.env | {"SHELL": "/bin/bash", "HOME": str(desk.home)}, "shell", "--gpus", "1", "--for", "2h"
    )
    try:
        tmux.sees(": GPU ")
        tmux.types("PS1='> '; clear; stty size; echo $RCQ_JOB_ID.$TERM")
        tmux.keys("Enter")
        tmux.sees("24 80")
        tmux.sees(f"{desk.job()['id']}.")
        tmux.types("sleep 300")
        tmux.keys("Enter")
        until(lambda: _sleeps(desk.job()["id"]))
        tmux.keys("C-c")
        tmux.types("echo code $?")
        tmux.keys("Enter")
        tmux.sees("code 130")
        tmux.types("exit 9")
        tmux.keys("Enter")
        assert tmux.ended() == 9
    finally:
        tmux.close()
    desk.ended(exit_code=9)


def _sleeps(job: int) -> bool:
    found = subprocess.run(["pgrep", "-x", "sleep"], capture_output=True, text=True, check=False).stdout.split()
    return any(_is_of(int(pid), job) for pid in found)
