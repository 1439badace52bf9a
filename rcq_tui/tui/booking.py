"""Bookings of cards: made from words or a form, taken back after a question.

Must not know which screen wishes it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.protocol.errors import RcqError
from engine.protocol.responses import ReservationView
from rcq_tui.cli import reserve
from rcq_tui.cli.failures import UsageError
from rcq_tui.tui.bookingwords import Wanted, wanted
from rcq_tui.tui.screens.book import BookScreen
from rcq_tui.tui.screens.confirm import ConfirmScreen, Question
from rcq_tui.viewmodel.formats import exact
from rcq_tui.viewmodel.lanes import Told
from rcq_tui.viewmodel.slots import cards, whose

if TYPE_CHECKING:
    from rcq_tui.tui.app import RcqApp

_TYPED = re.compile(r"(?P<what>\S+)(?:\s+from\s+(?P<begin>.+?))?\s+for\s+(?P<last>\S+)", re.IGNORECASE)


class Booker:
    """done: called when a booking was made or taken back."""

    def __init__(self, desk: "RcqApp", done: Callable[[], object]) -> None:
        self._desk = desk
        self._done = done

    def book(self, said: str, about: Told | None) -> None:
        """Book what is said, or ask with a form that begins at a bar's card and time."""
        if not said:
            self._ask(about)
            return
        match = _TYPED.fullmatch(said.strip())
        try:
            if match is None:
                raise UsageError("Write for example: book 2 from 22:00 for 8h")
            asked = wanted(match["what"], match["begin"] or "now", match["last"], self._desk.clock())
        except UsageError as error:
            self._desk.notify(str(error), severity="warning", markup=False)
        else:
            self._desk.run_worker(self._reserve(asked), name="book", group="deeds")

    async def _reserve(self, asked: Wanted) -> None:
        try:
            self._booked(await self._desk.api.reserve(*asked))
        except RcqError as error:
            self._desk.complain(error)

    def _ask(self, about: Told | None) -> None:
        if not self._desk.is_free_for(BookScreen):
            return

        def answered(slot: ReservationView | None) -> None:
            if slot is not None:
                self._booked(slot)

        self._desk.push_screen(BookScreen(*_beginning(about, self._desk.clock())), answered)

    def _booked(self, slot: ReservationView) -> None:
        self._desk.notify("\n".join(reserve.told(asdict(slot))[:-1]), markup=False)
        self._done()

    def take_back(self, item: Told | None, bookings: Sequence[ReservationView]) -> None:
        """Ask whether to take the booking of a bar back, and do it on yes."""
        slot = None if item is None else booking_of(item, bookings)
        if slot is None or not slot.mine:
            whom = "Only its owner can take a booking back." if slot else "The bar under the cursor is no booking."
            self._desk.notify(whom, markup=False)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._desk.run_worker(self._unreserve(slot.id), name="unbook", group="deeds")

        if self._desk.is_free_for(ConfirmScreen):
            self._desk.push_screen(ConfirmScreen(question(slot)), answered)

    async def _unreserve(self, number: int) -> None:
        try:
            await self._desk.api.unreserve(number)
        except RcqError as error:
            self._desk.complain(error)
        else:
            self._desk.notify(f"Reservation {number} is taken back.", markup=False)
            self._done()


def question(slot: ReservationView) -> Question:
    """What is asked before a booking is taken back."""
    told: dict[str, Any] = asdict(slot)
    facts = [
        ("booked by", whose(slot.account, slot.group)),
        ("GPUs", cards(told)),
        ("from", exact(slot.start_at)),
        ("until", exact(slot.end_at)),
    ]
    return Question(
        title=f"Take reservation {slot.id} back?",
        lines=[[(f"{label:<11}", "quiet"), (value, "text")] for label, value in facts],
        warning="Its cards are everybody's again, at once.",
        yes=f"Take {slot.id} back",
        keep="Keep it",
    )


def booking_of(item: Told, bookings: Sequence[ReservationView]) -> ReservationView | None:
    """The booking that a bar of the plan stands for: own ones first, where two have the same cards and times."""
    if item["kind"] != "slot":
        return None
    same = [
        slot
        for slot in bookings
        if sorted(slot.gpu_indices) == sorted(item["gpus"])
        and (slot.start_at, slot.end_at) == (item["start"], item["end"])
    ]
    return next(iter(sorted(same, key=lambda slot: not slot.mine)), None)


def _beginning(about: Told | None, now: float) -> tuple[str, str]:
    """What a form begins with: the cards of a bar, from when it ends."""
    if about is None or not about["gpus"]:
        return "1", "now"
    what = ",".join(str(index) for index in about["gpus"])
    what = f"gpu{what}" if what.isdigit() else what
    at = exact(about["end"])[:16].replace(" ", "T")
    return what, "now" if about["end"] <= now else at
