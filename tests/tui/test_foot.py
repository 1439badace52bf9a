"""The foot of a screen: whole keys only, and the way to the others never falls off."""

import pytest

from rcq_tui.tui.widgets.foot import Foot, fitting


@pytest.mark.parametrize(
    ("room", "shown"), [(40, [0, 1, 2, 3]), (39, [0, 1, 2]), (30, [0, 1, 2]), (29, [0, 2]), (20, [0, 2]), (9, [2])]
)
def test_keys_that_do_not_fit_are_left_out_but_for_help(room, shown):
    assert fitting([10, 10, 10, 10], room, 2) == shown


def words(app):
    return [key.description for key in app.screen.query_one(Foot).shown]


async def test_help_stays_at_every_width(box, until):
    app = box.app(box.busy())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "help" in words(app))
        assert "quit" not in words(app)
        await pilot.resize_terminal(40, 12)
        await until(pilot, lambda: "help" in words(app) and "mine" not in words(app))
        await pilot.resize_terminal(220, 60)
        await until(pilot, lambda: {"help", "quit", "mine"} <= set(words(app)))


async def test_a_click_on_a_key_presses_it(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: "help" in words(app))
        at = text(app).splitlines()[-1].index("mine")
        await pilot.click(Foot, offset=(at, 0))
        await until(pilot, lambda: "my jobs" in text(app))
