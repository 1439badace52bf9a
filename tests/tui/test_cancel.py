"""Nothing is cancelled without a clear yes to a question that names the job."""

from engine.protocol.errors import Refused
from rcq_tui.tui.screens.confirm import ConfirmScreen
from rcq_tui.tui.screens.dashboard import DashboardScreen


async def asked(app, pilot, until, text):
    await until(pilot, lambda: "eval" in text(app))
    await pilot.press("c")
    await until(pilot, lambda: isinstance(app.screen, ConfirmScreen) and "Cancel job 141?" in text(app))


async def test_the_question_names_the_job_and_yes_cancels_it(box, until, text):
    fake = box.busy()
    fake.expect("cancel", 141)
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await asked(app, pilot, until, text)
        for piece in ("resnet-lr3e-4", "ada (vision)", "running for 1h13m", "all of its processes are ended"):
            assert piece in text(app), piece
        await pilot.press("y")
        await until(pilot, lambda: "Job 141 is cancelled." in text(app))
        await until(pilot, lambda: 141 not in {job.id for job in app.jobs})
    fake.finish()


async def test_only_a_clear_yes_counts(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        for leaving in ("n", "escape", "enter"):
            await asked(app, pilot, until, text)
            await pilot.press(leaving)
            await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        await asked(app, pilot, until, text)
        app.screen.set_focus(None)
        await pilot.press("c", "q", "space", "j", "s", "H", "x", "delete")
        assert isinstance(app.screen, ConfirmScreen)
    assert not [call for call in fake.calls if call[0] in {"cancel", "hold", "submit"}]


async def test_a_refusal_is_shown(box, until, text):
    fake = box.busy()
    fake.expect("cancel", 141, answer=Refused("INVALID_STATE", "Job 141 has ended [bold]already[/bold]."))
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await asked(app, pilot, until, text)
        await pilot.press("y")
        await until(pilot, lambda: "Job 141 has ended [bold]already[/bold]." in text(app))


async def test_an_ended_job_is_not_even_asked_about(box, until, text):
    fake = box.busy()
    fake.rows = {139: fake.rows[139]}
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "Nothing is queued" in text(app))
        await pilot.press("f")
        await until(pilot, lambda: "typo" in text(app))
        await pilot.press("c")
        await until(pilot, lambda: "Job 139 has ended already (failed)." in text(app))
        assert isinstance(app.screen, DashboardScreen)
