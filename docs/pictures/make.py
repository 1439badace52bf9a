"""Makes the pictures of the README from the running program: `python docs/pictures/make.py`.

It starts the demo's engine, takes the demo's jobs in, opens the real terminal UI on it without a terminal, and writes
what it shows after some seconds as SVG beside this file.
"""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from rcq_tui.cli.demo.host import Host
from rcq_tui.cli.demo.people import load_people, settle
from rcq_tui.cli.demo.verb import SHIPPED
from rcq_tui.cli.demo.workload import take_all_in
from rcq_tui.client.api import Api
from rcq_tui.tui.app import RcqApp

HERE = Path(__file__).parent
SIZE = (132, 36)
FULL_HISTORY_S = 14.0
PATIENCE_S = 30.0


async def until(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
    """Let the application run until the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await pilot.pause(0.1)


def save(app: RcqApp, name: str) -> None:
    """What the application shows, without the fonts that the export would load from elsewhere."""
    drawn = app.export_screenshot(title="rcq")
    (HERE / name).write_text(re.sub(r"@font-face\s*{[^}]*}\s*", "", drawn), encoding="utf-8")


async def shoot(host: Host) -> None:
    """Dashboard, a running job with its log, the submit form."""
    people = settle(host.wire(None), load_people(SHIPPED / "people.toml"))
    take_all_in(people, SHIPPED / "jobs", spare_impossible=False)
    api = Api(host.socket, people.admin.token)
    app = RcqApp(api, workdir="/home/ada/experiments")
    try:
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: bool(app.jobs) and bool(app.gpus))
            await asyncio.sleep(FULL_HISTORY_S)
            await until(pilot, lambda: sum(job.state == "running" for job in app.jobs) > 1)
            save(app, "dashboard.svg")
            await pilot.press("g", "enter")
            await asyncio.sleep(3.0)
            save(app, "job.svg")
            await pilot.press("escape", "s")
            await asyncio.sleep(1.0)
            save(app, "submit.svg")
    finally:
        await api.close()


def main() -> None:
    """Make all pictures."""
    with Host(SHIPPED, None, False) as host:
        asyncio.run(shoot(host))


if __name__ == "__main__":
    main()
