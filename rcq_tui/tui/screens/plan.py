"""The plan as a picture: cards, the coming hours, and where one's own jobs start.

Must not know how the picture is made (`viewmodel.planchart`) or how calls travel.
"""

import asyncio
from contextlib import suppress
from dataclasses import asdict

from textual.app import ComposeResult
from textual.message import Message

from engine.protocol.errors import RcqError, Refused
from engine.protocol.responses import ReservationView
from rcq_tui.tui import messages, planwishes
from rcq_tui.tui.booking import Booker
from rcq_tui.tui.commands import place_bindings
from rcq_tui.tui.headed import HeadedScreen
from rcq_tui.tui.palette import content, page
from rcq_tui.tui.widgets.plan_chart import PlanChart, painted
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel import plancursor
from rcq_tui.viewmodel.gantt import beyond
from rcq_tui.viewmodel.lanes import Told, card_names
from rcq_tui.viewmodel.planbars import Viewer, group_hues
from rcq_tui.viewmodel.planchart import Chart, Spot, chart, legend
from rcq_tui.viewmodel.planlook import SPANS, Look, fitting, hours, moved, to_see, zoomed
from rcq_tui.viewmodel.planwords import Line, detail, fitted, nothing_chosen, title
from rcq_tui.viewmodel.text import clean

_RARER = 4
"""A plan costs the engine more than a page of jobs: so many times rarer is it asked for."""
_STEP = 0.25
"""Part of the picture that a step through time is."""
_DETAIL_LINES = 4


class PlanScreen(HeadedScreen):
    """What runs, what is to start, and what is booked."""

    PLACE = "plan"
    CSS_PATH = "../plan.tcss"
    BINDINGS = place_bindings(
        "open", "next-start", "zoom-in", "zoom-out", "book", "unbook", "line", "help", "quit", "back", "copy",
        "down", "up", "left", "right", "earlier", "later", "top", "bottom", "page-down", "page-up",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._planned: Told | None = None
        self._fetched_at = 0.0
        self._bookings: list[ReservationView] = []
        self._look = Look()
        self._chart: Chart | None = None
        self._spot: Spot | None = None
        self._no_plan = ""
        self._zoom_known = False
        self._stale = asyncio.Event()

    def body(self) -> ComposeResult:
        """Title, picture, what is under the cursor, what the signs mean."""
        yield Words(id="plan-title")
        yield PlanChart(id="plan-chart")
        yield Words(id="plan-detail")
        yield Words(id="plan-legend")

    def on_mount(self) -> None:
        """Look at the plan again whenever the queue or a card changed."""
        self._zoom_known = (zoom := self.desk.remembered.of("plan-zoom", -1)) >= 0
        if self._zoom_known:
            self._look = Look(zoom=min(zoom, len(SPANS) - 1))
        self.query_one(PlanChart).focus()
        self.watch(self.desk, "jobs", self._mark_stale)
        self.watch(self.desk, "gpus", self._draw)
        self.watch(self.desk, "me", self._draw)
        self.set_interval(1.0, self._draw)
        self.run_worker(self._follow(), name="plan", group="plan", exclusive=True)

    # ------------------------------------------------------------ what the engine tells

    def _mark_stale(self) -> None:
        self._stale.set()

    async def _follow(self) -> None:
        pace = self.desk.pace
        while True:
            self._stale.clear()
            await self._fetch()
            await asyncio.sleep(pace.between_fetches * _RARER)
            with suppress(TimeoutError):
                async with asyncio.timeout(pace.idle_fetch * _RARER):
                    await self._stale.wait()

    async def _fetch(self) -> None:
        api = self.desk.api
        try:
            planned = await api.plan(hours(self._look, self.desk.clock()))
            self._bookings = await api.reservations()
        except Refused as refused:
            self._no_plan = clean(refused.message)
        except RcqError as error:
            self._no_plan = clean(error)  # stands where no picture is; the last one stays
        else:
            self._planned, self._fetched_at, self._no_plan = asdict(planned), self.desk.clock(), ""
            if not self._zoom_known:
                self._look, self._zoom_known = fitting(self._planned), True
        self._draw()

    # ------------------------------------------------------------ drawing

    @property
    def _viewer(self) -> Viewer:
        me = self.desk.me
        groups = group_hues(self._planned or {"items": []}, me.group if me else None)
        return Viewer(account=me.account if me else None, hues=groups, ascii_only=self.desk.ascii_only)

    def _now_planned(self) -> Told | None:
        """The plan with the time that it is now, and the cards' states."""
        if self._planned is None:
            return None
        states = {card.uuid: card.state for card in self.desk.gpus}
        cards = [{**card, "state": states.get(card["uuid"], card["state"])} for card in self._planned["cards"]]
        passed = max(0.0, self.desk.clock() - self._fetched_at)
        return {**self._planned, "now": self._planned["now"] + passed, "cards": cards}

    def _draw(self) -> None:
        planned = self._now_planned()
        if planned is None:
            self.query_one("#plan-title", Words).put(content([(self._no_plan or "Asking for the plan…", "quiet")]))
            return
        widget, viewer = self.query_one(PlanChart), self._viewer
        key = self._spot.key if self._spot else None
        drawn = chart(planned, self._look, widget.room, viewer, key)
        spot = plancursor.found(drawn, key, self._spot) or plancursor.first(drawn, planned, viewer)
        if spot is not None and spot.key != key:
            drawn = chart(planned, self._look, widget.room, viewer, spot.key)
        self._chart, self._spot = drawn, spot if spot is not None else self._spot
        widget.show(drawn, spot)
        self._draw_words(planned, viewer, spot)

    def _draw_words(self, planned: Told, viewer: Viewer, spot: Spot | None) -> None:
        cells = self.size.width - 2
        self.query_one("#plan-title", Words).put(content(title(planned, self._look, viewer, cells)))
        lines = nothing_chosen(planned) if spot is None else self._detail(spot, planned, viewer, cells)
        shown = [fitted(line, cells) for line in lines[:_DETAIL_LINES]]
        self.query_one("#plan-detail", Words).put(page(shown))
        signs, notes = legend(planned, viewer), [("   " + note, "quiet/") for note in beyond(planned)]
        self.query_one("#plan-legend", Words).put(painted(fitted([*signs, *notes], cells)))

    def _detail(self, spot: Spot, planned: Told, viewer: Viewer, cells: int) -> list[Line]:
        wanted = spot.item["id"]
        row = None if wanted is None else next((job for job in self.desk.jobs if job.id == wanted), None)
        reasons = row.reasons if row else ()
        return detail(spot.item, planned["now"], viewer, cells, names=card_names(planned), reasons=reasons)

    def on_plan_chart_resized(self, message: PlanChart.Resized) -> None:
        """Another room."""
        message.stop()
        self._draw()

    # ------------------------------------------------------------ moving

    def _to(self, message: Message, spot: Spot | None) -> None:
        message.stop()
        self._spot = spot or self._spot
        self._draw()

    def on_down(self, message: messages.Down) -> None:
        """The next lane."""
        self._across(message, 1)

    def on_up(self, message: messages.Up) -> None:
        """The lane before."""
        self._across(message, -1)

    def on_page_down(self, message: messages.PageDown) -> None:
        """Some lanes on."""
        self._across(message, 8)

    def on_page_up(self, message: messages.PageUp) -> None:
        """Some lanes back."""
        self._across(message, -8)

    def _across(self, message: Message, by: int) -> None:
        known = self._chart is not None and self._spot is not None
        self._to(message, plancursor.across(self._chart, self._spot, by) if known else None)  # type: ignore[arg-type]

    def on_left(self, message: messages.Left) -> None:
        """The bar before; where there is none, an earlier time."""
        self._beside(message, -1)

    def on_right(self, message: messages.Right) -> None:
        """The next bar; where there is none, a later time."""
        self._beside(message, 1)

    def _beside(self, message: Message, by: int) -> None:
        if self._chart is None:
            return
        spot = plancursor.beside(self._chart, self._spot, by) if self._spot else None
        if spot is None:
            self._move(message, by * _STEP)
        else:
            self._to(message, spot)

    def on_earlier(self, message: planwishes.Earlier) -> None:
        """Back in time."""
        self._move(message, -_STEP)

    def on_later(self, message: planwishes.Later) -> None:
        """On in time."""
        self._move(message, _STEP)

    def _move(self, message: Message, part: float) -> None:
        message.stop()
        if (planned := self._now_planned()) is not None:
            self._see(moved(self._look, part, planned))

    def on_top(self, message: messages.Top) -> None:
        """Back to now."""
        message.stop()
        self._see(Look(zoom=self._look.zoom))

    def on_bottom(self, message: messages.Bottom) -> None:
        """To the end of what is known."""
        self._move(message, 10_000)

    def on_zoom_in(self, message: planwishes.ZoomIn) -> None:
        """Less time."""
        self._zoom(message, -1)

    def on_zoom_out(self, message: planwishes.ZoomOut) -> None:
        """More time."""
        self._zoom(message, 1)

    def _zoom(self, message: Message, by: int) -> None:
        message.stop()
        around = self._spot.item["start"] if self._spot else None
        self._see(zoomed(self._look, by, self.desk.clock(), around))
        self.desk.remembered.keep("plan-zoom", self._look.zoom)

    def _see(self, look: Look) -> None:
        before, now = hours(self._look, self.desk.clock()), self.desk.clock()
        self._look = look
        if hours(look, now) > before:
            self._stale.set()
        self._draw()

    def on_next_start(self, message: planwishes.NextStart) -> None:
        """To where a job of mine starts, one after the other."""
        message.stop()
        planned = self._now_planned()
        item = (
            plancursor.next_start(planned, self._viewer, self._spot.item if self._spot else None) if planned else None
        )
        if planned is None or item is None:
            self.desk.notify("None of your jobs is foreseen to start on a card.", markup=False)
            return
        self._look = to_see(self._look, item["start"], planned["now"])
        self._spot = Spot(item["gpus"][0], 0, 0, 0, item)
        self._draw()

    # ------------------------------------------------------------ what is done to bars

    def on_plan_chart_pointed(self, message: PlanChart.Pointed) -> None:
        """A bar was clicked."""
        self._to(message, message.spot)
        if message.again:
            self.post_message(messages.OpenJob())

    def on_open_job(self, message: messages.OpenJob) -> None:
        """The job under the cursor."""
        message.stop()
        if self._spot is None:
            return
        item = self._spot.item
        if item["id"] is not None:
            self.post_message(messages.GoToJob(str(item["id"])))
        elif item["kind"] == "slot":
            self.desk.notify("That is a booking: x takes your own back.", markup=False)
        else:
            self.desk.notify(f"It belongs to group {clean(item['group'])}; its details are private.", markup=False)

    def on_copy(self, message: messages.Copy) -> None:
        """The id of the job under the cursor."""
        message.stop()
        if self._spot is not None and (number := self._spot.item["id"]) is not None:
            self.desk.copy(str(number), f"job id {number}")

    def at_once(self, wish: messages.Wish) -> None:
        """Letters follow a booking."""
        if isinstance(wish, planwishes.BookCards):
            self.on_book_cards(wish)
        else:
            super().at_once(wish)

    def on_book_cards(self, message: planwishes.BookCards) -> None:
        """As it was typed behind the command, else by a form about the card and the time under the cursor."""
        message.stop()
        Booker(self.desk, self._mark_stale).book(message.said, self._spot.item if self._spot else None)

    def on_ask_unbook(self, message: planwishes.AskUnbook) -> None:
        """The booking under the cursor, after a question."""
        message.stop()
        Booker(self.desk, self._mark_stale).take_back(self._spot.item if self._spot else None, self._bookings)
