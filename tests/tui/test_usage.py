"""Usage as a screen: one's own first, days under the cursor, refusals, sources."""

import pytest

from rcq_tui.tui.screens.sources import SourcesScreen
from rcq_tui.tui.screens.usage import UsageScreen


@pytest.fixture
def fake(box, plans):
    return plans.script(box.busy(), box)


async def go(app, pilot, until, text, wanted="GPU-hours a day of all groups"):
    await until(pilot, lambda: "eval" in text(app))
    await pilot.press("4")
    await until(pilot, lambda: isinstance(app.screen, UsageScreen) and wanted in text(app))


async def test_a_line_shows_its_own_days_and_why(box, fake, until, text):
    app = box.app(fake)
    async with app.run_test(size=(100, 32)) as pilot:
        await go(app, pilot, until, text)
        assert text(app).index("vision") < text(app).index("★ada") < text(app).index("nlp")
        assert "70.0 of 75" in text(app) and "██ vision" in text(app)
        await pilot.press("j", "j")
        await until(pilot, lambda: "GPU-hours a day of ada of vision, 30 days" in text(app))
        assert "ada used 12% of what counts, and 25% is its due: its jobs score times 1.60" in text(app)
        await pilot.press("j", "u")
        await until(pilot, lambda: "kWh a day of mia of vision" in text(app))
        assert "\x1b" not in text(app)
    assert app.remembered.of("usage-energy", False)


async def test_other_days_are_asked_for_and_remembered(box, fake, until, text):
    app = box.app(fake)
    async with app.run_test(size=(100, 32)) as pilot:
        await go(app, pilot, until, text)
        await pilot.press("minus", "minus")
        await until(pilot, lambda: ("usage_days", 90, None) in fake.calls)
        await pilot.press("plus")
        await until(pilot, lambda: fake.calls.count(("usage_days", 30, None)) == 2)
    assert app.remembered.of("usage-span", 0) == 1


async def test_where_the_numbers_come_from(box, fake, until, text):
    app = box.app(fake)
    async with app.run_test(size=(100, 40)) as pilot:
        await go(app, pilot, until, text)
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, SourcesScreen) and "halved every 7 days" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, UsageScreen))


async def test_who_may_not_see_it_is_told_so(box, fake, until, text):
    fake.report = None
    app = box.app(fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await go(app, pilot, until, text, "This account may not see usage.")
        await pilot.press("j", "k", "G", "u", "i", "minus")
        await pilot.pause()
        assert isinstance(app.screen, UsageScreen)


async def test_nothing_used_and_no_engine(box, fake, until, text):
    fake.daily = None
    app = box.app(fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await go(app, pilot, until, text, "Nothing was used in these days.")
        fake.cut_off()
        await until(pilot, lambda: "Disconnected" in text(app) and "★ada" in text(app))
