"""Places: by number, by name, by mouse; each is declared with its command, and leaving one leads to the first."""

from rcq_tui.tui.commands import COMMANDS
from rcq_tui.tui.places import PLACES
from rcq_tui.tui.screens.base import PlaceScreen
from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.widgets.placebar import PlaceBar


def test_every_place_has_its_command_and_every_screen_its_place():
    for place in PLACES:
        command = COMMANDS[place.name]
        assert (command.keys, command.says, command.everywhere) == ((place.key,), place.name, True)
        if place.module:
            screen = place.screen()
            assert isinstance(screen, PlaceScreen)
            assert screen.place == place.name


async def test_numbers_clicks_and_escape_lead_about(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "141 ada" in text(app))
        for place in PLACES:
            await pilot.press(place.key)
            await until(pilot, lambda name=place.name: app.screen.place == name)
            await until(pilot, lambda label=f"[{place.key} {place.label}]": label in text(app).splitlines()[0])
        at = text(app).splitlines()[0].index("2 queue")
        await pilot.click(PlaceBar, offset=(at, 0))
        await until(pilot, lambda: app.screen.place == "queue")
        for place in (one for one in PLACES if one.module):
            await pilot.press(place.key)
            await until(pilot, lambda name=place.name: app.screen.place == name)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        assert "Traceback" not in text(app)
