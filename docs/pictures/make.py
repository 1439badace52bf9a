"""Makes the pictures of README and tour from the running program: `python docs/pictures/make.py`.

It starts the demo's engine, takes the demo's jobs in, opens the real terminal UI on it without a terminal, goes through
its places as a person would, and writes what it shows as SVG beside this file.
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from textual.pilot import Pilot

from rcq_tui.cli.demo.host import Host
from rcq_tui.cli.demo.people import load_people, settle
from rcq_tui.cli.demo.verb import SHIPPED
from rcq_tui.cli.demo.workload import take_all_in
from rcq_tui.client.api import Api
from rcq_tui.tui.app import RcqApp
from rcq_tui.viewmodel.units import seconds

HERE = Path(__file__).parent
SIZE = (132, 36)
FULL_HISTORY_S = 14.0
PATIENCE_S = 30.0
LOOK_S = 1.5
"""What a screen fetches has come by then."""


class Shot(NamedTuple):
    """A picture: its name, what is typed before it (a text in quotes letter by letter), what it has to show."""

    name: str
    keys: Sequence[str]
    shows: str


DAY = (
    Shot("queue", ("2",), "pending"),
    Shot("submit", ("1", "s", *"python train.py --lr 3e-4"), "start"),
)
"""While the demo's jobs still wait."""

FULL = (
    Shot("dashboard", ("escape",), "Queue"),
    Shot("job", ("g", "enter", "2"), "stdout"),
    Shot("usage", ("escape", "4"), "vision"),
    Shot("admin", ("colon", *"audit", "enter"), "job.submit"),
    Shot("line", ("1", "colon", *"c"), "cancel"),
)
"""Once two minutes of the cards have something to show."""

NIGHT = (
    Shot("plan", ("escape", "3", "colon", *"book 1 from +5h for 3h", "enter"), "booked"),
    Shot("resources", ("1", "g", "enter", "3"), "GPU use"),
)
"""With the long jobs of NIGHT_JOBS."""

NIGHT_JOBS = (
    ("alice", "vit-large-4gpu", 2, "3h"),
    ("bob", "llama-lora", 1, "5h"),
    ("carol", "cryoem-refine", 1, "90m"),
    ("alice", "imagenet-full", 4, "2h"),
    ("bob", "eval-all", 1, "45m"),
    ("carol", "md-production", 1, "4h"),
    ("ada", "my-ablation", 1, "2h"),
)


async def until(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
    """Let the application run until the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await pilot.pause(0.1)


def seen(app: RcqApp) -> str:
    """What the screen shows, as text."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def save(app: RcqApp, name: str) -> None:
    """What the application shows, without the fonts that the export would load from elsewhere."""
    drawn = app.export_screenshot(title="rcq")
    (HERE / f"{name}.svg").write_text(re.sub(r"@font-face\s*{[^}]*}\s*", "", drawn), encoding="utf-8")


async def take(app: RcqApp, pilot: Pilot[int], shots: Sequence[Shot]) -> None:
    """These pictures."""
    for shot in shots:
        for key in shot.keys:
            await pilot.press("space" if key == " " else key)
        await until(pilot, lambda words=shot.shows: words in seen(app))  # type: ignore[misc]
        await asyncio.sleep(LOOK_S)
        await pilot.pause()
        save(app, shot.name)


async def shoot(host: Host) -> None:
    """Every picture, one after the other."""
    people = settle(host.wire(None), load_people(SHIPPED / "people.toml"))
    take_all_in(people, SHIPPED / "jobs", spare_impossible=False)
    api = Api(host.socket, people.admin.token)
    app = RcqApp(api, workdir="/home/ada/experiments")
    try:
        async with app.run_test(size=SIZE) as pilot:
            began = time.monotonic()
            await until(pilot, lambda: sum(job.state == "running" for job in app.jobs) > 2)
            await take(app, pilot, DAY)
            await asyncio.sleep(max(0.0, FULL_HISTORY_S - time.monotonic() + began))
            await until(pilot, lambda: sum(job.state == "running" and job.gpus > 0 for job in app.jobs) > 1)
            await take(app, pilot, FULL)
            await until(pilot, lambda: not app.jobs)
            for who, name, gpus, limit in NIGHT_JOBS:
                job = {"name": name, "script": "exec sleep infinity", "gpus": gpus, "time_limit_s": seconds(limit)}
                tags = {"sim_load": "0.9", "sim_memory_mb": "30000"}
                people.wires.get(who, people.admin).request("POST", "/v1/jobs", body={**job, "tags": tags})
            await until(pilot, lambda: sum(job.state == "running" for job in app.jobs) > 2)
            await asyncio.sleep(FULL_HISTORY_S)
            await take(app, pilot, NIGHT)
    finally:
        await api.close()


def main() -> None:
    """Make all pictures."""
    with Host(SHIPPED, None, False) as host:
        asyncio.run(shoot(host))


if __name__ == "__main__":
    main()
