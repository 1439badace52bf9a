"""Booked reservations as one person may see them: that a card is booked is no secret, by whom may be one.

Must not know how a booking comes about.
"""

from engine.api.asks import Identity
from engine.daemon.access import Action, may
from engine.daemon.cards import Cards
from engine.daemon.views import Views
from engine.protocol.cards import GpuSlot
from engine.protocol.responses import ReservationView
from engine.store.slots import BookedSlot


def reservation_view(views: Views, cards: Cards, who: Identity, slot: BookedSlot, now: float) -> ReservationView:
    """A booking as a line of the list."""
    return ReservationView(
        id=slot.id,
        account=slot.account if views.sees_all_of(who, slot.owner) else None,
        group=views.group_of(who, slot.owner),
        gpu_indices=cards.indices(slot.gpus),
        gpu_uuids=list(slot.gpus),
        start_at=slot.start_at,
        end_at=slot.end_at,
        created_at=slot.created_at,
        active=slot.start_at <= now < slot.end_at,
        mine=may(who, Action.UNBOOK, slot.owner),
    )


def gpu_slot(views: Views, who: Identity, slot: BookedSlot | None, now: float) -> GpuSlot | None:
    """A booking as a card shows it."""
    if slot is None:
        return None
    return GpuSlot(
        account=slot.account if views.sees_all_of(who, slot.owner) else None,
        group=views.group_of(who, slot.owner),
        start_at=slot.start_at,
        end_at=slot.end_at,
        starts_in_s=max(0.0, slot.start_at - now),
        ends_in_s=max(0.0, slot.end_at - now),
    )
