"""`python -m tests.packaging.machine`: makes what the tests boot, as far as it is not there. Needs root.

`nspawn` makes the installed appliance, `qemu` (or nothing) the virtual machine as well.
"""

import sys
import time
from collections.abc import Callable

from tests.packaging.machine import packages, slurm, tree


def told(what: str, make: Callable[[], object]) -> None:
    """Make it; a line with its seconds."""
    began = time.monotonic()
    make()
    print(f"{what}: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    told("Debian", tree.debian)
    told("rcq's release in it", tree.released)
    told("the appliance, installed on the booted machine", tree.installed)
    told("Slurm's packages", slurm.debs)
    if sys.argv[1:] != ["nspawn"]:
        told("QEMU", lambda: packages.bring(packages.EMULATOR, *packages.FIRMWARE))
        told("the virtual machine, booted", tree.image)
