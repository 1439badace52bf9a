"""Booted machines for tests: `bare`, `box`, `cluster_box` in systemd-nspawn, `vm` in QEMU. All are made once and kept.

`python -m tests.packaging.machine` makes them beforehand. Nothing but files is left after a test, and those go.
"""

import shutil
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.machine import slurm, tree
from tests.packaging.machine.answer import until
from tests.packaging.machine.appliance import Appliance
from tests.packaging.machine.nspawn import Nspawn
from tests.packaging.machine.qemu import Qemu


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    # Not under pytest's own folders: a mount cannot name a path with every sign that a test's name may have.
    made = Path(tempfile.mkdtemp(prefix="rcq-machine-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def bare(folder: Path) -> Iterator[Nspawn]:
    """A booted machine with this checkout in /src, its release made, nothing installed."""
    machine = Nspawn(tree.released(), folder / "bare", shown={"/wheels": tree.wheels()})
    try:
        machine.start()
        yield machine
    finally:
        machine.clean()


@pytest.fixture(scope="session")
def shared_box(folder: Path) -> Iterator[Appliance]:
    machine = Nspawn(tree.installed(), folder / "box", shown={"/wheels": tree.wheels()})
    try:
        machine.start()
        yield Appliance(machine)
    finally:
        machine.clean()


@pytest.fixture
def box(shared_box: Appliance) -> Appliance:
    """A booted appliance, with what earlier tests left in its books; no job runs."""
    until(shared_box.engine_answers, shared_box.patience_s)
    until(lambda: not shared_box.jobs("--state", "pending,scheduled,running"), shared_box.patience_s)
    return shared_box


@pytest.fixture
def own_box(folder: Path) -> Iterator[Appliance]:
    """A booted appliance for one test that changes what it is."""
    packages = Path(sysconfig.get_paths()["purelib"])
    shown = {"/wheels": tree.wheels(), "/checkout": tree.ROOT, "/packages": packages}
    machine = Nspawn(tree.installed(), folder / "own", shown=shown)
    try:
        machine.start()
        made = Appliance(machine)
        until(made.engine_answers, made.patience_s)
        yield made
    finally:
        machine.clean()


@pytest.fixture(scope="module")
def cluster_box(folder: Path) -> Iterator[Appliance]:
    """A booted appliance beside a Slurm of one node, the machine itself; its engine is set to it and has no network."""
    machine = Nspawn(tree.installed(), folder / "cluster", shown={"/wheels": tree.wheels(), "/debs": slurm.debs()})
    try:
        machine.start()
        slurm.install(machine)
        slurm.hand_over(machine)
        yield Appliance(machine)
    finally:
        machine.clean()


@pytest.fixture
def vm(folder: Path) -> Iterator[Appliance]:
    """A booted appliance on a virtual machine of its own."""
    machine = Qemu(tree.image(), folder / "vm")
    try:
        machine.start()
        yield Appliance(machine, patience_s=240.0)
    finally:
        machine.clean()
