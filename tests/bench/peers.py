"""rcq and two tools that people would otherwise use, each on two slots, in a folder of its own, by its own commands.

Must not know what is measured.
"""

import getpass
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from tests.bench.bench_engine import SETTINGS, Rig

_PATIENCE_S = 60.0


class Peer(Protocol):
    """A queue with a server. command: how one job is submitted. natural: how a thousand are, in a word."""

    natural: str

    def start(self) -> None:
        """Start the server, or start it again on what the one before has left."""
        ...

    def submit(self, *words: str) -> None:
        """One job, by the command that people type; back when that has ended."""
        ...

    def submit_true(self, count: int) -> None:
        """So many jobs `true`; back when all are acknowledged."""
        ...

    def ended(self) -> int:
        """Jobs that have ended well."""
        ...

    def known(self) -> int:
        """Jobs that it knows of, ended or not."""
        ...

    def kill(self) -> None:
        """SIGKILL to the server."""
        ...

    def close(self) -> None:
        """End it and what it runs."""
        ...


class Commands:
    """Programs that are run in an environment of their own."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.folder = folder
        foreign = ("RCQ_", "XDG_", "TMUX", "TS_", "PYTHONDONTWRITE")  # people have compiled modules
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self.env = kept | {"HOME": str(folder), "TMPDIR": str(folder), "TMUX_TMPDIR": str(folder)} | more

    def run(self, *words: str) -> str:
        """What the program printed."""
        return self._done(words, check=True).stdout

    def works(self, *words: str) -> bool:
        """Whether it ends well."""
        return self._done(words, check=False).returncode == 0

    def _done(self, words: Sequence[str], *, check: bool) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            words, env=self.env, cwd=self.folder, check=check, capture_output=True, text=True, timeout=900
        )


class Rcq:
    """Two CPU cores, one for each job."""

    natural = "one `rcq ingest`"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.socket = folder / "s"
        self._rig: Rig | None = None
        self._commands = Commands(folder, RCQ_SOCKET=str(self.socket))
        self._program = str(Path(sys.executable).with_name("rcq"))
        (folder / "rcq.toml").write_text(SETTINGS.format(cores=2))

    def start(self) -> None:
        known = self._rig.http.headers["Authorization"] if self._rig else None
        command = [sys.executable, "-m", "engine.daemon", "--config", str(self._folder / "rcq.toml")]
        command += ["--socket", str(self.socket), "--state-dir", str(self._folder / "state")]
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self._rig = Rig(self._folder, process, self.socket, known)
        self._commands.env["RCQ_TOKEN"] = self._rig.http.headers["Authorization"].split()[1]

    def submit(self, *words: str) -> None:
        self._commands.run(self._program, "submit", "--", *words)

    def submit_api(self, *words: str) -> None:
        """The same over the API, by a program that is up already."""
        self._there.http.post("/v1/jobs", json={"command": list(words)}).raise_for_status()

    def submit_true(self, count: int) -> None:
        jobs = self._folder / "jobs.ndjson"
        jobs.write_text('{"command":["true"]}\n' * count)
        self._commands.run(self._program, "ingest", str(jobs))

    def ended(self) -> int:
        return self._there.counts().get("completed", 0)

    def known(self) -> int:
        return sum(self._there.counts().values())

    def kill(self) -> None:
        self._there.process.kill()
        self._there.process.wait(_PATIENCE_S)

    def close(self) -> None:
        self._there.process.send_signal(signal.SIGTERM)
        self._there.process.wait(_PATIENCE_S)

    @property
    def _there(self) -> Rig:
        assert self._rig is not None, "start it first"
        return self._rig


class Gflow:
    """gflow runs each job in a tmux session; two at once is a property of what is submitted together."""

    natural = "one `gbatch --array --max-concurrent 2`"

    def __init__(self, folder: Path) -> None:
        places = {name: str(folder / name.lower()) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
        self._commands = Commands(folder, USER=getpass.getuser(), **places)
        home = os.path.dirname(shutil.which("gbatch") or "")  # noqa: PTH120
        (folder / ".bash_profile").write_text(f"export PATH={home}:$PATH\n")  # its jobs call its programs

    def start(self) -> None:
        # Its port is fixed and shared: another one would take a part of the calls.
        assert not _pids_of("gflow"), "another gflowd is running here: end it first"
        self._commands.run("gflowd", "up")
        _until(lambda: self._commands.works("ginfo"))

    def submit(self, *words: str) -> None:
        self._commands.run("gbatch", *words)

    def submit_true(self, count: int) -> None:
        self._commands.run("gbatch", "--array", f"1-{count}", "--max-concurrent", "2", "true")

    def ended(self) -> int:
        return sum(job["state"] == "Finished" for job in self._jobs())

    def known(self) -> int:
        return len(self._jobs())

    def kill(self) -> None:
        for pid in _pids_of("gflow"):
            os.kill(pid, signal.SIGKILL)
        _until(lambda: not _pids_of("gflow"))
        self._commands.works("tmux", "kill-session", "-t", "gflow_server")

    def close(self) -> None:
        self._commands.works("gflowd", "down")
        self._commands.works("tmux", "kill-server")

    def _jobs(self) -> list[dict[str, Any]]:
        told = self._commands.run("gqueue", "--all", "--output", "json")
        found: list[dict[str, Any]] = json.loads(told)["jobs"] if told.startswith("{") else []
        return found


class TaskSpooler:
    """Its server starts with the first command and keeps its list in memory."""

    natural = "a `tsp` for each"

    def __init__(self, folder: Path) -> None:
        self._commands = Commands(folder, TS_SOCKET=str(folder / "ts"), TS_SLOTS="2", TS_MAXFINISHED="100000")

    def start(self) -> None:
        self._commands.run("tsp", "-S", "2")

    def submit(self, *words: str) -> None:
        self._commands.run("tsp", *words)

    def submit_true(self, count: int) -> None:
        for _ in range(count):
            subprocess.run(["tsp", "true"], env=self._commands.env, check=True, stdout=subprocess.DEVNULL)

    def ended(self) -> int:
        return sum(line.split()[1] == "finished" for line in self._lines())

    def known(self) -> int:
        return len(self._lines())

    def kill(self) -> None:
        for pid in _pids_of("tsp", self._commands.folder):  # not those of others here
            os.kill(pid, signal.SIGKILL)
        (self._commands.folder / "ts").unlink(missing_ok=True)

    def close(self) -> None:
        self._commands.works("tsp", "-K")

    def _lines(self) -> Sequence[str]:
        return self._commands.run("tsp", "-l").splitlines()[1:]


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _pids_of(program: str, home: Path | None = None) -> list[int]:
    """Processes of that name, those that live in this home."""
    found = subprocess.run(["pgrep", "-x", program], capture_output=True, text=True, check=False).stdout.split()
    return [int(pid) for pid in found if home is None or f"HOME={home}\0".encode() in _environment(pid)]


def _environment(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # it has ended
        return b""
