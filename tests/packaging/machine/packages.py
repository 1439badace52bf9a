"""Brings the programs that build and boot the machines, from the package sources that this host has.

Must not name a mirror: a host says itself where its packages come from.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BUILD = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "ssh-keygen": "openssh-client"}
EMULATOR = {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils", "ssh": "openssh-client"}
FIRMWARE = ("seabios", "ipxe-qemu")
ON_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def bring(programs: dict[str, str], *others: str) -> None:
    """Install what is missing. Needs root and apt-get; the test fails with the reason where it cannot be."""
    missing = {package for program, package in programs.items() if not shutil.which(program, path=ON_PATH)}
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.fail(f"needs root on Debian or Ubuntu to bring {', '.join(sorted(missing))}", pytrace=False)
    apt_get("update")
    apt_get("install", "-y", "--no-install-recommends", *sorted(missing), *others)


def apt_get(*words: str) -> None:
    """Run apt-get, asking nothing and waiting for another one to finish."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *words], env=environment, check=True, timeout=300
    )


def host_release() -> dict[str, str]:
    """/etc/os-release: `ID`, `VERSION_CODENAME` and the like."""
    lines = Path("/etc/os-release").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: value.strip('"') for name, _, value in pairs}


def apt_sources() -> str:
    """A sources.list of this host's own distribution, as its apt is set up; apt lists what it has fetched alone."""
    if not apt_targets():
        apt_get("update")
    return "".join(f"{line}\n" for line in apt_targets())


def apt_targets() -> list[str]:
    """The `deb` lines of the distribution's own archive."""
    release = host_release()
    form = "$(ORIGIN)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", form, "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=True,
    )
    pairs = {tuple(line.split("|", 1)) for line in listed.stdout.splitlines()}
    return sorted(line for origin, line in pairs if origin.lower() == release["ID"])


def apt_options() -> str:
    """How this host's apt reaches its sources (proxies, certificates, dates), in the form of apt.conf."""
    dumped = subprocess.run(["apt-config", "dump", "--no-empty", "Acquire"], capture_output=True, text=True, check=True)
    kept = ("Acquire::http", "Acquire::https", "Acquire::Check", "Acquire::Retries", "Acquire::ForceIP")
    return "".join(f"{line}\n" for line in dumped.stdout.splitlines() if line.startswith(kept))
