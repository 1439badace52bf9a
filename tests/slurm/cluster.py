"""A real Slurm under a temporary folder: munge, slurmctld and several slurmd that all are this machine.

For tests (`slurm` and `fresh_slurm` in tests/slurm/fixtures.py) and for scripts:

    with Cluster() as cluster:
        cluster.run("sbatch", "--wrap=true")

Several may run side by side: each has its own ports, munge and folder. It needs root, and the Debian packages
slurm-wlm, slurm-client and munge. What it started ends with whoever holds it, however that ends (`guard.py`).
"""

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

from tests.slurm import configuration
from tests.slurm.configuration import THREE_NODES, NodeShape

PACKAGES = "slurm-wlm slurm-client munge"
COMMANDS = ("sbatch", "squeue", "sinfo", "scontrol", "scancel", "sacct")
WAIT_S = 30.0
_TRIES = 5
_REPOSITORY = Path(__file__).parents[2]


def lacking() -> str | None:
    """Why no cluster can be started here; `None` if one can."""
    if os.geteuid() != 0:
        return "a Slurm of the test's own needs root"
    programs = ("munged", "slurmctld", "slurmd", "setpriv", *COMMANDS)
    missing = [program for program in programs if shutil.which(program) is None]
    return f"no {', '.join(missing)} here: apt-get install --no-install-recommends {PACKAGES}" if missing else None


def until(condition: Callable[[], bool], what: str, within_s: float = WAIT_S) -> None:
    """Wait for a condition. Raises TimeoutError, which names it."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {within_s:g} s still not so: {what}")
        time.sleep(0.05)


class Cluster:
    """One Slurm. `folder` may be entered by every Unix user; `folder`/shared is for everybody's files.

    min_job_age_s: so long Slurm remembers a job that has ended (its least is 2). further: more lines of slurm.conf.
    """

    def __init__(
        self,
        nodes: tuple[NodeShape, ...] = THREE_NODES,
        *,
        min_job_age_s: int = configuration.DEFAULT_JOB_AGE_S,
        further: tuple[str, ...] = (),
    ) -> None:
        self.nodes = nodes
        self.folder = Path(mkdtemp(prefix="rcq-slurm-")).resolve()
        self.conf = self.folder / "etc" / "slurm.conf"
        self.bin_dir = Path(shutil.which("sbatch") or "/usr/bin/sbatch").parent
        self._age = min_job_age_s
        self._further = further
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._guard: subprocess.Popen[bytes] | None = None

    # -- the whole

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Everything, until all nodes are idle."""
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "tests.slurm.guard", str(self.folder)],
            stdin=subprocess.PIPE,
            cwd=_REPOSITORY,
            start_new_session=True,
            env={"PATH": os.environ["PATH"]},
        )
        self._make_folders()
        self.start_munge()
        self._start_daemons()

    def close(self) -> None:
        """End all daemons and jobs, and take the folder away."""
        if self._guard is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        self._guard.communicate(timeout=WAIT_S)
        for daemon in self._daemons.values():
            daemon.wait(WAIT_S)
        self._daemons.clear()
        self._guard = None

    @property
    def env(self) -> Mapping[str, str]:
        """What the commands need of an environment."""
        return {"PATH": os.environ["PATH"], "SLURM_CONF": str(self.conf), "LC_ALL": "C", "TZ": "UTC"}

    def run(self, *command: str, check: bool = True) -> str:
        """What one of Slurm's commands prints. Raises AssertionError with its complaint where it fails."""
        done = subprocess.run(command, env=dict(self.env), capture_output=True, text=True, timeout=60, check=False)
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
        return done.stdout

    def scontrol(self, *arguments: str) -> str:
        """What `scontrol` prints."""
        return self.run("scontrol", *arguments)

    def commands(self, folder: Path) -> Path:
        """Links to Slurm's commands in `folder`, which a test may replace by its own; for `[slurm] bin_dir`."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in COMMANDS:
            (folder / name).symlink_to(self.bin_dir / name)
        return folder

    # -- the controller

    def start_controller(self) -> None:
        """Start slurmctld, which finds what the one before had saved, and wait until it answers."""
        user = ("setpriv", "--reuid=slurm", "--regid=slurm", "--init-groups")
        self._start("slurmctld", *user, "slurmctld", "-D", "-f", str(self.conf))
        until(self._controller_answers, "slurmctld answers")

    def stop_controller(self) -> None:
        """End slurmctld in good order: it saves what it knows."""
        self._daemons["slurmctld"].terminate()
        self._ended("slurmctld")

    def kill_controller(self) -> None:
        """kill -9 of slurmctld."""
        self._kill("slurmctld")

    def forget_jobs(self) -> None:
        """Take away what a stopped slurmctld saved: the next one knows no jobs, and begins their ids anew."""
        assert "slurmctld" not in self._daemons
        shutil.rmtree(self.folder / "state")
        self._folder("state", owner="slurm")

    # -- munge and nodes

    def start_munge(self) -> None:
        """Start munged, with a key of this cluster's own."""
        place = self.folder / "munge"
        files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={place / name}" for option, name in files.items()]
        self._start("munged", "setpriv", "--reuid=munge", "--regid=munge", "--init-groups", "munged", "-F", *options)
        until((place / "socket").exists, "munged listens")

    def kill_munge(self) -> None:
        """kill -9 of munged: nobody can talk to anybody."""
        self._kill("munged")
        for name in ("socket", "socket.lock", "pid"):
            (self.folder / "munge" / name).unlink(missing_ok=True)

    def start_node(self, name: str) -> None:
        """Start the slurmd of a node; it may take a while until the controller counts it in (`wait_idle`)."""
        self._start(f"slurmd-{name}", "slurmd", "-D", "-N", name, "-f", str(self.conf))

    def kill_node(self, name: str) -> None:
        """kill -9 of a node's slurmd; its jobs run on."""
        self._kill(f"slurmd-{name}")

    # -- waiting

    def states(self) -> dict[str, str]:
        """State of each node, in the words of `sinfo`."""
        lines = self.run("sinfo", "-h", "-N", "-o", "%N %T", check=False).splitlines()
        return dict(line.split(maxsplit=1) for line in lines)

    def wait_idle(self, within_s: float = WAIT_S) -> None:
        """Until every node is idle."""
        until(lambda: list(self.states().values()) == ["idle"] * len(self.nodes), "all nodes are idle", within_s)

    def clear(self) -> None:
        """Cancel every job, bring every node back and wait until all is as it was in the beginning."""
        jobs = self.run("squeue", "-h", "-o", "%A").split()
        if jobs:
            self.run("scancel", "--full", *jobs, check=False)  # some may have ended meanwhile
        for name, state in self.states().items():
            if not state.startswith(("idle", "mixed", "allocated", "completing")):
                self.run("scontrol", "update", f"nodename={name}", "state=resume", check=False)
        self.wait_idle()
        until(lambda: not self.run("squeue", "-h"), "no job is left")

    # -- within

    def _start_daemons(self) -> None:
        """Retried with other ports: somebody may have taken one between the look and the use."""
        for attempt in range(_TRIES):
            configuration.write(self.folder, self.nodes, _free_ports(1 + len(self.nodes)), self._age, self._further)
            try:
                self.start_controller()
                for node in self.nodes:
                    self.start_node(node.name)
                self.wait_idle()
            except TimeoutError:
                if attempt == _TRIES - 1 or all(daemon.poll() is None for daemon in self._daemons.values()):
                    raise
                for name in [name for name in self._daemons if name != "munged"]:
                    self._kill(name)
            else:
                return

    def _make_folders(self) -> None:
        self.folder.chmod(0o711)
        for name in ("etc", "dev", "spool"):
            self._folder(name)
        for name in ("state", "log", "run"):
            self._folder(name, owner="slurm")
        self._folder("munge", owner="munge")
        self._folder("shared").chmod(0o1777)
        for node in self.nodes:
            self._folder(f"spool/{node.name}")
        for index in range(configuration.MOST_CARDS):
            os.mknod(self.folder / "dev" / f"nvidia{index}", 0o020666, os.makedev(1, 3))
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        shutil.chown(key, "munge", "munge")

    def _folder(self, name: str, owner: str | None = None) -> Path:
        folder = self.folder / name
        folder.mkdir()
        folder.chmod(0o755)
        if owner is not None:
            shutil.chown(folder, owner, owner)
        return folder

    def _start(self, name: str, *command: str) -> None:
        assert name not in self._daemons, f"{name} runs already"
        with (self.folder / f"{name}.out").open("ab") as output:
            self._daemons[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**self.env, "RCQ_TEST_SLURM": f"{self.folder}/"},
            )

    def _kill(self, name: str) -> None:
        self._daemons[name].kill()
        self._ended(name)

    def _ended(self, name: str) -> None:
        self._daemons.pop(name).wait(WAIT_S)

    def _controller_answers(self) -> bool:
        daemon = self._daemons["slurmctld"]
        if daemon.poll() is not None:
            raise TimeoutError(f"slurmctld ended: {(self.folder / 'slurmctld.out').read_text()[-500:]}")
        return " is UP" in self.run("scontrol", "ping", check=False)


def _free_ports(count: int) -> tuple[int, ...]:
    """Ports that nobody has, below those that the kernel gives to connections."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randint(20_000, 32_000)
        with socket.socket() as asked:
            try:
                asked.bind(("0.0.0.0", port))  # noqa: S104  as Slurm does
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return tuple(ports)
