"""Makes ready what is opened later, once the first picture stands: else the first visit to each place pays for it.

A little at a time, so that a key waits for no more than one of the steps. Must not know what a place shows.
"""

import asyncio
from pathlib import Path
from typing import Any

from textual.app import App

from rcq_tui.tui.places import PLACES

_CALM_S = 0.25
"""Between two steps: other things come first."""


async def warm(app: App[Any]) -> None:
    """Import the screens of all places and read all style sheets.

    Textual would read a screen's sheet when that opens, parse every other one again, and style all that there is anew.
    """
    for place in PLACES:
        if place.module:
            await asyncio.sleep(_CALM_S)
            await asyncio.to_thread(place.load)
    for path in sorted(Path(__file__).parent.rglob("*.tcss")):
        if not app.stylesheet.has_source(str(path), ""):
            await asyncio.sleep(_CALM_S)
            app.stylesheet.read(path)
            app.stylesheet.parse()
