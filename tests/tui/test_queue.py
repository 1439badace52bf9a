"""The queue is marked, sorted, folded and given columns; commands act on what is marked, and what was chosen stays."""

import asyncio
from dataclasses import replace

import pytest

from engine.protocol.errors import Refused
from engine.protocol.responses import ArrayChanged
from rcq_tui.tui.remembered import Remembered
from rcq_tui.tui.screens.columns import ColumnsScreen
from rcq_tui.tui.screens.confirm import ConfirmScreen
from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.widgets.field import Field
from rcq_tui.tui.widgets.queue_table import QueueTable


def table(app):
    return app.screen.query_one(QueueTable)


def listed(app):
    return [job.id for job in table(app)._jobs]


def with_array(box):
    """A box in which 70 of 100 elements wait, 30 are done."""
    fake = box.busy()
    for index in range(100):
        done = {"state": "completed", "cause": "exit", "exit_code": 0, "started_at": box.NOW - 9, "ended_at": box.NOW}
        fake.rows[1000 + index] = box.job(
            1000 + index, name="sweep", array_parent=1000, array_index=index, **(done if index < 30 else {})
        )
    return fake


@pytest.fixture
def shown(until, text):
    async def start(app, pilot):
        await until(pilot, lambda: "eval" in text(app) and table(app).selected)

    return start


async def test_marked_jobs_are_cancelled_together_and_told_in_one_line(box, until, text, shown):
    fake = box.busy()
    for number in (151, 153):
        fake.expect("cancel", number)
    fake.expect("cancel", 154, answer=Refused("INVALID_STATE", "Job 154 has ended."))
    app = box.app(fake)
    async with app.run_test(size=(110, 40), notifications=True) as pilot:
        await shown(app, pilot)
        await pilot.press(*"jjjjj", "space", "j", "space", "space")
        assert "3 marked" in text(app)
        assert [job.id for job in table(app).chosen] == [151, 153, 154]
        await pilot.press("g", "c")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen) and "Cancel 3 jobs?" in text(app))
        assert "gang-of-four" in text(app)
        assert "They leave the queue." in text(app)
        await pilot.press("y")
        await until(pilot, lambda: "2 cancelled, 1 had ended already." in text(app))
        await until(pilot, lambda: 151 not in listed(app))
        await pilot.press("escape")
        assert "marked" not in text(app)
    fake.finish()


async def test_many_jobs_want_their_number_typed_and_other_peoples_are_left_alone(box, until, text, shown):
    fake = with_array(box)
    app = box.app(fake)
    async with app.run_test(size=(110, 40), notifications=True) as pilot:
        await shown(app, pilot)
        await pilot.press("asterisk", "c")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen) and "Cancel 79 jobs?" in text(app))
        assert "and 71 more" in text(app)
        assert "type 79 to go on" in text(app)
        await until(pilot, lambda: "4 of them are other people's and are left alone." in text(app))
        await pilot.press("y", "enter")
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
    assert not [call for call in fake.calls if call[0] in {"cancel", "change_array"}]


async def test_a_row_of_elements_opens_and_is_acted_on_as_one(box, until, text, shown):
    fake = with_array(box)
    fake.expect("change_array", 1000, "hold", "30-99", answer=ArrayChanged(array=1000, changed=69, unchanged=1))
    app = box.app(fake)
    async with app.run_test(size=(110, 40), notifications=True) as pilot:
        await shown(app, pilot)
        await until(pilot, lambda: "70x sweep[30" in text(app))
        await pilot.press("G", "H")
        await until(pilot, lambda: "Hold 70 elements of array 1000?" in text(app))
        await pilot.press(*"70", "enter")
        await until(pilot, lambda: "69 on hold, 1 not pending." in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "array 1000, its elements" in text(app) and len(listed(app)) == 100)
        await pilot.press("escape")
        await until(pilot, lambda: "everybody's jobs" in text(app) and table(app).selected.folded == 70)
        await pilot.press("a")
        await until(pilot, lambda: 1099 in listed(app))
    fake.finish()


async def test_an_ended_job_runs_again_at_once_a_running_one_after_a_question(box, until, text, shown):
    fake = box.busy()
    fake.expect("requeue", 139)
    app = box.app(fake)
    async with app.run_test(size=(110, 40), notifications=True) as pilot:
        await shown(app, pilot)
        await pilot.press("R")
        await until(pilot, lambda: "Run again job 141?" in text(app) and "begins anew" in text(app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        await pilot.press("f")
        await until(pilot, lambda: "typo" in text(app))
        await pilot.press("G", "R")
        await until(pilot, lambda: "Job 139 is queued again." in text(app))
    fake.finish()


async def test_orders_by_key_by_name_and_by_a_click_on_a_title(box, until, text, shown):
    app = box.app(box.busy())
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await shown(app, pilot)
        await pilot.press("S")
        await until(pilot, lambda: listed(app) == sorted(listed(app), reverse=True) and "id▼" in text(app))
        await pilot.press("O")
        await until(pilot, lambda: listed(app) == sorted(listed(app)) and "id▲" in text(app))
        x = text(app).splitlines()[table(app).region.y].index("who")
        await pilot.click(QueueTable, offset=(x, 0))
        await until(pilot, lambda: "by account ▲" in text(app))
        await pilot.press("colon", *"sort queue", "enter")
        await until(pilot, lambda: "  by " not in text(app))
        await pilot.press("O")
        await until(pilot, lambda: "The plan's order has no other way round." in text(app))
        await pilot.press("colon", *"sort colour", "enter")
        await until(pilot, lambda: "There is no order colour." in text(app))


async def test_columns_are_chosen_and_stay_as_does_the_look_and_the_place(box, until, text, shown, tmp_path):
    kept = tmp_path / "tui.json"
    app = box.app(box.busy(), remembered=Remembered(kept))
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await shown(app, pilot)
        await pilot.press("m", "C")
        await until(pilot, lambda: isinstance(app.screen, ColumnsScreen) and "what it tells" in text(app))
        await pilot.press("j", "space", "j", "K", "K", "enter")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        assert table(app).keys == ("id", "state", "who", "what", "gpus", "spent", "why")
        await pilot.press("colon", *"columns nonsense", "enter")
        await until(pilot, lambda: "There is no column nonsense." in text(app))
        await pilot.press("j", "j", "j")
        assert table(app).selected.id == 151
    again = box.app(box.busy(), remembered=Remembered(kept))
    async with again.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: "my jobs" in text(again) and table(again).selected)
        assert table(again).keys[:2] == ("id", "state")
        assert table(again).selected.id == 151


async def test_what_the_engine_does_not_understand_is_said_beside_the_line(box, until, text, shown):
    app = box.app(box.busy())
    async with app.run_test(size=(110, 40), notifications=True) as pilot:
        await shown(app, pilot)
        await pilot.press("slash")
        app.screen.query_one("#filter", Field).value = "state:lost"
        await until(pilot, lambda: "there is no state 'lost'" in text(app))
        assert not app._notifications
        app.screen.query_one("#filter", Field).value = "state:held"
        await until(pilot, lambda: listed(app) == [158] and "no state" not in text(app))
        await pilot.press("enter", "slash", "backspace", "up")
        assert app.screen.query_one("#filter", Field).value == "state:held"
        await pilot.press("down")
        assert app.screen.query_one("#filter", Field).value == "state:hel"
        await pilot.press("escape")
        await until(pilot, lambda: len(listed(app)) == 13)
        await pilot.press("colon", *"filter gpus:4", "enter")
        await until(pilot, lambda: listed(app) == [151])


async def test_an_old_answer_never_overwrites_a_newer_one(box, until, shown):
    fake = box.busy()
    app = box.app(fake)
    late = asyncio.Event()
    answer = fake.jobs

    async def slow(wanted):
        if wanted.search == "resnet":
            await late.wait()
        return await answer(wanted)

    fake.jobs = slow
    async with app.run_test(size=(110, 40), notifications=True) as pilot:
        await shown(app, pilot)
        await pilot.press("slash")
        field = app.screen.query_one("#filter", Field)
        field.value = "resnet"
        await until(pilot, lambda: app.look.search == "resnet")
        await pilot.pause(0.05)
        field.value = "gang"
        await until(pilot, lambda: listed(app) == [151])
        late.set()
        await pilot.pause(0.05)
        assert listed(app) == [151]


async def test_wheel_scrolling_stays_where_it_is_when_the_queue_changes(box, until):
    fake = box.busy()
    fake.rows = {number: box.job(number, position=number) for number in range(1000, 1060)}
    app = box.app(fake)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: table(app).selected)
        table(app).scroll_to(y=30, animate=False, force=True)
        await until(pilot, lambda: table(app).scroll_offset.y == 30)
        fake.rows[1059] = replace(fake.rows[1059], name="renamed")
        fake.emit("queue")
        await until(pilot, lambda: table(app)._jobs[-1].name == "renamed")
        assert table(app).scroll_offset.y == 30
        assert table(app).selected.id == 1000
