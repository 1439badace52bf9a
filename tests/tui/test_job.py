"""The job screen: facts, reasons in sentences, and a log that follows."""

from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.screens.job import JobScreen
from rcq_tui.tui.widgets.lines import Lines


async def opened(app, pilot, until, text, downs=0):
    await until(pilot, lambda: "eval" in text(app))
    await pilot.press(*["j"] * downs, "enter")
    await until(pilot, lambda: isinstance(app.screen, JobScreen) and "ada (vision)" in text(app))


async def test_facts_and_log(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await opened(app, pilot, until, text)
        await until(pilot, lambda: "epoch 39/90" in text(app))
        screen = text(app)
        for piece in ("job 141  resnet-lr3e-4  running for 1h13m", "ada (vision)  GPUs 2 (0,1)  4 cores",
                      "ends by 16:52", "[2 log]", "[stdout]", "following"):  # fmt: skip
            assert piece in screen, piece
        assert "epoch 40/90  61% |######" in screen, "the line that is still being written"
        assert "  0%" not in screen, "what a carriage return has overwritten is gone"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))


async def test_the_log_follows_until_somebody_scrolls_up(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await opened(app, pilot, until, text)
        await until(pilot, lambda: "epoch 39/90" in text(app))
        fake.logs[141, "stdout"] += b"\nepoch 41/90 done\n"
        await until(pilot, lambda: "epoch 41/90 done" in text(app))
        await pilot.press("g")
        await until(pilot, lambda: "epoch  0/90" in text(app) and "not following" in text(app))
        fake.logs[141, "stdout"] += b"".join(b"later %d\n" % at for at in range(60))
        view = app.screen.query_one(Lines)
        await until(pilot, lambda: view.count == 102)
        assert "epoch  0/90" in text(app)
        await pilot.press("G")
        await until(pilot, lambda: "later 59" in text(app))
        fake.logs[141, "stdout"] += b"and on\n"
        await until(pilot, lambda: "and on" in text(app))


async def test_stderr_is_one_key_away_and_hostile_text_is_harmless(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await opened(app, pilot, until, text)
        await pilot.press("o")
        await until(pilot, lambda: "warning: [bold]this is not markup[/bold]" in text(app))
        assert "[stderr]" in text(app)
        assert "nor a title" not in text(app)
        assert "epoch 39" not in text(app)
        await pilot.press("o")
        await until(pilot, lambda: "epoch 39" in text(app))


async def test_every_reason_is_a_sentence(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await opened(app, pilot, until, text, downs=5)
        await until(pilot, lambda: "Why it waits" in text(app))
        for piece in ("Position 1", "Promised to start at 14:50 (in 45m00s)",
                      "Needs 4 GPUs; 1 of the 8 cards that match is free.",
                      "GPU 2 is too hot: 81°C, and no job starts at 75°C or above; back below 70°C.",):  # fmt: skip
            assert piece in text(app), piece


async def test_a_job_that_ends_settles_and_is_left_alone(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await opened(app, pilot, until, text)
        fake.logs[141, "stdout"] += b"\nbye\n"
        fake.change(141, state="failed", cause="signal", signal=9, ended_at=box.NOW)
        await until(pilot, lambda: "failed after 1h13m: killed by SIGKILL" in text(app) and "complete" in text(app))
        assert "bye" in text(app)
        await until(pilot, lambda: "141" not in {str(job.id) for job in app.jobs})
        asked = sum(call[:2] == ("log", 141) for call in fake.calls)
        await pilot.pause(0.2)
        assert sum(call[:2] == ("log", 141) for call in fake.calls) <= asked + 1


async def test_a_job_that_vanished_says_so_and_goes_back(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        del fake.rows[141]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen) and "There is no job 141" in text(app))


async def test_disconnected_is_said_here_too(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await opened(app, pilot, until, text)
        await until(pilot, lambda: fake.listeners)
        fake.cut_off()
        await until(pilot, lambda: "Disconnected, trying again" in text(app))
        fake.logs[141, "stdout"] += b"\nmeanwhile\n"
        fake.mend()
        await until(pilot, lambda: "meanwhile" in text(app) and "Disconnected" not in text(app))
