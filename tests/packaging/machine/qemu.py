"""A whole machine with a kernel and a disk of its own: QEMU's processor emulation, so that it needs no KVM.

Everything is enforced in it (memory, cpu, pids, devices), and its power can be cut. It is some 15 times slower than
its host, which is why a booted one is kept as a snapshot: a test starts from that in seconds. Needs no root itself.
"""

import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.packaging.machine import isolation, packages
from tests.packaging.machine.answer import Answer, as_user, until

DISK_MB = 3072
SNAPSHOT = "ready"
KERNEL_LINE = "root=/dev/vda rw console=ttyS0 quiet panic=1 mitigations=off random.trust_cpu=on"
DISK = (
    f'mke2fs -q -t ext4 -L root -d "$1/root" "$1/raw" {DISK_MB}M && '
    'qemu-img convert -q -O qcow2 "$1/raw" "$1/disk" && rm "$1/raw"'
)


@dataclass(slots=True, frozen=True, kw_only=True)
class Image:
    """What a machine starts from: kernel and initial RAM disk, the key of its root, its disk (which is copied)."""

    kernel: Path
    initrd: Path
    key: Path
    disk: Path


def make_disk(layers: list[Path], place: Path) -> Path:
    """The layers, topmost first, as one disk."""
    isolation.run(layers, place, DISK)
    return place / "disk"


class Qemu:
    """One machine on a copy of an image's disk; from the snapshot in it where there is one, else it boots."""

    def __init__(self, image: Image, place: Path) -> None:
        packages.bring(packages.EMULATOR, *packages.FIRMWARE)
        place.mkdir(parents=True)
        self.image = image
        self.place = place
        self.disk = place / "disk"
        subprocess.run(["cp", "--reflink=auto", "--sparse=always", image.disk, self.disk], check=True)
        # A Unix socket's path has to be short.
        self.sockets = Path(tempfile.mkdtemp(prefix="rcq-vm-"))
        self.process: subprocess.Popen[bytes] | None = None
        self.line: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> None:
        """From the snapshot if the disk has one, with the clock set; else as `boot`."""
        if not self.has_snapshot():
            self.boot()
            return
        self.launch("-loadvm", SNAPSHOT)
        until(self.answers, 60.0)
        self.run("date", "-s", f"@{time.time():.3f}").good()

    def boot(self) -> None:
        """Boot from the disk."""
        self.launch()
        until(self.answers, 240.0, every_s=0.5)
        until(self.is_up, 240.0, every_s=0.5)

    def launch(self, *more: str) -> None:
        """Start the emulator; what it has to say goes to `place`/console."""
        self.port = free_port()
        command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", *self.hardware(), *more]
        with (self.place / "emulator").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def hardware(self) -> list[str]:
        """A plain machine; the writes that the guest flushed outlive the emulator.

        Not QEMU's microvm, which boots a little sooner: it has no timer but the one that the kernel fails to measure
        on a busy host, and then the boot hangs.
        """
        return [
            *("-M", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max", "-smp", "2"),
            *("-m", "1536", "-display", "none", "-nodefaults", "-no-user-config"),
            *("-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd), "-append", KERNEL_LINE),
            *("-drive", f"file={self.disk},if=none,id=d0,format=qcow2,cache=unsafe"),
            *("-device", "virtio-blk-pci,drive=d0", "-device", "virtio-rng-pci"),
            *("-netdev", f"user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:22"),
            *("-device", "virtio-net-pci,netdev=n0,romfile=", "-serial", f"file:{self.place / 'console'}"),
            *("-monitor", f"unix:{self.sockets / 'monitor'},server,nowait"),
        ]

    def has_snapshot(self) -> bool:
        """Whether a booted machine is kept in the disk."""
        listed = subprocess.run(["qemu-img", "snapshot", "-l", self.disk], capture_output=True, text=True, check=True)
        return SNAPSHOT in listed.stdout

    def keep(self) -> None:
        """Keep the machine as it is now in its disk, and end it: the next `start` goes on from here."""
        self.hang_up()
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(120)
            monitor.connect(str(self.sockets / "monitor"))
            monitor.sendall(f"savevm {SNAPSHOT}\nquit\n".encode())
            while monitor.recv(4096):
                continue
        assert self.process is not None
        self.process.wait(60)
        self.process = None
        assert self.has_snapshot()

    def answers(self) -> bool:
        """Whether the connection that all commands share is up; begins one where there is none."""
        assert self.process is not None
        assert self.process.poll() is None, (self.place / "emulator").read_text(errors="replace")
        if self.line is None or self.line.poll() is not None:
            command = ["setpriv", "--pdeathsig", "KILL", *self.ssh("-M", "-N"), "root@127.0.0.1"]
            self.line = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        check = [*self.ssh("-O", "check"), "root@127.0.0.1"]
        return subprocess.run(check, capture_output=True, check=False).returncode == 0

    def is_up(self) -> bool:
        """Whether its start jobs are all done."""
        return self.run("systemctl", "is-system-running").out.strip() in {"running", "degraded"}

    def run(
        self,
        *command: str,
        user: str | None = None,
        text: str = "",
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 120.0,
    ) -> Answer:
        """See Machine. 255 where there is no answer in time."""
        inner = as_user(command, user, environment)
        try:
            ran = subprocess.run(
                self.shell(inner),
                input=text,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Answer(code=255, out="", err=f"no answer within {timeout_s:.0f} s")
        return Answer(code=ran.returncode, out=ran.stdout, err=ran.stderr)

    def shell(self, command: list[str]) -> list[str]:
        """The host's command line for one in the machine."""
        return [*self.ssh(), "root@127.0.0.1", shlex.join(command)]

    def ssh(self, *more: str) -> list[str]:
        """ssh without the person's own settings, and with quick key exchange: the guest is slow."""
        options = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "ConnectTimeout": "10",
            "KexAlgorithms": "curve25519-sha256",
            "HostKeyAlgorithms": "ssh-ed25519",
            "ControlPath": str(self.sockets / f"ssh-{self.port}"),
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", "-q", "-i", str(self.image.key), "-p", str(self.port), *words, *more]

    def hang_up(self) -> None:
        """End the connection that commands share."""
        if self.line is not None:
            self.line.kill()
            self.line.wait()
        self.line = None

    def cut_power(self) -> None:
        """Kill the emulator: what the guest had not flushed is lost. Boot again with `boot`."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.hang_up()
        self.process = None

    def power_off(self) -> None:
        """See Machine."""
        assert self.process is not None
        self.run("systemctl", "poweroff")
        self.process.wait(120)
        self.hang_up()
        self.process = None

    def clean(self) -> None:
        """See Machine."""
        self.cut_power()
        shutil.rmtree(self.sockets)
        isolation.remove(self.place)


def free_port() -> int:
    """A TCP port of this host that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
