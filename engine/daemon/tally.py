"""How many jobs wait, by account, group and service: what quotas on waiting jobs are held against.

Counted as jobs come and go, so that asking costs nothing however long the queue is. Must not know any quota, nor
where jobs wait.
"""

from collections import Counter

from engine.core.model import GroupKey, JobId

Bearer = tuple[str, str]
"""`account`, `group` or `service`, and the name."""


def bearers_of(key: GroupKey) -> tuple[Bearer, ...]:
    """Whose quotas a job of `key` counts against."""
    owners = (("account", key.owner.account), ("group", key.owner.group))
    return owners if key.service is None else (*owners, ("service", key.service))


class Tally:
    """Jobs counted by bearer."""

    def __init__(self) -> None:
        self._counts: Counter[Bearer] = Counter()

    def add(self, key: GroupKey, count: int) -> None:
        """Count so many jobs of `key` in; below 0: out."""
        for bearer in bearers_of(key):
            self._counts[bearer] += count
            if not self._counts[bearer]:
                del self._counts[bearer]

    def of(self, bearer: Bearer) -> int:
        """How many count for the bearer."""
        return self._counts[bearer]


class Members:
    """Jobs that wait in one or more of several places, each counted once."""

    def __init__(self) -> None:
        self._keys: dict[JobId, GroupKey] = {}
        self.tally = Tally()

    def __len__(self) -> int:
        return len(self._keys)

    def put(self, job: JobId, key: GroupKey, *, inside: bool) -> None:
        """The job is in one of the places now, or in none of them."""
        before = self._keys.pop(job, None)
        if before is not None:
            self.tally.add(before, -1)
        if inside:
            self._keys[job] = key
            self.tally.add(key, 1)
