"""The form's leave to run anywhere: asked only where there is a cluster, or where the job has it already."""

from engine.protocol.cluster import BackendView
from engine.protocol.fields import JobFields
from engine.protocol.responses import Preview
from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.screens.submit import SubmitScreen
from rcq_tui.tui.widgets.field import Tick

BOTH = [BackendView(name="process", state="ok"), BackendView(name="slurm", state="ok", nodes_open=2, nodes_total=2)]


async def opened(app, pilot, until, text):
    await until(pilot, lambda: "eval" in text(app))
    await pilot.press("s")
    await until(pilot, lambda: isinstance(app.screen, SubmitScreen) and "Preemptible" in text(app))


async def test_it_is_not_asked_where_there_is_no_cluster(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(120, 30)) as pilot:
        await opened(app, pilot, until, text)
        assert "Anywhere" not in text(app)


async def test_it_is_asked_and_sent_where_there_is_one(box, until, text):
    fake = box.busy()
    fake.figures = box.figures(backends=BOTH)
    fake.expect("submit", JobFields(script="true", workdir="/home/ada/work", gpus=1, anywhere=True), answer=160)
    app = box.app(fake)
    async with app.run_test(size=(120, 34), notifications=True) as pilot:
        await opened(app, pilot, until, text)
        assert "on Slurm if there is no room here" in text(app)
        app.screen.query_one("#in-script").value = "true"
        app.screen.query_one("#in-anywhere", Tick).focus()
        await pilot.press("space")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen) and "Submitted as job 160." in text(app))
    fake.finish()


async def test_what_would_help_is_ticked_in_the_form(box, until, text):
    fake = box.busy()
    fake.figures = box.figures(backends=BOTH)
    helps = [{"start_at": box.NOW, "changes": [{"code": "ANYWHERE"}]}]
    told = Preview(starts_now=False, expected_start=None, position=1, pending=1, helps=helps)
    fake.previews = lambda _job: told
    app = box.app(fake)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, until, text)
        app.screen.query_one("#in-script").value = "true"
        await until(pilot, lambda: "With --anywhere, on Slurm, it starts now." in text(app))
        await pilot.press("ctrl+l")
        await until(pilot, lambda: app.screen.text_of("anywhere") == "yes")


async def test_a_job_that_has_it_shows_it_wherever_it_is_edited(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(120, 34)) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        app.push_screen(SubmitScreen(JobFields(script="true", anywhere=True)))
        await until(pilot, lambda: "Anywhere" in text(app))
        assert app.screen.text_of("anywhere") == "yes"
