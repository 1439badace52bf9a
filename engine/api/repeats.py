"""Lines whose key had its job before their file came: a file that is sent once more, after a break or by mistake.

A key that stands twice in one file is no such repeat, wherever its two lines are. Must not know HTTP, nor how anything
is counted.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

from engine.api.asks import Identity
from engine.api.backend import Jobs
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields, size_of


class Numbers:
    """A set of job ids that mostly follow each other: as runs, so that a million of them are a few bytes."""

    def __init__(self) -> None:
        self._firsts = array("q")
        self._lasts = array("q")

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def add(self, first: int, last: int) -> None:
        """All from `first` to `last`."""
        low, high = bisect_left(self._lasts, first - 1), bisect_right(self._firsts, last + 1)
        if low < high:  # runs that it touches become one with it
            first, last = min(first, self._firsts[low]), max(last, self._lasts[high - 1])
        self._firsts[low:high], self._lasts[low:high] = array("q", [first]), array("q", [last])


class Repeats:
    """Tells of refused lines which repeat a key that was there before. Ask in line order.

    forgive: such a line is no error where it asks for what the job there was asked for.
    """

    def __init__(self, jobs: Jobs, who: Identity, *, forgive: bool) -> None:
        self._jobs = jobs
        self._who = who
        self._met = Numbers()
        self.forgive = forgive

    async def among(
        self, fates: Sequence[JobFields | Refused], settled: list[int | Refused | None]
    ) -> Mapping[int, Refused | None]:
        """Their places, each with what it is refused for all the same; `None`: to be forgiven.

        settled: what became of each line so far.
        """
        self._meet(fates, settled)
        found: dict[int, tuple[int, JobFields, Refused]] = {}
        for at, (fate, outcome) in enumerate(zip(fates, settled, strict=True)):
            if not isinstance(outcome, Refused) or isinstance(fate, Refused):
                continue
            if (number := taken_by(outcome)) is not None and number not in self._met:
                self._met.add(number, number)
                found[at] = (number, fate, outcome)
        if not self.forgive or not found:
            return {at: refused for at, (_, _, refused) in found.items()}
        told = await self._jobs.differences(self._who, [(number, fate) for number, fate, _ in found.values()])
        return {
            at: _another(fate, number, differs) if differs else None
            for (at, (number, fate, _)), differs in zip(found.items(), told, strict=True)
        }

    def _meet(self, fates: Sequence[JobFields | Refused], settled: Sequence[int | Refused | None]) -> None:
        """Remember what the lines have become, run by run."""
        first, beyond = 0, 0
        for fate, outcome in zip(fates, settled, strict=True):
            if not isinstance(outcome, int) or isinstance(fate, Refused):
                continue
            if outcome != beyond:
                if beyond:
                    self._met.add(first, beyond - 1)
                first = outcome
            beyond = outcome + (1 if fate.array is None else size_of(fate))
        if beyond:
            self._met.add(first, beyond - 1)


def taken_by(refused: Refused) -> int | None:
    """The job that has the key for which a line was refused."""
    number = refused.details[0].get("id") if refused.code == "DUPLICATE_JOB" and refused.details else None
    return number if isinstance(number, int) else None


def _another(job: JobFields, number: int, differs: Sequence[str]) -> Refused:
    told = f"Job {number} has job_id {job.job_id} and was asked for otherwise ({', '.join(differs)}): "
    detail = {"field": "job_id", "message": "is taken by another request", "job_id": job.job_id, "id": number}
    return Refused("DUPLICATE_JOB", f"{told}give this line another key.", [{**detail, "differs": list(differs)}])
