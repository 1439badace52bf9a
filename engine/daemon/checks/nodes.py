"""The check of the cards' device files: there, and open to those whose jobs get the cards.

Must not know what a card is used for.
"""

import grp
import re
import stat
from pathlib import Path

from engine.daemon.checks.finding import Finding, Host

DRIVER, DEVICES = Path("/proc/driver/nvidia"), Path("/dev")
_CARD = re.compile(r"nvidia\d+")


def card_files(host: Host) -> Finding:
    """Each card's device file and the driver's own are there, and a job's user may open what the job was given."""
    wanted = host.settings is None or (
        host.settings.gpu.provider in {"auto", "nvml"} and host.settings.executor.kind != "slurm"
    )
    if not wanted or not (DRIVER / "version").exists():
        return Finding(state="ok", found="no NVIDIA driver's cards are used")
    cards = sorted(file for file in DEVICES.iterdir() if _CARD.fullmatch(file.name))
    known = len(list((DRIVER / "gpus").iterdir())) if (DRIVER / "gpus").is_dir() else len(cards)
    missing = [name for name in ("nvidiactl", "nvidia-uvm") if not (DEVICES / name).exists()]
    missing += [f"{known - len(cards)} of {known} cards"] if known > len(cards) else []
    if missing:
        mend = "Run: sudo nvidia-modprobe -u -c=0 (nvidia-persistenced does so at each boot)."
        return Finding(state="fail", found=f"missing in {DEVICES}: {', '.join(missing)}", mend=mend)
    return _permissions([*cards, DEVICES / "nvidiactl", DEVICES / "nvidia-uvm"])


def _permissions(files: list[Path]) -> Finding:
    closed = [file for file in files if file.stat().st_mode & 0o006 != 0o006]
    if not closed:
        return Finding(state="ok", found=f"{len(files)} in {DEVICES}, open to all: jobs are held to their own")
    status = closed[0].stat()
    mode = stat.filemode(status.st_mode)
    mend = f"Put whoever submits into group {_group(status.st_gid)}, or set NVreg_DeviceFileMode=0666 of the driver."
    return Finding(state="warn", found=f"{closed[0]} is closed to others ({mode})", mend=mend)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
