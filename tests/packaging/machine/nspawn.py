"""A machine in a second: systemd booted by systemd-nspawn on a throw-away overlay, as root of this host.

It is real as to users, units, devices and crashes. It does NOT enforce memory, cpu and pids limits where the host has
the old cgroup controllers mounted: tests of limits belong on qemu.py's machine.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from tests.packaging.machine import controlgroups, isolation
from tests.packaging.machine.answer import Answer, as_user, until
from tests.packaging.machine.layers import key

# bpf: systemd in the machine filters device nodes by programs in the kernel. No scope is asked of a host's systemd.
BOOT = (
    "root=$1/root groups=$2 && shift 2 && for one in $groups; do echo 0 >$one/cgroup.procs; done && "
    'exec systemd-nspawn -q -D "$root" "$@" -b --register=no --keep-unit --private-network '
    '--capability=all --system-call-filter="bpf perf_event_open" --hostname=gpubox --console=pipe'
)


class Nspawn:
    """One machine on layers of folders, the topmost first. shown: folders of the host, by their place in it."""

    def __init__(self, layers: Sequence[Path], place: Path, shown: Mapping[str, Path] | None = None) -> None:
        self.binds = [f"--bind-ro={source}:{target}" for target, source in (shown or {}).items()]
        self.layers = layers
        self.place = place
        self.group = f"rcq-machine-{key(str(place.resolve()))}"
        self.process: subprocess.Popen[bytes] | None = None
        self.init: int | None = None

    def start(self) -> None:
        """Boot; also again, on what an earlier boot left on the disk."""
        groups = controlgroups.make(self.group)
        command = isolation.alone(self.layers, self.place, BOOT, " ".join(map(str, groups)), *self.binds)
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        with (self.place / "console").open("ab") as console:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=environment,
                start_new_session=True,
            )
        self.init = until(self.first_process)
        until(self.is_up)

    def first_process(self) -> int | None:
        """The machine's process 1, by its number on this host."""
        assert self.process is not None
        assert self.process.poll() is None, (self.place / "console").read_text(errors="replace")[-4000:]
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                status = Path(f"/proc/{child.pid}/status").read_text()
                numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
                if child.name() == "systemd" and len(numbers) == 4 and numbers[-1] == "1":
                    return child.pid
            except (OSError, psutil.NoSuchProcess):
                continue
        return None

    def is_up(self) -> bool:
        """Whether its start jobs are all done; a unit that failed is the test's affair."""
        return self.run("systemctl", "is-system-running").out.strip() in {"running", "degraded"}

    def run(
        self,
        *command: str,
        user: str | None = None,
        text: str = "",
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> Answer:
        """See Machine."""
        inner = as_user(command, user, environment)
        ran = subprocess.run(
            ["nsenter", "-t", str(self.init), "-a", *inner],
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
        return Answer(code=ran.returncode, out=ran.stdout, err=ran.stderr)

    def cut_power(self) -> None:
        """Kill the first process of the namespace that all of it lives in."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.is_off()

    def power_off(self) -> None:
        """Shut down in good order."""
        assert self.process is not None
        self.run("systemctl", "poweroff")
        self.process.wait(90)
        self.is_off()

    def is_off(self) -> None:
        """Its last process has ended, and with it all that it had of the host but files."""
        until(lambda: self.init is None or not Path(f"/proc/{self.init}").exists())
        until(lambda: controlgroups.remove(self.group))
        self.process = self.init = None

    def clean(self) -> None:
        """See Machine."""
        self.cut_power()
        isolation.remove(self.place)
