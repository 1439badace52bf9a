"""The scripted engine's machine. Must not know screens."""

from collections.abc import Sequence

from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from engine.protocol.errors import Refused
from engine.protocol.people import UsageReport
from engine.protocol.planned import Planned
from engine.protocol.responses import ReservationView, Stats
from rcq_tui.client.fakescript import Script


class FakeBox(Script):
    """Cards, bookings, the plan, usage."""

    async def gpus(self) -> list[GpuView]:
        """Every card."""
        self._read("gpus")
        return list(self.cards)

    async def nodes(self) -> list[NodeView]:
        """Every machine of the cluster, if it has one."""
        self._read("nodes")
        return list(self.machines)

    async def drain(self, gpu: str, why: str | None) -> GpuView:
        """Drain as announced."""
        self._scripted("drain", gpu, why)
        return self._card(gpu, "drained")

    async def resume(self, gpu: str) -> GpuView:
        """Resume as announced."""
        self._scripted("resume", gpu)
        return self._card(gpu, "ok")

    async def reservations(self) -> list[ReservationView]:
        """Booked cards."""
        self._read("reservations")
        return list(self.slots)

    async def reserve(
        self, what: int | Sequence[str], duration_s: int, start_at: float | None = None
    ) -> ReservationView:
        """Book as announced; the announced answer is the booking."""
        slot: ReservationView = self._scripted("reserve", what, duration_s, start_at)
        self.slots.append(slot)
        return slot

    async def unreserve(self, reservation: int) -> ReservationView:
        """Take back as announced."""
        self._scripted("unreserve", reservation)
        slot = next((slot for slot in self.slots if slot.id == reservation), None)
        if slot is None:
            raise Refused("NOT_FOUND", f"There is no reservation {reservation}.")
        self.slots.remove(slot)
        return slot

    async def stats(self) -> Stats:
        """The scripted figures."""
        self._read("stats")
        return self.figures

    async def plan(self, hours: float) -> Planned:
        """The scripted plan, whatever the hours."""
        self._read("plan", hours)
        if self.planned is None:
            raise Refused("SERVICE_NOT_READY", "There is no plan yet. Try again in a moment.")
        return self.planned

    async def usage(self, since: float | None = None) -> UsageReport:
        """The scripted report."""
        self._read("usage", since)
        if self.report is None:
            raise Refused("FORBIDDEN", "This account may not see usage.")
        return self.report
