"""The pages of the job screen: each is a key away, says what it has to, and is remembered; jobs are made from jobs."""

from dataclasses import replace

import pytest

from engine.protocol.errors import Refused
from engine.protocol.responses import AttemptView, MeasuresView
from engine.protocol.series import JobSeries, SeriesPoints
from engine.protocol.snapshots import Snapshot
from engine.protocol.uploads import FileView
from rcq_tui.tui.screens.confirm import ConfirmScreen
from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.screens.job import JobScreen
from rcq_tui.tui.screens.submit import SubmitScreen

DIFF = "diff --git a/x.py b/x.py\n@@ -1 +1 @@\n-old line\n+new line\n"


@pytest.fixture
def rich(box):
    """The busy box with everything on job 141 that a job may have."""
    fake = box.busy()
    now = box.NOW
    past = AttemptView(
        attempt=1, state="preempted", cause="gpu-fault", exit_code=None, signal=None, started_at=now - 6000,
        ended_at=now - 5000, gpu_indices=[4], message="its card fell",
    )  # fmt: skip
    fake.rows[141] = replace(
        fake.rows[141], submitted_at=now - 6100, attempt=2, attempts=[past],
        script="#!/bin/bash\n#RCQ --gpus 2\ntrain\n",
        environment={"SEED": "7", "EVIL": "[red]\x1b[31mx"}, tags={"paper": "iccv"},
        snapshot=Snapshot(upload="u1", commit="0123456789abcdef", branch="main", dirty=True, diff="u2"),
        files=[FileView(name="data.csv", upload="u3", size=12_000_000)],
        measures=MeasuresView(
            energy_kwh=1.24, peak_gpu_memory_mb=31_949, gpu_utilization=0.23, gpus=2, gpus_used=1
        ),
    )  # fmt: skip
    fake.diffs[141] = DIFF
    points = SeriesPoints(
        gpu_utilization=[0.1, None, 0.9] * 20, gpu_memory_mb=[1000, None, 30_000] * 20, power_w=[80.0, None, 280.0] * 20
    )
    fake.lives[141, 2] = JobSeries(
        id=141, attempt=2, attempts=[1, 2], gpus=2, step_s=64.0, start_at=now - 4380, points=points
    )
    return fake


async def to_job(app, pilot, until, text):
    await until(pilot, lambda: "eval" in text(app))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, JobScreen) and "[2 log]" in text(app))


SAYS = {
    "1": ("submitted 12:23", "1  preempted (gpu fault) after 16m40s on GPU 4", "its card fell",
          "23% busy", "2 asked, 1 used", "1.24 kWh"),
    "3": ("Attempt 2 of 2", "GPU use", "50% in the mean, 90% at most", "GPU memory", "power", "280W at most"),
    "4": ("SEED=7", "EVIL=[red]x", "paper=iccv"),
    "5": ("1  #!/bin/bash", "2  #RCQ --gpus 2", "3  train"),
    "6": ("0123456789abcdef", "changed since that commit", "-old line", "+new line"),
    "7": ("/var/lib/rcq/jobs/141", "data.csv", "F fetches what it left so far"),
}  # fmt: skip


@pytest.mark.parametrize("size", [(80, 40), (220, 60)])
async def test_each_page_says_what_it_has_to(rich, box, until, text, size):
    app = box.app(rich)
    async with app.run_test(size=size) as pilot:
        await to_job(app, pilot, until, text)
        for key, said in SAYS.items():
            await pilot.press(key)
            await until(pilot, lambda said=said: all(one in text(app) for one in said))
            assert "\x1b" not in text(app)


async def test_pages_are_turned_and_the_last_one_is_remembered(rich, box, until, text):
    app = box.app(rich)
    async with app.run_test(size=(120, 36)) as pilot:
        await to_job(app, pilot, until, text)
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "[3 plot]" in text(app))
        await pilot.press("tab")
        await until(pilot, lambda: "[4 environment]" in text(app))
        await pilot.press("shift+tab", "left_square_bracket", "left_square_bracket", "left_square_bracket")
        await until(pilot, lambda: "[7 files]" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "[7 files]" in text(app))


async def test_a_page_is_clicked(rich, box, until, text):
    app = box.app(rich)
    async with app.run_test(size=(120, 36)) as pilot:
        await to_job(app, pilot, until, text)
        row = text(app).splitlines()
        y = next(at for at, line in enumerate(row) if "[2 log]" in line)
        await pilot.click(offset=(row[y].index("5 command"), y))
        await until(pilot, lambda: "#RCQ --gpus 2" in text(app))


async def test_once_more_asks_and_opens_the_new_job(rich, box, until, text):
    app = box.app(rich)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await to_job(app, pilot, until, text)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        rich.expect("redo", 141, answer=143)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, JobScreen) and app.screen.number == 143)
        await until(pilot, lambda: "as job 143" in text(app))
        rich.finish()


async def test_what_runs_is_not_edited_and_a_clone_opens_the_form(rich, box, until, text):
    app = box.app(rich)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await to_job(app, pilot, until, text)
        await pilot.press("e")
        await until(pilot, lambda: "Only a job that has not started can be edited" in text(app))
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, SubmitScreen))


async def test_results_are_fetched_and_a_file_there_is_asked_about(rich, box, until, text, tmp_path):
    app = box.app(rich)
    app.workdir = str(tmp_path)
    there = tmp_path / "job-141.zip"
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await to_job(app, pilot, until, text)
        rich.expect("results", 141, there, answer=b"zip")
        await pilot.press("F")
        await until(pilot, lambda: "job-141.zip: 3B" in text(app))
        await pilot.press("F")
        await until(pilot, lambda: "Replace job-141.zip?" in text(app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, JobScreen))
        assert there.read_bytes() == b"zip"
        await pilot.press("F")
        await until(pilot, lambda: "Replace job-141.zip?" in text(app))
        rich.expect("results", 141, there.with_name(".job-141.zip.new"), answer=b"newer")
        await pilot.press("y")
        await until(pilot, lambda: there.read_bytes() == b"newer")
        assert [one.name for one in tmp_path.iterdir()] == ["job-141.zip"]


async def test_in_a_browser_nothing_is_saved(rich, box, until, text):
    app = box.app(rich, at_home=False)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await to_job(app, pilot, until, text)
        await pilot.press("F")
        await until(pilot, lambda: "Nothing is saved from here" in text(app))


async def test_what_is_kept_from_a_manager_is_said(rich, box, until, text):
    rich.rows[141] = replace(
        rich.rows[141], script=None, environment={}, files=[], snapshot=None,
        withheld=["environment", "script", "files", "snapshot"],
    )  # fmt: skip
    app = box.app(rich)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await to_job(app, pilot, until, text)
        for key in "4567":
            await pilot.press(key)
            await until(pilot, lambda: "Only its owner sees this" in text(app))
        await pilot.press("D")
        await until(pilot, lambda: "Only its owner may do that" in text(app))


async def test_a_session_that_ends_on_a_page_leads_to_the_log_in(rich, box, until, text, monkeypatch):
    app = box.app(rich)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await to_job(app, pilot, until, text)

        async def ended(*_args):
            raise Refused("UNAUTHENTICATED", "Log in: rcq login NAME")

        monkeypatch.setattr(rich, "series", ended)
        await pilot.press("3")
        await until(pilot, lambda: "Password" in text(app))
