"""Checks of the way to a Slurm cluster: its commands, its controller, the partitions, where jobs' files are.

Nothing is changed and no job is handed in. Must not know how jobs run there.
"""

import os
import re
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

from engine.daemon.checks.finding import Finding, Host, is_there
from engine.daemon.checks.programs import answer
from engine.slurm.commands import run_now
from engine.slurm.errors import SlurmAway, SlurmRefused

if TYPE_CHECKING:
    from config.settings import SlurmSettings

COMMANDS = ("sbatch", "squeue", "scancel", "scontrol", "sinfo")
PATIENCE_S = 10.0
MUNGE = Path("/run/munge/munge.socket.2")
MOUNTS = Path("/proc/self/mountinfo")
SHARED = frozenset(
    {"nfs", "nfs4", "lustre", "gpfs", "beegfs", "ceph", "cifs", "smb3", "glusterfs", "orangefs", "pvfs2", "afs", "gfs2"}
    | {"ocfs2", "wekafs", "panfs", "fuse.glusterfs", "fuse.ceph", "fuse.juicefs", "fuse.sshfs", "virtiofs", "9p"}
)
"""Kinds of file systems that several machines see."""
TAKES_ALL = re.compile(r"(?m)^EnforcePartLimits\s*=\s*NO\b")
"""What Slurm says of itself where it takes in what its partitions' limits never let start."""
UNUSED = Finding(state="ok", found="no jobs go to Slurm")


def cluster(host: Host) -> Finding:
    """Slurm's commands are there, its controller answers them, and it has the partitions that the settings name."""
    if (slurm := _settings(host)) is None:
        return UNUSED
    missing = [name for name in COMMANDS if which(name, path=str(slurm.bin_dir) if slurm.bin_dir else None) is None]
    if missing:
        where = f"in {slurm.bin_dir}" if slurm.bin_dir else "on PATH"
        mend = "Install Slurm's client commands (slurm-client), or say where they are in slurm.bin_dir."
        return Finding(state="fail", found=f"not {where}: {', '.join(missing)}", mend=mend)
    try:
        version = _run(slurm, "sinfo", "--version").strip()
        ping, trouble = answer(_placed(slurm, "scontrol"), "ping")
        if trouble or " UP" not in ping:
            return Finding(state="fail", found=f"{version}: {trouble or ' '.join(ping.split())}", mend=_mend())
        known = set(_run(slurm, "sinfo", "-h", "-a", "-o", "%R").split())
        takes_all = TAKES_ALL.search(_run(slurm, "scontrol", "show", "config")) is not None
    except (SlurmAway, SlurmRefused) as problem:
        return Finding(state="fail", found=str(problem), mend=_mend())
    return _answered(slurm, version, known, takes_all=takes_all)


def _answered(slurm: "SlurmSettings", version: str, known: set[str], *, takes_all: bool) -> Finding:
    wanted = slurm.partition.split(",") if slurm.partition else []
    unknown = [name for name in wanted if name not in known]
    if unknown:
        mend = f"Set slurm.partition to one that there is: {', '.join(sorted(known)) or 'there is none'}."
        return Finding(state="fail", found=f"{version} has no partition {', '.join(unknown)}", mend=mend)
    told = f"partition {slurm.partition}" if slurm.partition else "its default partition"
    if takes_all:
        found = f"{version} answers, {told}; it takes in what its limits never let start, and others wait"
        mend = "Set EnforcePartLimits=ALL in slurm.conf, then: scontrol reconfigure. It refuses such jobs at once then."
        return Finding(state="warn", found=found, mend=mend)
    return Finding(state="ok", found=f"{version} answers, {told}")


def shared_files(host: Host) -> Finding:
    """Jobs' directories are on a file system that all nodes see; whether they do cannot be seen from here."""
    if _settings(host) is None:
        return UNUSED
    if host.paths is None:
        return Finding(state="skip", found="it is not known where they are", mend=host.paths_trouble)
    jobs = host.paths.jobs_dir
    place = jobs if is_there(jobs) else host.paths.state_dir
    kind = kind_of(place)
    if kind in SHARED:
        return Finding(state="ok", found=f"{place} is on {kind}; every node must have it under the same path")
    mend = (
        f"Mount a file system that every node has under the same path on {jobs}; the database beside it stays on a "
        f"local disk. Where the nodes have it by other means, look: srun -w NODE ls {jobs}"
    )
    return Finding(
        state="warn", found=f"{place} is on {kind or 'an unknown file system'}, of this host alone", mend=mend
    )


def kind_of(place: Path, mounts: Path = MOUNTS) -> str:
    """The kind of the file system that a path is on; empty where that is not told."""
    found, longest = "", -1
    real = os.path.realpath(place)
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        at = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        inside = at in {"/", real} or real.startswith(at + "/")
        if inside and len(at) >= longest:
            found, longest = after.split(" ")[0], len(at)
    return found


def _settings(host: Host) -> "SlurmSettings | None":
    """`None` where no jobs go to Slurm, or that is not known."""
    if host.settings is None:
        return None
    executor = host.settings.executor
    return host.settings.slurm if "slurm" in {executor.kind, executor.overflow} else None


def _run(slurm: "SlurmSettings", program: str, *arguments: str) -> str:
    return run_now([_placed(slurm, program), *arguments], timeout_s=PATIENCE_S)


def _placed(slurm: "SlurmSettings", program: str) -> str:
    return str(slurm.bin_dir / program) if slurm.bin_dir else program


def _mend() -> str:
    look = "slurmctld's log on its host, and SLURM_CONF or /etc/slurm/slurm.conf here. Jobs wait until it answers."
    if is_there(MUNGE):
        return f"See {look}"
    munge = "start munged with the cluster's key (sudo systemctl start munge)"
    return f"munge does not run here, unless its socket is elsewhere than {MUNGE}: {munge}. Else see {look}"
