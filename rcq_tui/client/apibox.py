"""Calls about the machine over the engine's socket. Must not know screens."""

from collections.abc import Sequence
from urllib.parse import quote

from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from engine.protocol.errors import Refused
from engine.protocol.people import UsageReport
from engine.protocol.planned import Planned
from engine.protocol.responses import ReservationView, Stats
from rcq_tui.client.decode import decode, decode_items
from rcq_tui.client.transport import Transport


class BoxApi(Transport):
    """Cards, bookings, the plan, usage, the engine itself."""

    async def gpus(self) -> list[GpuView]:
        """Every card, by index."""
        return decode_items(GpuView, await self._call("GET", "/v1/gpus"))

    async def nodes(self) -> list[NodeView]:
        """The machines of the cluster; none where there is no cluster, or the engine is too old to have one."""
        try:
            return decode_items(NodeView, await self._call("GET", "/v1/nodes"))
        except Refused as refused:
            if refused.code != "NOT_FOUND":
                raise
            return []

    async def drain(self, gpu: str, why: str | None) -> GpuView:
        """Take a card out of use."""
        return decode(GpuView, await self._call("POST", f"/v1/gpus/{quote(gpu, safe='')}/drain", body={"why": why}))

    async def resume(self, gpu: str) -> GpuView:
        """Put a drained or quarantined card back into use."""
        return decode(GpuView, await self._call("POST", f"/v1/gpus/{quote(gpu, safe='')}/resume"))

    async def reservations(self) -> list[ReservationView]:
        """Booked cards that stand, the earliest first."""
        return decode_items(ReservationView, await self._call("GET", "/v1/reservations"))

    async def reserve(
        self, what: int | Sequence[str], duration_s: int, start_at: float | None = None
    ) -> ReservationView:
        """Book so many cards, or these (index, UUID or its beginning), from `start_at` (Unix seconds) or now."""
        cards = {"gpus": what} if isinstance(what, int) else {"cards": list(what)}
        body = {**cards, "duration_s": duration_s, "start_at": start_at}
        return decode(ReservationView, await self._call("POST", "/v1/reservations", body=body))

    async def unreserve(self, reservation: int) -> ReservationView:
        """Take a booking back."""
        return decode(ReservationView, await self._call("DELETE", f"/v1/reservations/{reservation}"))

    async def stats(self) -> Stats:
        """The engine's own state."""
        return decode(Stats, await self._call("GET", "/v1/stats"))

    async def plan(self, hours: float) -> Planned:
        """What runs and what is to start in the coming hours."""
        return decode(Planned, await self._call("GET", "/v1/plan", query={"hours": f"{hours:g}"}))

    async def usage(self, since: float | None = None) -> UsageReport:
        """What groups and their people used."""
        query = {"since": None if since is None else str(since)}
        return decode(UsageReport, await self._call("GET", "/v1/usage", query=query))
