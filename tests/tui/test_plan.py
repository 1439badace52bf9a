"""The plan as a screen: what it shows, how one goes through it, bookings from it."""

from dataclasses import replace

import pytest

from engine.protocol.errors import Refused
from engine.protocol.responses import ReservationView
from rcq_tui.tui.screens.book import BookScreen
from rcq_tui.tui.screens.confirm import ConfirmScreen
from rcq_tui.tui.screens.plan import PlanScreen
from rcq_tui.tui.widgets.plan_chart import PlanChart


@pytest.fixture
def fake(box, plans):
    return plans.script(box.busy(), box)


async def go(app, pilot, until, text):
    await until(pilot, lambda: "eval" in text(app))
    await pilot.press("3")
    await until(pilot, lambda: isinstance(app.screen, PlanScreen) and "★151 gang" in text(app))


def slot(plans, number, start, seconds, **what):
    [one, _] = plans.bookings(start)
    return replace(one, id=number, start_at=start, end_at=start + seconds, promises_moved=2, **what)


async def test_the_next_start_is_said_and_the_cursor_is_on_it(box, fake, until, text):
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await go(app, pilot, until, text)
        assert "★ 151 starts in 45m, then 3 more of yours" in text(app)
        assert "▸★151 gang" in text(app)
        assert "• Needs 4 GPUs" in text(app)
        await pilot.press("n")
        await until(pilot, lambda: "★ 153 resnet-lr1e-3" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "job 153" in text(app))


async def test_hostile_names_are_text(box, fake, until, text):
    app = box.app(fake)
    async with app.run_test(size=(220, 60), notifications=True) as pilot:
        await go(app, pilot, until, text)
        await pilot.press("n", "n")
        await until(pilot, lambda: "154 [red]not markup[/red]" in text(app))
        assert "\x1b" not in text(app)


async def test_time_is_zoomed_and_gone_through_and_the_zoom_is_remembered(box, fake, until, text):
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await go(app, pilot, until, text)
        await pilot.press("minus", "minus")
        await until(pilot, lambda: "Plan 3d from" in text(app))
        assert ("plan", 72.0) in [call for call in fake.calls if call[0] == "plan"]
        await pilot.press("plus", "plus", "plus", "full_stop", "full_stop")
        await until(pilot, lambda: "Plan 6h from 16:" in text(app))
        assert "▼ now" not in text(app)
        await pilot.press("g")
        await until(pilot, lambda: "▼ now" in text(app))
    assert app.remembered.of("plan-zoom", 0) == 4


async def test_bars_are_gone_through_with_letters(box, fake, until, text):
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await go(app, pilot, until, text)
        await pilot.press("h")
        await until(pilot, lambda: "141 resnet-lr3e-4  ada (vision)  GPUs 0,1" in text(app))
        await pilot.press("j", "j")
        await until(pilot, lambda: "a job (nlp)  GPU 2" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "It belongs to group nlp" in text(app))


async def test_nothing_is_drawn_again_while_nothing_changes(box, fake, until, text):
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await go(app, pilot, until, text)
        chart = app.screen.query_one(PlanChart)
        before, asked = chart.drawn, len([call for call in fake.calls if call[0] == "plan"])
        fake.emit("queue")
        await until(pilot, lambda: len([call for call in fake.calls if call[0] == "plan"]) > asked)
        await until(pilot, lambda: fake.calls[-1][0] != "plan")
        await pilot.pause()
        assert chart.drawn == before


async def test_a_moved_start_is_shown_by_itself(box, plans, fake, until, text):
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await go(app, pilot, until, text)
        later = [replace(one, start=one.start + 3600) if one.id == 151 else one for one in plans.items(box.NOW)]
        fake.planned = plans.plan_of(fake, box.NOW, items=later)
        fake.emit("reservations")
        await until(pilot, lambda: "★ 151 starts in 1h45m" in text(app))


async def test_cards_are_booked_by_a_form(box, plans, fake, until, text):
    app = box.app(fake)
    made = slot(plans, 9, box.NOW + 3600, 7200)
    fake.expect("reserve", ["0", "2"], 5400, box.NOW + 3600, answer=Refused("VALIDATION_ERROR", "Job 7 may run then."))
    fake.expect("reserve", ["0", "2"], 7200, box.NOW + 3600, answer=made)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await go(app, pilot, until, text)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, BookScreen))
        fields = {one: app.screen.query_one(f"#book-{one}") for one in ("what", "begin", "last")}
        fields["what"].value, fields["begin"].value, fields["last"].value = "0,,2", "+1h", "90m"
        await until(pilot, lambda: "empty name" in text(app))
        fields["what"].value = "0,2"
        await until(pilot, lambda: "2026-03-01 15:05:00 to 2026-03-01 16:35:00, 1h30m" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "Job 7 may run then." in text(app))
        fields["last"].value = "2h"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen) and "pushes back the promised start" in text(app))
    fake.finish()


async def test_cards_are_booked_by_a_line(box, plans, fake, until, text):
    app = box.app(fake)
    fake.expect("reserve", 2, 28_800, box.NOW + 7 * 3600 + 55 * 60, answer=slot(plans, 9, box.NOW, 28_800))
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await go(app, pilot, until, text)
        await pilot.press("colon", *"book two", "enter")
        await until(pilot, lambda: "Write for example: book 2 from 22:00 for 8h" in text(app))
        await pilot.press("colon", *"book 2 from 22:00 for 8h", "enter")
        await until(pilot, lambda: "reservation 9" in text(app))
    fake.finish()


async def test_an_own_booking_is_taken_back_after_a_question(box, plans, fake, until, text):
    app = box.app(fake)
    fake.expect("unreserve", 5)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await go(app, pilot, until, text)
        await pilot.press("x")
        await until(pilot, lambda: "is no booking" in text(app))
        await pilot.click(PlanChart, offset=(100, 25))
        await until(pilot, lambda: "booked by ada" in text(app))
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen) and "Take reservation 5 back?" in text(app))
        await pilot.press("y")
        await until(pilot, lambda: "Reservation 5 is taken back." in text(app))
    fake.finish()


async def test_without_a_plan_and_without_an_engine(box, plans, fake, until, text):
    fake.planned = None
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        await pilot.press("3", "l", "h", "j", "n", "x", "enter", "plus", "y", "G")
        await until(pilot, lambda: "There is no plan yet" in text(app))
        plans.script(fake, box)
        fake.emit("queue")
        await until(pilot, lambda: "★151 gang" in text(app))
        fake.cut_off()
        await until(pilot, lambda: "Disconnected" in text(app))
        assert "★151 gang" in text(app)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, PlanScreen))


async def test_a_booking_of_somebody_else_stays(box, plans, fake, until, text):
    app = box.app(fake)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await go(app, pilot, until, text)
        fake.slots = [ReservationView(**{**_fields(one), "mine": False}) for one in fake.slots]
        fake.emit("queue")
        asked = len(fake.calls)
        await until(pilot, lambda: ("reservations",) in fake.calls[asked:])
        await pilot.click(PlanChart, offset=(100, 25))
        await until(pilot, lambda: "booked by ada" in text(app))
        await pilot.press("x")
        await until(pilot, lambda: "Only its owner can take" in text(app))


def _fields(one):
    return {name: getattr(one, name) for name in one.__slots__}
