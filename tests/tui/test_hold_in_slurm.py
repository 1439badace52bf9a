"""A job that waits in Slurm's queue is held like a pending one, one that is only being started here is not."""

from dataclasses import replace

import pytest

from rcq_tui.client.fake import FakeApi
from rcq_tui.tui.jobdeeds import JobDeeds

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(("place", "held"), [("slurm", True), ("", False)])
async def test_hold_of_a_scheduled_job(box, until, text, place, held):
    fake: FakeApi = box.busy()
    fake.rows[146] = replace(fake.rows[146], state="scheduled", place=place)
    if held:
        fake.expect("hold", 146)
    app = box.app(fake)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: "prepare-data" in text(app))
        JobDeeds(app).toggle_hold([fake.rows[146]])
        told = "Only a pending job can be held; job 146 is scheduled"
        await until(pilot, lambda: fake.rows[146].state == "held" if held else told in text(app))
    fake.finish()
