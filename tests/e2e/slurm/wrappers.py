"""Commands that a test puts in the place of Slurm's own, to do what a sick or distant Slurm does."""

import sys
from pathlib import Path

from tests.slurm.cluster import Cluster

_SHIFTED = """\
#!{python}
import re, subprocess, sys
done = subprocess.run([{real!r}, *sys.argv[1:]], capture_output=True, text=True)
def moved(found):
    at = int(found[2])
    return found[1] + str(at + {seconds} if at > 1_000_000_000 else at)
sys.stdout.write(re.sub(r'("(?:submit_time|start_time|end_time|eligible_time)": )([0-9]+)', moved, done.stdout))
sys.stderr.write(done.stderr)
sys.exit(done.returncode)
"""


def slow_sbatch(cluster: Cluster, commands: Path) -> None:
    """An `sbatch` whose answer never comes, though Slurm has taken the job."""
    _put(commands / "sbatch", f'#!/bin/sh\n{cluster.bin_dir}/sbatch "$@" >/dev/null\nexec sleep 600\n')


def late_clock(cluster: Cluster, commands: Path, seconds: int) -> None:
    """A `squeue` of a controller whose clock is ahead of this machine's by so many seconds."""
    real = str(cluster.bin_dir / "squeue")
    _put(commands / "squeue", _SHIFTED.format(python=sys.executable, real=real, seconds=seconds))


def real(cluster: Cluster, commands: Path, name: str) -> None:
    """Slurm's own command again."""
    (commands / name).unlink()
    (commands / name).symlink_to(cluster.bin_dir / name)


def _put(path: Path, text: str) -> None:
    """In one step, as the engine may be about to run it."""
    new = path.with_name(f".{path.name}")
    new.write_text(text)
    new.chmod(0o755)
    new.rename(path)
