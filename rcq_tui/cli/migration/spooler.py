"""The queue of task-spooler (`tsp`): what still waits in it, with command, directory and environment as they were.

`tsp -l` and `tsp -i` tell words without their quotes and no directory. But each waiting job has a client of its own,
which the kernel knows exactly. Must not know rcq's jobs.
"""

import getopt
import os
import re
import shutil
import socket
import struct
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rcq_tui.cli.failures import Failed

_OPTIONS = "VhKgClnfmBEr:t:c:o:p:w:k:u:s:U:i:N:L:dS:D:"
_OF_A_JOB = frozenset({"-g", "-n", "-f", "-m", "-E", "-B", "-d", "-D", "-L", "-N"})
_LISTED = re.compile(r"^(\d+) +(queued|running|allocating)\b", re.MULTILINE)
_INFO = re.compile(r"Command: (?:\[(\d+)\]&& )?(.*)\nSlots required: (\d+)\nEnqueue time: ", re.DOTALL)
_TIMEOUT_S = 30.0


class Client(NamedTuple):
    """A process that waits for its job to be run, or for it to end. began: orders clients by their start."""

    began: int
    pid: int
    command: list[str]
    label: str | None
    directory: str
    environment: Mapping[str, str]


class Queued(NamedTuple):
    """A job that waits in tsp. client: `None` where it cannot be told. after: the tsp id that has to end well first."""

    id: int
    text: str
    slots: int
    after: int | None
    client: Client | None


class Spooler:
    """The task-spooler of this user, on the socket that the environment names."""

    def __init__(self, program: str = "tsp") -> None:
        found = shutil.which(program)
        if found is None:
            raise Failed(f"there is no {program} in PATH; task-spooler is what this reads, name it with --tsp PATH")
        self._program = found
        self._socket = _socket_of(os.environ)
        if not Path(self._socket).is_socket():
            raise Failed(f"no tsp answers on {self._socket}; set TS_SOCKET where yours is another one")
        self._server = _server_of(self._socket)

    @property
    def key(self) -> str:
        """What tells this queue from every other one, also from a later one on the same socket."""
        return f"tsp-{self._server}-{_began(self._server)}"

    def queued(self) -> list[Queued]:
        """What waits, in tsp's order. Raises Failed."""
        states = {int(number): state for number, state in _LISTED.findall(self._ask("-l"))}
        told = {number: info for number in states if (info := self._info(number)) is not None}
        clients = self._matched(told)
        return [
            Queued(number, text, slots, after, clients.get(number))
            for number, (text, slots, after) in told.items()
            if self.state(number) == "queued"
        ]

    def state(self, number: int) -> str | None:
        """Of a job, as tsp calls it; `finished 0` with its exit code. `None`: there is no such job any more."""
        said = self._run("-s", str(number))
        state = said.stdout.strip()
        if said.returncode or not state:
            return None
        if state != "finished":
            return state
        code = re.search(r"exit code (-?\d+)", self._run("-i", str(number)).stdout.partition("\n")[0])
        return f"finished {code[1] if code else '?'}"

    def remove(self, number: int) -> bool:
        """Take a waiting job out. False: it does not wait any more."""
        return self._run("-r", str(number)).returncode == 0

    def _info(self, number: int) -> tuple[str, int, int | None] | None:
        found = _INFO.search(self._run("-i", str(number)).stdout)
        return None if found is None else (found[2], int(found[3]), int(found[1]) if found[1] else None)

    def _matched(self, told: Mapping[int, tuple[str, int, int | None]]) -> dict[int, Client]:
        """Whose client is whose: by what is run; of equal ones the earlier is the earlier job's."""
        by_text: dict[str, list[Client]] = defaultdict(list)
        for client in sorted(self._clients(), key=lambda one: (one.began, one.pid)):
            by_text[" ".join(client.command)].append(client)
        found: dict[int, Client] = {}
        for text in {one[0] for one in told.values()}:
            numbers = sorted(number for number, one in told.items() if one[0] == text)
            if len(numbers) == len(by_text[text]):
                found.update(zip(numbers, by_text[text], strict=True))
        return found

    def _clients(self) -> Iterator[Client]:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != self._server:
                try:
                    client = self._client(entry)
                except OSError:  # another user's, or gone meanwhile
                    continue
                if client is not None:
                    yield client

    def _client(self, entry: Path) -> Client | None:
        if (entry / "exe").readlink().name.removesuffix(" (deleted)") != Path(self._program).resolve().name:
            return None
        words = [os.fsdecode(word) for word in (entry / "cmdline").read_bytes().split(b"\0")[:-1]]
        pairs = (os.fsdecode(pair).partition("=") for pair in (entry / "environ").read_bytes().split(b"\0") if pair)
        environment = {name: value for name, _, value in pairs}
        if _socket_of(environment) != self._socket:
            return None
        try:
            options, command = getopt.getopt(words[1:], _OPTIONS)
        except getopt.GetoptError:
            return None
        if not command or not {name for name, _ in options} <= _OF_A_JOB:
            return None
        label = dict(options).get("-L")
        directory = os.fsdecode(os.readlink(entry / "cwd"))  # noqa: PTH115 - "(deleted)" has to be seen
        return Client(_began(int(entry.name)), int(entry.name), command, label, directory, environment)

    def _ask(self, *words: str) -> str:
        said = self._run(*words)
        if said.returncode:
            raise Failed(f"{self._program} {' '.join(words)} failed: {said.stderr.strip() or said.returncode}")
        return said.stdout

    def _run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [self._program, *words]
        try:
            return subprocess.run(
                command,
                capture_output=True,
                check=False,
                timeout=_TIMEOUT_S,
                encoding="utf-8",
                errors="surrogateescape",
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(f"{' '.join(command)} did not answer: {error}") from error


def _socket_of(environment: Mapping[str, str]) -> str:
    return environment.get("TS_SOCKET") or f"{environment.get('TMPDIR') or '/tmp'}/socket-ts.{os.getuid()}"  # noqa: S108


def _server_of(path: str) -> int:
    """The process that listens there. Raises Failed."""
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.connect(path)
        except OSError as error:
            raise Failed(f"no tsp answers on {path} ({error.strerror})") from error
        size = struct.calcsize("3i")
        pid, user, _ = struct.unpack("3i", one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    if user != os.getuid():
        raise Failed(f"the tsp on {path} is another user's; its jobs are theirs to bring")
    return int(pid)


def _began(pid: int) -> int:
    """Ticks from the host's start to the process's."""
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
