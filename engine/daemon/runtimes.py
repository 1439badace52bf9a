"""How long jobs are expected to run: learnt from every run that came to its own end, told for what waits.

Owned by the event loop. What pending groups are told is kept from pass to pass, so that a pass pays for what changed.
Must not know where runs are written down, nor what is made of an estimate.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from engine.bookkeeping import Ended, PastRun
from engine.core.estimate import Estimate, History
from engine.core.lifecycle import Cause
from engine.core.model import AccountName, GroupKey, PendingGroup, kind_of

TELLING = frozenset({Cause.EXIT, Cause.SIGNAL, Cause.TIME_LIMIT, Cause.OUT_OF_MEMORY, Cause.GPU_OUT_OF_MEMORY})
"""Ends that say how long such a job runs: its own, not those that somebody or something else put to it."""
REMEMBERED = 20_000
"""So many of the last runs are learnt from at start."""
REFRESHED = 100
"""Of groups whose account's history has changed so many are looked up anew in a pass, the others in the next ones."""


class RunTimes:
    """What history says. history: `None` where estimates are off: then time limits count, and no kind is told apart."""

    def __init__(self, history: History | None = None) -> None:
        self._history = history
        self._groups: dict[AccountName, dict[PendingGroup, None]] = {}
        self._seen: set[PendingGroup] = set()
        self._known: dict[GroupKey, float] = {}
        self._stale: dict[PendingGroup, None] = {}

    @property
    def learns(self) -> bool:
        """Whether there is any use in telling it of runs."""
        return self._history is not None

    @property
    def version(self) -> int:
        """Another number whenever more is known."""
        return 0 if self._history is None else self._history.version

    def fill(self, runs: Iterable[PastRun]) -> None:
        """Learn from earlier runs, oldest first; takes a while for many."""
        for run in runs:
            self._learn(run.key, run.name, run.ran_s)

    def ended(self, key: GroupKey, name: str | None, ended: Ended, started_at: float | None) -> None:
        """An attempt of a job of that name is over; its run counts if it came to its own end. started_at: Unix s."""
        if ended.cause not in TELLING or started_at is None:
            return
        self._learn(key, name, max(0.0, ended.ended_at - started_at))
        self._stale.update(self._groups.get(key.owner.account, {}))

    def told_apart(self, key: GroupKey, name: str | None) -> GroupKey:
        """The key with the kind of its job's name, where such jobs ran before."""
        kind = self.kind(key.owner.account, name)
        return key if kind == key.kind else replace(key, kind=kind)

    def kind(self, account: str, name: str | None) -> str:
        """The kind of a job of that name, empty where no such job of the account is known."""
        if self._history is None or not name:
            return ""
        kind = kind_of(name)
        return kind if self._history.knows(AccountName(account), kind) else ""

    def estimate(self, key: GroupKey) -> Estimate | None:
        """What is known of a job of `key`; `None`: its time limit counts."""
        return None if self._history is None else self._history.estimate(key)

    def of(self, groups: Sequence[PendingGroup]) -> Mapping[GroupKey, float]:
        """Seconds that jobs of these groups are expected to run, of those of which something is known."""
        if self._history is None:
            return {}
        now = set(groups)
        if gone := self._seen - now:
            self._forget(gone)
        new = [group for group in groups if group not in self._seen] if len(now) > len(self._seen) else []
        due = [*new, *islice(self._stale, REFRESHED)]
        if due:
            self._look_up(new, due)
        self._seen = now
        return self._known

    def _learn(self, key: GroupKey, name: str | None, ran_s: float) -> None:
        if self._history is not None:
            self._history.add(replace(key, kind=kind_of(name)), ran_s)

    def _forget(self, gone: Iterable[PendingGroup]) -> None:
        """Into a copy: whoever holds what was told before goes on with that."""
        self._known = dict(self._known)
        for group in gone:
            self._known.pop(group.key, None)
            self._stale.pop(group, None)
            self._seen.discard(group)
            of_account = self._groups[group.key.owner.account]
            del of_account[group]
            if not of_account:
                del self._groups[group.key.owner.account]

    def _look_up(self, new: Iterable[PendingGroup], due: Iterable[PendingGroup]) -> None:
        self._known = dict(self._known)
        for group in new:
            self._groups.setdefault(group.key.owner.account, {})[group] = None
        for group in due:
            self._stale.pop(group, None)
            found = self.estimate(group.key)
            if found is None:
                self._known.pop(group.key, None)
            else:
                self._known[group.key] = found.run_s
