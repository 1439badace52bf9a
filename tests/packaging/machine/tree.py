"""The layers of a machine: Debian, rcq's release on it, and the appliance installed from that.

`debian`: a bootable system without rcq. `released`: with /opt/rcq/releases/… made by `install.sh --system --prepare`.
Made by the host's package sources and Python index; a booted machine needs neither.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.packaging.machine import appliance, isolation, layers, packages, qemu
from tests.packaging.machine.answer import until
from tests.packaging.machine.nspawn import Nspawn
from tests.packaging.machine.qemu import Image, Qemu

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
INCLUDED = (
    *("systemd", "systemd-sysv", "libpam-systemd", "dbus", "udev", "kmod", "iproute2", "procps", "sudo", "sqlite3"),
    *("python3", "python3-venv", "openssh-server", "linux-image-cloud-amd64", "initramfs-tools"),
)
SPARED = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*", "/var/cache/apt/*")
# Nothing but the wheels at hand: no index is asked, whatever the host's pip is set to.
PREPARE = """
cp -a "$2" "$1/root/src" && mkdir "$1/root/wheels" && mount --bind "$3" "$1/root/wheels"
mount -t proc proc "$1/root/proc" && mount -t devtmpfs dev "$1/root/dev"
chroot "$1/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels \\
  /src/install.sh --system --prepare
umount "$1/root/wheels" && rmdir "$1/root/wheels"
"""


def debian() -> Path:
    """A folder with `tree` (the system) and `id` (the key that logs in as root)."""
    packages.bring(packages.BUILD)
    sources = packages.apt_sources()
    recipe = (HERE / "furnish.sh").read_bytes()
    return layers.layer("debian", layers.key(sources, recipe, *INCLUDED), lambda place: make_debian(place, sources))


def make_debian(place: Path, sources: str) -> None:
    """Bootstrap it: about a minute."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", place / "id"], check=True)
    (place / "apt.conf").write_text(packages.apt_options())
    hook = f'--customize-hook={HERE / "furnish.sh"} "$1" {place / "id.pub"}'
    spared = [f"--dpkgopt=path-exclude={pattern}" for pattern in SPARED]
    fast = ["--dpkgopt=force-unsafe-io", f"--aptopt={place / 'apt.conf'}"]
    command: list[str | Path] = [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        f"--include={','.join(INCLUDED)}",
    ]
    made = subprocess.run(
        [*command, *spared, *fast, hook, packages.host_release()["VERSION_CODENAME"], place / "tree", "-"],
        input=sources,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert made.returncode == 0, made.stderr[-4000:]
    (place / "apt.conf").unlink()


def checkout_key() -> str:
    """Changes with every file of this checkout that an installed rcq is made from."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "-c", "-o", "--exclude-standard", "--", *SHIPPED],
        capture_output=True,
        check=True,
    )
    names = sorted(name for name in listed.stdout.split(b"\0") if name and (ROOT / os.fsdecode(name)).is_file())
    return layers.key(*(part for name in names for part in (name, (ROOT / os.fsdecode(name)).read_bytes())))


SHIPPED = ("engine", "rcq_tui", "config", "packaging", "install.sh", "pyproject.toml", "README.md", "LICENSE")


def wheels() -> Path:
    """The locked packages as files, fetched by the host's pip for the machine's Python."""
    lock = ROOT / "packaging" / "requirements.txt"
    return layers.layer("wheels", layers.key(lock.read_bytes()), lambda place: fetch(lock, place))


def fetch(lock: Path, place: Path) -> None:
    """Download them, checked against their hashes."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--require-hashes"]
    only: list[str | Path] = ["--only-binary=:all:", "--no-deps", "--python-version=3.11", "--dest", place]
    subprocess.run([*command, *only, "-r", lock], check=True, timeout=300)


def copy_checkout(target: Path) -> None:
    """The files of this checkout that an admin would have."""
    target.mkdir()
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
        else:
            shutil.copy2(source, target / name)


def released() -> list[Path]:
    """Layers, topmost first, of a Debian with this checkout in /src and its release in /opt/rcq, not installed."""
    base = debian()
    found = layers.layer("released", layers.key(base.name, checkout_key()), lambda place: prepare(base, place))
    return [found / "changes", base / "tree"]


def prepare(base: Path, place: Path) -> None:
    """Have the checkout's own installer make the release, in the tree."""
    copy_checkout(place / "src")
    isolation.run([base / "tree"], place, PREPARE, str(place / "src"), str(wheels()), timeout_s=400)
    shutil.rmtree(place / "src")


def installed() -> list[Path]:
    """Layers of an appliance with its people, shut down in good order."""
    below = released()
    recipe = Path(appliance.__file__).read_bytes()
    made_from = layers.key(below[0].parent.name, recipe)
    found = layers.layer("installed", made_from, lambda place: put_in(below, place))
    return [found / "changes", *below]


def put_in(below: list[Path], place: Path) -> None:
    """Install it on a booted machine."""
    machine = Nspawn(below, place)
    try:
        machine.start()
        appliance.furnish(machine)
        machine.power_off()
    finally:
        machine.cut_power()


def image() -> Image:
    """The installed appliance as a virtual machine that has booted and whose engine answers, kept as a snapshot."""
    from_layers = installed()
    base = debian()
    made_from = layers.key(from_layers[0].parent.name, Path(qemu.__file__).read_bytes())
    found = layers.layer("image", made_from, lambda place: boot_once(from_layers, place))
    return image_of(base, found / "disk")


def image_of(base: Path, disk: Path) -> Image:
    """A disk with the tree's own kernel and key."""
    [kernel], [initrd] = base.glob("tree/boot/vmlinuz-*"), base.glob("tree/boot/initrd.img-*")
    return Image(kernel=kernel, initrd=initrd, key=base / "id", disk=disk)


def boot_once(from_layers: list[Path], place: Path) -> None:
    """Make the disk, boot it, keep it."""
    machine = Qemu(image_of(debian(), qemu.make_disk(from_layers, place / "making")), place / "machine")
    try:
        machine.start()
        until(appliance.Appliance(machine).engine_answers, 120.0, every_s=1.0)
        machine.keep()
        machine.disk.rename(place / "disk")
    finally:
        machine.clean()
    isolation.remove(place / "making")
