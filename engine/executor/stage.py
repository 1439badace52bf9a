"""The program beside a command in the foreground: brings it to the terminal, or the pipes, of who submitted it.

    python -I -m engine.executor.stage OPTIONS COMMAND…

It is a job's first process and runs as its owner. It connects to the socket where the submitter waits, lets nobody but
its own Unix user be that, gives the command what it is sent, and ends as the command ends. Standard library only. Must
not know leases, nor why it is told to end.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from engine.executor.guarded import is_guarded
from engine.executor.spawn import DEFAULT_PATH, LaunchError, located
from engine.executor.stagerelay import Relay
from engine.executor.stagestart import NOT_FOUND, Terminal, begin, opened
from engine.executor.tree import STAGE
from engine.protocol.stage import END, HELLO, PIECE, START, Broken, Frame, Frames, peer_uid, said

CONNECT_S, ANSWER_S = 10.0, 60.0
"""How long a socket may take to be connected, and who waits there to answer: it may stand still behind a ^Z."""
OF_PERSON = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM"})
"""Variables that a job has for want of a log-in: the submitter's own are better."""
OF_CLIENT = frozenset({"RCQ_SOCKET", "RCQ_TOKEN", "RCQ_CONFIG"})
"""By these a command inside finds the same engine."""
LEFT_OUT = frozenset({"_", "OLDPWD", "LINES", "COLUMNS"})
NOTICE = "rcq: this job runs in the foreground: its output goes to where it was started, not to this log"


class Meeting(NamedTuple):
    """What was agreed. start: the body of START; files: descriptors that came with it; more: what came after it."""

    connection: socket.socket
    start: Mapping[str, Any]
    files: list[int]
    more: list[Frame]
    frames: Frames


def main(words: list[str]) -> int:
    """Run the command; the exit code where it did not come to that. Else this process ends as the command did."""
    options, command = json.loads(words[0]), words[1:]
    Path("/proc/self/comm").write_text(STAGE)
    print(NOTICE, flush=True)  # noqa: T201 (the log file)
    try:
        meeting = meet(options["socket"], os.environ["RCQ_JOB_ID"])
        terminal = opened(meeting.start["terminal"]) if meeting.start["terminal"] else None
        os.umask(meeting.start["umask"])
    except (OSError, Broken, KeyError, TypeError, ValueError) as problem:
        _complain(f"nobody answers for this job at {options['socket']}: {_why(problem)}; run it again")
        return 1
    try:
        environment = environment_of(os.environ, meeting.start)
        program = located(command[0], environment.get("PATH", DEFAULT_PATH))
        child = begin(program, command, environment, terminal.slave if terminal else None, meeting.files)
    except LaunchError as problem:
        _complain(str(problem))
        meeting.connection.sendall(said(END, {"exit_code": NOT_FOUND, "message": str(problem)}))
        return NOT_FOUND
    return _relayed(child, terminal, meeting, options)


def meet(path: str, job: str) -> Meeting:
    """Connect, see who is there, say which job this is, hear what to do. Raises OSError, Broken."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(CONNECT_S)
    connection.connect(path)
    if (other := peer_uid(connection)) != os.getuid():
        raise Broken(f"it belongs to the Unix user {other}, and this job runs as {os.getuid()}")
    connection.settimeout(ANSWER_S)
    connection.sendall(said(HELLO, {"job": job}))
    frames, files = Frames(), list[int]()
    while True:
        piece, sent, _, _ = socket.recv_fds(connection, PIECE, 3)
        for handle in sent:
            os.set_inheritable(handle, False)  # Python 3.11 takes the flag for it and passes it over
        files += sent
        if not piece:
            raise Broken("it hung up")
        if found := frames.feed(piece):
            break
    start = found[0]
    if start.kind != START or not isinstance(start.value, dict):
        raise Broken("what it says is of another version of rcq")
    if len(files) not in ({0, 1} if start.value["terminal"] else {3}):
        raise Broken("it sent no files for input and output")
    return Meeting(connection, start.value, files, found[1:], frames)


def environment_of(job: Mapping[str, str], start: Mapping[str, Any]) -> dict[str, str]:
    """The submitter's own environment, over it what tells the job and its cards, over that what was asked for."""
    own = {name: str(value) for name, value in start["environment"].items() if _is_handed_on(name)}
    of_job = {name: value for name, value in job.items() if name not in OF_PERSON or name not in own}
    asked = {name: str(value) for name, value in start["asked"].items() if not is_guarded(name)}
    return {**own, **of_job, **asked, "PWD": str(Path.cwd())}


def _is_handed_on(name: str) -> bool:
    """Not what tells of another job, or of another window."""
    is_of_job = is_guarded(name) or name.startswith("SLURM_")
    return name in OF_CLIENT or not (is_of_job or name in LEFT_OUT)


def _relayed(child: int, terminal: Terminal | None, meeting: Meeting, options: Mapping[str, Any]) -> int:
    for handle in meeting.files:
        os.close(handle)
    if terminal is not None:
        os.close(terminal.slave)
    relay = Relay(
        connection=meeting.connection,
        frames=meeting.frames,
        child=child,
        master=terminal.master if terminal else None,
        grace_s=float(options["grace_s"]),
        warn_before_s=float(options["warn_before_s"]),
    )
    status = relay.run(meeting.more)
    if relay.was_left:
        _complain("who started this job went away, so its command was hung up")
    return _end_as(status)


def _end_as(status: int) -> int:
    """Its exit code; where a signal ended it, this process ends by the same."""
    if not os.WIFSIGNALED(status):
        return os.WEXITSTATUS(status)
    number = os.WTERMSIG(status)
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


def _complain(message: str) -> None:
    print(f"rcq: {message}", file=sys.stderr, flush=True)  # noqa: T201 (the log file)


def _why(problem: Exception) -> str:
    if isinstance(problem, TimeoutError):
        return f"it said nothing for {ANSWER_S:.0f} s"
    if isinstance(problem, OSError):
        return problem.strerror or str(problem)
    return str(problem) if isinstance(problem, Broken) else "what it says is of another version of rcq"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
