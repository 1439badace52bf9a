"""What would help a waiting job, tried beside the event loop, one job at a time, and kept for a few seconds.

Must not know who asks, nor how it is told.
"""

import asyncio
from collections import OrderedDict
from typing import NamedTuple

from engine.core.model import GroupKey, JobId, Waiting
from engine.core.policy import Policy
from engine.core.snapshot import Snapshot
from engine.core.whatif import Help, what_if
from engine.daemon.forecasts import Mark

HOLDS_S = 5.0
"""In an unchanged world the same is not tried again for so long, however many screens ask."""
KEPT = 200
"""Answers that are remembered."""


class _Tried(NamedTuple):
    mark: Mark
    at: float
    helps: tuple[Help, ...]


class Helps:
    """Tries changes out and remembers what came of it."""

    def __init__(self, *, policy: Policy) -> None:
        self._policy = policy
        self._one = asyncio.Lock()
        self._tried: OrderedDict[JobId, _Tried] = OrderedDict()

    async def of(
        self, copied: Snapshot, mark: Mark, key: GroupKey, waiting: Waiting, expected: float | None
    ) -> tuple[Help, ...]:
        """What helps a pending job of the world of `mark`. copied: that world, frozen; expected: its start as it is."""
        async with self._one:
            known = self._tried.get(waiting.job)
            if known is not None and known.mark == mark and 0 <= copied.now - known.at < HOLDS_S:
                return known.helps
            helps = await self.fresh(copied, key, waiting, expected)
            self._tried[waiting.job] = _Tried(mark, copied.now, helps)
            self._tried.move_to_end(waiting.job)
            if len(self._tried) > KEPT:
                self._tried.popitem(last=False)
            return helps

    async def fresh(
        self, copied: Snapshot, key: GroupKey, waiting: Waiting, expected: float | None
    ) -> tuple[Help, ...]:
        """The same, of a job that exists only in this copy."""
        return await asyncio.to_thread(what_if, copied, self._policy, key, waiting, expected=expected)
