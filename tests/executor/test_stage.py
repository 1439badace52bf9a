"""The stage of a job in the foreground, alone: a scripted submitter at its socket, real commands behind it."""

import array
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.executor import tree
from engine.executor.foreground import on_stage
from engine.executor.stage import environment_of
from engine.protocol.stage import DATA, END, HELLO, SIGNAL, START, WARNING, WINDOW, Frame, Frames, framed, said
from tests.executor.otherusers import USER1, as_root, may

PATIENCE_S = 40.0


class Submitter:
    """Waits at a socket for a stage, and keeps what it says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(PATIENCE_S)
        self.connection = socket.socket(socket.AF_UNIX)
        self.frames = Frames()
        self.came: list[Frame] = []
        self.processes: list[subprocess.Popen[bytes]] = []

    def begin(self, *command: str, path: Path | None = None, grace_s: float = 5.0) -> "subprocess.Popen[bytes]":
        words = on_stage(command, socket=str(path or self.path), grace_s=grace_s, warn_before_s=90.0)
        process = subprocess.Popen(
            words, env={"RCQ_JOB_ID": "7", "PATH": "/usr/bin:/bin", "TERM": "dumb"}, cwd=self.path.parent,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def meet(self, environment: Mapping[str, str] | None = None) -> "Submitter":
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(PATIENCE_S)
        hello = self.next(HELLO)
        assert hello.value == {"job": "7"}
        own = {"PATH": "/usr/bin:/bin", **(environment or {})}
        self.start = {"environment": own, "asked": {}, "umask": 0o026, "terminal": None}
        return self

    def on_terminal(self, *files: int) -> "Submitter":
        master, slave = pty.openpty()
        *modes, characters = termios.tcgetattr(slave)
        os.close(master)
        os.close(slave)
        plain = [one if isinstance(one, int) else one[0] for one in characters]
        terminal = {"rows": 31, "columns": 99, "attributes": [*modes, plain]}
        self.start |= {"terminal": terminal}
        return self.with_files(*files)

    def with_files(self, *files: int) -> "Submitter":
        self.connection.sendmsg(
            [said(START, self.start)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
        )
        return self

    def next(self, kind: bytes) -> Frame:
        """The next frame of that kind; others are kept."""
        seen = len(self.came)
        while True:
            for frame in self.came[seen:]:
                if frame.kind == kind:
                    return frame
            seen = len(self.came)
            piece = self.connection.recv(65536)
            assert piece, f"it hung up; it said {self.came}"
            self.came += self.frames.feed(piece)

    def sees(self, words: bytes) -> None:
        """Wait until the terminal has shown that."""
        while words not in self.shown():
            piece = self.connection.recv(65536)
            assert piece, f"it hung up; it showed {self.shown()!r}"
            self.came += self.frames.feed(piece)

    def shown(self) -> bytes:
        return b"".join(frame.body for frame in self.came if frame.kind == DATA)

    def types(self, keys: bytes) -> None:
        self.connection.sendall(framed(DATA, keys))

    def end(self) -> Any:
        return self.next(END).value

    def close(self) -> None:
        self.connection.close()
        self.listener.close()
        for process in self.processes:
            if process.poll() is None:
                for one in tree.descendants([process.pid], tree.all_processes()):
                    tree.send(one, signal.SIGKILL)
                process.kill()
            process.communicate()


@pytest.fixture
def submitter(tmp_path: Path) -> Iterator[Submitter]:
    made = Submitter(tmp_path / "s")
    yield made
    made.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("script", "told", "code"), [("exit 7", {"exit_code": 7}, 7), ("kill -9 $$", {"signal": 9}, -9)]
)
def test_it_ends_as_the_command_does(submitter: Submitter, script: str, told: dict[str, int], code: int) -> None:
    stage = submitter.begin("sh", "-c", f"echo said; {script}")
    submitter.meet().on_terminal()
    assert submitter.end() == told
    assert submitter.shown() == b"said\r\n"
    assert stage.wait(PATIENCE_S) == code
    assert b"in the foreground" in stage.communicate()[0]


def test_a_terminal_of_the_jobs_own(submitter: Submitter) -> None:
    script = (
        "stty size; tty; ps -o stat= -p $$; trap 'stty size; exit 4' WINCH; echo ready; while :; do sleep 0.05; done"
    )
    submitter.begin("sh", "-c", script)
    submitter.meet().on_terminal().sees(b"ready")
    size, name, state = submitter.shown().split(b"\r\n")[:3]
    assert size == b"31 99"
    assert name.startswith(b"/dev/pts/")
    assert b"s" in state and b"+" in state, "leader of its session, in front of its terminal"
    submitter.connection.sendall(said(WINDOW, [12, 34]))
    assert submitter.end() == {"exit_code": 4}
    assert submitter.shown().endswith(b"12 34\r\n")


def test_what_it_makes_is_as_open_as_the_submitters_files(submitter: Submitter) -> None:
    submitter.begin("sh", "-c", "umask")
    submitter.meet().on_terminal().sees(b"0026")


def test_errors_may_go_elsewhere_from_a_terminal(submitter: Submitter, tmp_path: Path) -> None:
    with (tmp_path / "err").open("wb") as err:
        submitter.begin("sh", "-c", "test -t 0 && test -t 1 && echo both; echo wrong >&2; ls /proc/self/fd >&2")
        submitter.meet().on_terminal(err.fileno())
        assert submitter.end() == {"exit_code": 0}
    assert submitter.shown() == b"both\r\n"
    assert (tmp_path / "err").read_text().split() == ["wrong", "0", "1", "2", "3"], "nothing else is left open"


def test_keys_are_the_commands(submitter: Submitter) -> None:
    stage = submitter.begin("sh", "-c", "echo ready; exec cat")
    submitter.meet().on_terminal().sees(b"ready")
    submitter.types(b"a line\r")
    submitter.sees(b"a line\r\na line\r\n")
    submitter.types(b"\x03")
    assert submitter.end() == {"signal": signal.SIGINT}
    assert stage.wait(PATIENCE_S) == -signal.SIGINT


def test_every_byte_passes_through_a_raw_terminal(submitter: Submitter) -> None:
    submitter.begin("sh", "-c", "stty raw -echo; echo ready; exec head -c 65536")
    submitter.meet().on_terminal().sees(b"ready\n")
    sent = bytes(range(256)) * 256
    for at in range(0, len(sent), 1000):
        submitter.types(sent[at : at + 1000])
    assert submitter.end() == {"exit_code": 0}
    assert submitter.shown().partition(b"ready\n")[2] == sent


def test_all_is_shown_that_was_written_before_the_end(submitter: Submitter) -> None:
    submitter.begin("sh", "-c", "seq 1 50000; (sleep 60 &)")
    submitter.meet().on_terminal()
    assert submitter.end() == {"exit_code": 0}
    assert submitter.shown() == b"".join(b"%d\r\n" % number for number in range(1, 50001))


def test_who_is_slow_holds_the_command_back(submitter: Submitter) -> None:
    stage = submitter.begin("sh", "-c", "yes 0123456789 | head -c 5000000")
    submitter.meet().on_terminal().sees(b"0123")
    until(lambda: Path(f"/proc/{stage.pid}/wchan").exists())
    held = submitter.connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert stage.poll() is None, f"5 MB fit into buffers of {held} bytes"
    assert submitter.end() == {"exit_code": 0}
    assert submitter.shown().count(b"0123456789\r\n") == 5000000 // 11


def test_files_are_handed_over(submitter: Submitter, tmp_path: Path) -> None:
    data = os.urandom(1_000_000)
    (tmp_path / "in").write_bytes(data)
    with (
        (tmp_path / "in").open("rb") as given,
        (tmp_path / "out").open("wb") as out,
        (tmp_path / "err").open("wb") as err,
    ):
        submitter.begin("sh", "-c", "cat; echo wrong >&2; ls /proc/self/fd >&2")
        submitter.meet().with_files(given.fileno(), out.fileno(), err.fileno())
        assert submitter.end() == {"exit_code": 0}
    assert (tmp_path / "out").read_bytes() == data
    assert (tmp_path / "err").read_text().split() == ["wrong", "0", "1", "2", "3"], "nothing else is left open"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR2])
def test_signals_go_to_all_that_the_command_started(submitter: Submitter, tmp_path: Path, number: int) -> None:
    loop = "while :; do sleep 0.05; done"
    inner = f"trap 'echo inner >> got; exit' {number}; echo > ready; {loop}"
    script = f'trap "echo outer >> got" {number}; sh -c "{inner}"; exit 3'
    with (tmp_path / "null").open("w+b") as null:
        stage = submitter.begin("sh", "-c", script)
        submitter.meet().with_files(*3 * [null.fileno()])
        until((tmp_path / "ready").exists)
        submitter.connection.sendall(said(SIGNAL, 9) + said(SIGNAL, number))
        assert submitter.end() == {"exit_code": 3}
    assert stage.wait(PATIENCE_S) == 3
    assert sorted((tmp_path / "got").read_text().split()) == ["inner", "outer"]


def test_who_leaves_hangs_the_command_up(submitter: Submitter, tmp_path: Path) -> None:
    stage = submitter.begin("sh", "-c", "trap 'echo hup > got; exit 6' HUP; echo ready; while :; do sleep 0.05; done")
    submitter.meet().on_terminal().sees(b"ready")
    submitter.connection.close()
    assert stage.wait(PATIENCE_S) == 6
    assert (tmp_path / "got").read_text() == "hup\n"
    assert b"went away" in stage.communicate()[1]


def test_who_takes_no_notice_of_that_is_killed(submitter: Submitter) -> None:
    stage = submitter.begin("sh", "-c", "trap '' HUP; echo ready; while :; do sleep 0.05; done", grace_s=0.2)
    submitter.meet().on_terminal().sees(b"ready")
    submitter.connection.close()
    assert stage.wait(PATIENCE_S) == -signal.SIGKILL


def test_a_shell_that_is_told_to_end_does(submitter: Submitter) -> None:
    """It takes no notice of SIGTERM; what runs in it has its time."""
    stage = submitter.begin("bash", "--norc")
    submitter.meet({"PS1": "> "}).on_terminal().sees(b"> ")
    (shell,) = tree.descendants([stage.pid], tree.all_processes())
    submitter.types(b"sh -c 'trap \"sleep 0.5; echo saved; exit\" TERM; echo ready; while :; do sleep 0.05; done'\r")
    submitter.sees(b"ready\r\n")
    for one in [*tree.descendants([stage.pid], tree.all_processes()), tree.stat(stage.pid)]:
        assert one is not None
        tree.send(one, signal.SIGTERM)
    submitter.end()
    assert b"saved" in submitter.shown()
    assert not tree.is_alive(shell.pid, shell.start)


def test_the_warning_is_a_line_at_a_terminal_and_a_signal_elsewhere(submitter: Submitter, tmp_path: Path) -> None:
    stage = submitter.begin("bash", "--norc")
    submitter.meet({"PS1": "> "}).on_terminal().sees(b"> ")
    everybody = [stage.pid, *(one.pid for one in tree.descendants([stage.pid], tree.all_processes()))]
    assert tree.wanting(everybody, signal.SIGUSR1) == [stage.pid]
    stage.send_signal(signal.SIGUSR1)
    assert submitter.next(WARNING).value == {"left_s": 90.0}
    submitter.types(b"exit 3\r")
    assert submitter.end() == {"exit_code": 3}
    stage = submitter.begin("sh", "-c", "trap 'exit 8' USR1; echo > ready; while :; do sleep 0.05; done")
    with (tmp_path / "null").open("w+b") as null:
        submitter.frames, submitter.came = Frames(), []
        submitter.meet().with_files(*3 * [null.fileno()])
        until((tmp_path / "ready").exists)
        stage.send_signal(signal.SIGUSR1)
        assert submitter.end() == {"exit_code": 8}


@pytest.mark.parametrize(("name", "words"), [("nosuch", "command not found"), ("./text", "is not a program")])
def test_what_cannot_be_run_is_told_to_both(submitter: Submitter, tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "text").write_text("nothing")
    (tmp_path / "text").chmod(0o755)
    stage = submitter.begin(name)
    submitter.meet().on_terminal()
    told = submitter.end()
    assert told["exit_code"] == stage.wait(PATIENCE_S) == 127
    assert words in told["message"]
    assert words in stage.communicate()[1].decode()


# ---------------------------------------------------------------- who does not answer as he should


def refused(submitter: Submitter, path: Path) -> str:
    stage = submitter.begin("touch", "begun", path=path)
    assert stage.wait(PATIENCE_S) == 1
    assert not (submitter.path.parent / "begun").exists()
    return stage.communicate()[1].decode()


def test_where_nobody_listens(submitter: Submitter, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").touch()
    assert "No such file" in refused(submitter, tmp_path / "gone")
    assert "refused" in refused(submitter, tmp_path / "fifo")
    assert "refused" in refused(submitter, tmp_path / "file")
    assert "run it again" in refused(submitter, tmp_path / ("x" * 200))


def answered(submitter: Submitter, bytes_: bytes) -> str:
    stage = submitter.begin("touch", "begun")
    submitter.frames = Frames()
    submitter.meet()
    submitter.connection.sendall(bytes_)
    submitter.connection.shutdown(socket.SHUT_WR)
    assert stage.wait(PATIENCE_S) == 1
    assert not (submitter.path.parent / "begun").exists()
    return stage.communicate()[1].decode()


def test_an_answer_that_means_nothing(submitter: Submitter) -> None:
    assert "hung up" in answered(submitter, b"")
    assert "announced" in answered(submitter, b"S\xff\xff\xff\xff")
    for wrong in (said(DATA, {}), said(START, []), said(START, {}), framed(START, b"{"), said(START, {"terminal": 3})):
        assert "run it again" in answered(submitter, wrong)
    assert "no files" in answered(
        submitter, said(START, {"terminal": None, "environment": {}, "asked": {}, "umask": 18})
    )


@as_root
def test_another_users_socket_is_left_alone(submitter: Submitter, open_path: Path) -> None:
    """The kernel tells who listens: nothing of the job goes there."""
    (open_path / "theirs").mkdir()
    os.chown(open_path / "theirs", USER1, USER1)
    path = open_path / "theirs" / "s"

    def listen() -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            path.chmod(0o777)
            (open_path / "theirs" / "ready").touch()
            connection, _ = listener.accept()
            connection.settimeout(PATIENCE_S)
            (open_path / "theirs" / "heard").write_bytes(connection.recv(100))

    child = os.fork()
    if not child:
        os._exit(0 if may(USER1, listen) else 1)
    until((open_path / "theirs" / "ready").exists)
    assert f"belongs to the Unix user {USER1}" in refused(submitter, path)
    assert os.waitpid(child, 0)[1] == 0
    assert (open_path / "theirs" / "heard").read_bytes() == b""


def test_the_environment_is_the_submitters_under_the_jobs() -> None:
    job = {"PATH": "/usr/bin", "TERM": "dumb", "RCQ_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "u", "OMP_NUM_THREADS": "4"}
    own = {
        "PATH": "/venv/bin",
        "TERM": "xterm",
        "RCQ_JOB_ID": "3",
        "RCQ_SOCKET": "/s",
        "RCQ_X": "x",
        "SLURM_JOB_ID": "1",
    }
    own |= {"CUDA_VISIBLE_DEVICES": "all", "OMP_NUM_THREADS": "99", "KEY": "v", "OLDPWD": "/x", "COLUMNS": "7"}
    asked = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "RCQ_JOB_ID": "5", "TERM": "vt100"}
    made = environment_of(job, {"environment": own, "asked": asked})
    assert made == {
        "PATH": "/venv/bin", "TERM": "vt100", "RCQ_JOB_ID": "7", "RCQ_SOCKET": "/s", "CUDA_VISIBLE_DEVICES": "u",
        "OMP_NUM_THREADS": "1", "KEY": "v", "PWD": str(Path.cwd()),
    }  # fmt: skip


def test_options_are_one_word() -> None:
    words = on_stage(("a", "b"), socket="/s", grace_s=1.0, warn_before_s=2.0)
    assert words[:2] == (sys.executable, "-I")
    assert json.loads(words[4]) == {"socket": "/s", "grace_s": 1.0, "warn_before_s": 2.0}
    assert words[5:] == ("a", "b")
