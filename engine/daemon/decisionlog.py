"""The engine's side of the decision log: each pass that decides something new leaves a record beside its starts.

A record that cannot be made costs the pass nothing. Must not know what is in a record, nor SQL.
"""

import asyncio
import logging
import zlib

from config.settings import RetentionSettings
from engine.bookkeeping import Decided
from engine.core import record
from engine.core.decisions import Plan
from engine.core.policy import Policy
from engine.core.snapshot import Snapshot
from engine.ports import Clock
from engine.store.decisions import Decisions
from engine.store.errors import StoreError

log = logging.getLogger(__name__)

LEVEL = 1
"""Of zlib: the next ones take twice as long for a tenth less."""
SMALL, SMALL_WINDOW, SMALL_MEMORY = 8192, 13, 5
"""For texts up to so many bytes a small state of zlib does as well, and is set up in a quarter of the time."""
PRUNES = 8
"""Pruned also whenever this part of the bound was written: a busy hour must not fill the disk."""
MB, DAY_S = 2**20, 86_400.0


class DecisionLog:
    """Makes records and keeps the log to its bounds. version: of this rcq. broken: records that could not be made."""

    def __init__(self, *, store: Decisions, settings: RetentionSettings, version: str, clock: Clock) -> None:
        self._store = store
        self._keep_bytes = settings.decisions_mb * MB
        self._keep_s = settings.decisions_days * DAY_S
        self._version = version
        self._clock = clock
        self._of: tuple[object, ...] = ()
        self._steady = b""
        self._written = 0
        self._pruning: asyncio.Task[None] | None = None
        self.broken = 0

    def watched(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot to plan from: its record will hold what the plan looks at."""
        return record.watched(snapshot) if self._keep_bytes else snapshot

    def note(self, snapshot: Snapshot, policy: Policy, decided: Plan) -> list[Decided]:
        """The record of a pass that starts or preempts something, to be written with that; of others nothing.

        To be asked before the plan is acted on.
        """
        if not self._keep_bytes or not (decided.starts or decided.preemptions):
            return []
        try:
            made = self._made(snapshot, policy, decided)
        except Exception:  # whatever a record trips over: jobs start all the same
            if not self.broken:
                log.exception("A pass leaves no record in the decision log; later ones of this kind are not told.")
            self.broken += 1
            return []
        self._written += len(made.blob)
        if self._written > self._keep_bytes // PRUNES:
            self._prune_soon()
        return [made]

    async def prune(self) -> None:
        """Drop what is older or more than the settings keep."""
        self._written = 0
        try:
            await self._store.prune(before=self._clock.now() - self._keep_s, keep_bytes=self._keep_bytes)
        except StoreError as error:
            log.warning("The decision log was not shortened: %s", error)

    def _prune_soon(self) -> None:
        if self._pruning is None or self._pruning.done():
            self._written = 0
            self._pruning = asyncio.get_running_loop().create_task(self.prune(), name="prune decisions")

    def _made(self, snapshot: Snapshot, policy: Policy, decided: Plan) -> Decided:
        of = (policy, snapshot.groups, snapshot.quotas)
        if len(self._of) != len(of) or any(one is not two for one, two in zip(self._of, of, strict=True)):
            steady = record.write_steady(record.steady_of(snapshot, policy, self._version))
            self._of, self._steady = of, _compressed(steady)
        own = record.write_moment(record.moment_of(snapshot, decided))
        return Decided(at=decided.now, steady=self._steady, blob=_compressed(own))


def _compressed(text: str) -> bytes:
    raw = text.encode()
    if len(raw) > SMALL:
        return zlib.compress(raw, LEVEL)
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, SMALL_WINDOW, SMALL_MEMORY)
    return packer.compress(raw) + packer.flush()
