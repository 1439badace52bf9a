"""Calls about the machine: cards, bookings, the plan, usage, the engine itself. Must not know how a call travels."""

from collections.abc import Sequence
from typing import Protocol

from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from engine.protocol.people import UsageReport
from engine.protocol.planned import Planned
from engine.protocol.responses import ReservationView, Stats


class BoxCalls(Protocol):
    """The machine."""

    async def gpus(self) -> list[GpuView]:
        """Every card, by index."""
        ...

    async def nodes(self) -> list[NodeView]:
        """The machines of the cluster; none where there is no cluster."""
        ...

    async def drain(self, gpu: str, why: str | None) -> GpuView:
        """Take a card out of use."""
        ...

    async def resume(self, gpu: str) -> GpuView:
        """Put a drained or quarantined card back into use."""
        ...

    async def reservations(self) -> list[ReservationView]:
        """Booked cards that stand, the earliest first."""
        ...

    async def reserve(
        self, what: int | Sequence[str], duration_s: int, start_at: float | None = None
    ) -> ReservationView:
        """Book so many cards, or these (index, UUID or its beginning), from `start_at` (Unix seconds) or now."""
        ...

    async def unreserve(self, reservation: int) -> ReservationView:
        """Take a booking back."""
        ...

    async def stats(self) -> Stats:
        """The engine's own state."""
        ...

    async def plan(self, hours: float) -> Planned:
        """What runs and what is to start in the coming hours."""
        ...

    async def usage(self, since: float | None = None) -> UsageReport:
        """What groups and their people used; since: Unix seconds to count plain GPU-hours from."""
        ...
