"""Words for booked reservations: on a card, and as cells of a list.

A slot comes as the API tells it. Pure: `now` is an argument, or what counts is relative already. Light enough for the
command line. Must not know what draws the words.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rcq_tui.viewmodel.formats import duration, moment
from rcq_tui.viewmodel.text import clean

if TYPE_CHECKING:
    from engine.protocol.cards import GpuSlot

Slot = Mapping[str, Any]


def whose(account: str | None, group: str | None) -> str:
    """The account, or for those who may not know it the group in brackets, as far as they may know that."""
    return clean(account) if account else f"({clean(group or 'somebody')})"


def on_card(slot: "GpuSlot") -> str:
    """`booked 1h12m more, ada` while it is on, `booked in 2h05m, ada` before."""
    by = whose(slot.account, slot.group)
    if slot.starts_in_s > 0:
        return f"booked in {duration(slot.starts_in_s)}, {by}"
    return f"booked {duration(slot.ends_in_s)} more, {by}"


def in_column(slot: Slot | None, now: float) -> str:
    """`until 22:00 ada` while it is on, `22:00 to Tue 02:00 ada` before, `-` for none."""
    if slot is None:
        return "-"
    by, ends = whose(slot["account"], slot["group"]), moment(slot["end_at"], now)
    if slot["start_at"] <= now:
        return f"until {ends} {by}"
    return f"{moment(slot['start_at'], now)} to {ends} {by}"


def line(slot: Slot, now: float) -> list[str]:
    """A reservation as cells: id, who, cards, from, until, state."""
    return [
        str(slot["id"]),
        whose(slot["account"], slot["group"]),
        cards(slot),
        moment(slot["start_at"], now),
        moment(slot["end_at"], now),
        f"{duration(slot['end_at'] - now)} left" if slot["active"] else f"in {duration(slot['start_at'] - now)}",
    ]


def cards(slot: Slot) -> str:
    """Indices of its cards; of those that the engine does not know any more, their number."""
    gone = len(slot["gpu_uuids"]) - len(slot["gpu_indices"])
    known = ",".join(map(str, slot["gpu_indices"]))
    return f"{known or '-'} (+{gone} gone)" if gone else known
