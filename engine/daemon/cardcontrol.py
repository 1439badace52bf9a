"""Drain and resume: what admins say about cards, written down before it is answered.

Must not know HTTP, nor how a card is shown.
"""

from engine.api.asks import Identity
from engine.core.health import CAUSES
from engine.daemon.answers import audited, not_ready
from engine.daemon.books import Books
from engine.daemon.cards import Card
from engine.daemon.healing import Healing
from engine.daemon.health import Health
from engine.daemon.quarantinebook import QuarantineBook
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.store.errors import StoreError
from engine.store.gpus import GpuFlag, GpuFlags


class CardControl:
    """Takes cards out of use and puts them back."""

    def __init__(
        self,
        *,
        books: Books,
        flags: GpuFlags,
        quarantines: QuarantineBook,
        health: Health,
        healing: Healing,
        clock: Clock,
    ) -> None:
        self._books = books
        self._flags = flags
        self._quarantines = quarantines
        self._health = health
        self._healing = healing
        self._clock = clock

    async def drain(self, who: Identity, card: Card, why: str | None) -> None:
        """Nothing new may start on it; running jobs finish. Raises Refused, also for a card of a cluster."""
        _not_here(card, "drain")
        cards, uuid = self._books.cards, card.reading.uuid
        after = {"state": "drained", "why": why}
        entry = audited(self._clock, who, "gpu.drain", uuid, before={"state": self._state(card)}, after=after)
        flag = GpuFlag(uuid=uuid, drained=True, why=why, by=who.account, at=self._clock.now())
        fresh, before = uuid not in cards.drained, cards.flags.get(uuid)
        cards.drained.add(uuid)  # before the commit: nothing may start on it meanwhile
        cards.flags[uuid] = flag
        try:
            await self._flags.set(flag, entry=entry)
        except StoreError as error:
            if fresh:
                cards.drained.discard(uuid)
            if before is None:
                cards.flags.pop(uuid, None)
            else:
                cards.flags[uuid] = before
            raise not_ready(error) from error

    async def resume(self, who: Identity, card: Card) -> None:
        """Put it back into use, drained or quarantined; a quarantined one has to pass the test. INVALID_STATE."""
        _not_here(card, "resume")
        cards, uuid, index = self._books.cards, card.reading.uuid, card.reading.index
        drained, quarantined = uuid in cards.drained, uuid in cards.quarantines
        if not drained and not quarantined:
            raise Refused("INVALID_STATE", f"GPU {index} is neither drained nor quarantined.")
        after = {"state": "in use"}
        entry = audited(self._clock, who, "gpu.resume", uuid, before={"state": self._state(card)}, after=after)
        if quarantined:
            await self._test(card)
        try:
            if quarantined:
                await self._quarantines.cleared(uuid, entry)
            if drained:
                await self._flags.clear(uuid, entry=None if quarantined else entry)
        except StoreError as error:
            raise not_ready(error) from error
        cards.drained.discard(uuid)
        cards.flags.pop(uuid, None)
        self._healing.back(uuid)

    async def _test(self, card: Card) -> None:
        """Raises Refused unless the card is fit for use, as far as one can tell."""
        uuid, index = card.reading.uuid, card.reading.index
        quarantine = self._books.cards.quarantines[uuid]
        stays = f"GPU {index} stays quarantined ({quarantine.cause})"
        if (unwell := self._health.unwell(card)) is not None:
            raise Refused("INVALID_STATE", f"{stays}: {unwell}. {_advice(quarantine.cause)}")
        if self._healing.tests and self._healing.in_use(card):
            raise Refused("INVALID_STATE", f"{stays}: it is in use and cannot be tested. Wait until nobody is on it.")
        if (failed := await self._healing.tested(uuid)) is not None:
            advice = "Mend or reset the card; if it cannot be tested here, set gpu.canary = false."
            raise Refused("INVALID_STATE", f"{stays}: its test failed: {failed}. {advice}")
        again = self._books.cards.quarantines.get(uuid)
        if again is not None and again is not quarantine:
            raise Refused("INVALID_STATE", f"GPU {index} failed again during its test ({again.cause}).")

    def _state(self, card: Card) -> str:
        return self._books.cards.state(card, self._clock.now())


def _not_here(card: Card, state: str) -> None:
    """Raises Refused for a card whose machine is a cluster's: what is said about it there counts."""
    reading = card.reading
    if reading.node is not None:
        reason = " reason=WHY" if state == "drain" else ""
        told = f"GPU {reading.index} is in node {reading.node} of Slurm, which drains and resumes whole nodes."
        raise Refused("INVALID_STATE", f"{told} Use: scontrol update nodename={reading.node} state={state}{reason}")


def _advice(cause: str) -> str:
    if CAUSES[cause].heals:
        return "It comes back by itself once that is over."
    return "Reset the card (nvidia-smi --gpu-reset) or restart the host first."
