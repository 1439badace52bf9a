"""What a request cannot ask for where jobs run, whatever there is of it, and what to do instead.

What does not go with leave to run anywhere is refused with it by `engine.api.model`. Must not know machines.
"""

from engine.daemon.books import Books
from engine.daemon.containment import Containment
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields

NOT_ON_SLURM = {
    "gpu_share": "Slurm gives whole GPUs: leave gpu_share out.",
    "gpu_power_w": "the power limits of its nodes are not rcq's to set: leave gpu_power_w out.",
    "foreground": "rcq passes no terminal through to its nodes: use srun --pty there, or rcq submit.",
}
"""Fields that Slurm does not take from rcq, and why, with what to do instead."""


class Fitness:
    """Judges requests by what this host, or the cluster, can do for any job."""

    def __init__(self, *, books: Books, containment: Containment) -> None:
        self._books = books
        self._containment = containment
        self._no_image_here: Refused | None = None
        self._no_image_there: Refused | None = None

    def refresh(self) -> None:
        """Look again which programs are installed."""
        self._no_image_here = self._containment.refusal()
        self._no_image_there = self._containment.refusal_on_cluster()

    def refusal(self, job: JobFields) -> Refused | None:
        """VALIDATION_ERROR for what is not possible where all jobs go, IMPOSSIBLE_REQUEST for an image."""
        capacity = self._books.capacity
        if capacity is not None and capacity.alone:
            return unfit(job) or (self._no_image_there if job.image is not None else None)
        if job.image is None:
            return None
        there = self._no_image_there if capacity is not None and job.anywhere else None
        return self._no_image_here or there


def unfit(job: JobFields) -> Refused | None:
    """VALIDATION_ERROR for what Slurm does not take."""
    for field, told in NOT_ON_SLURM.items():
        if getattr(job, field):
            detail = {"field": field, "message": "is not possible on Slurm"}
            return Refused("VALIDATION_ERROR", f"Every job runs on Slurm here, and {told}", [detail])
    return None
