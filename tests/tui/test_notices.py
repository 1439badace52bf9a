"""What people are told while it lasts: a message when it begins, a sign in the queue, sentences on the job's screen."""

from dataclasses import replace

from engine.protocol.responses import MeasuresView
from rcq_tui.tui.screens.job import JobScreen

IDLE = {"code": "GPU_IDLE", "at": 1.0, "gpus": 2, "idle_s": 2520}


async def test_a_message_when_it_begins_and_a_sign_while_it_lasts(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: "resnet-lr3e-4" in text(app) and fake.listeners)
        fake.rows[141] = replace(fake.rows[141], notices=[IDLE])
        fake.emit("notice", {"job": 141, **IDLE})
        await until(pilot, lambda: "Job 141: It has not used any of its 2" in text(app))
        await until(pilot, lambda: "! no GPU in use for 42m00s" in text(app))
        fake.rows[141] = replace(fake.rows[141], notices=[])
        fake.emit("queue")
        await until(pilot, lambda: "! no GPU" not in text(app))


async def test_what_a_stranger_wrote_into_it_is_harmless(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    told = {
        "code": "FOREIGN_PROCESS",
        "at": 1.0,
        "gpu": "GPU-1",
        "index": 3,
        "pid": 9,
        "memory_mb": 512,
        "charged": False,
    }
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: "resnet-lr3e-4" in text(app) and fake.listeners)
        fake.emit("notice", {"job": None, **told, "user": "[red]e\x1b[31mve[/red]"})
        await until(pilot, lambda: "Process 9 of [red]eve[/red]" in text(app))
        fake.emit("notice", {"job": "x\x1b[2J", "code": "NE\x07W"})
        await until(pilot, lambda: "Job x: NE␇W." in text(app))
        assert "\x1b" not in text(app)


async def test_the_jobs_screen_has_the_sentence_and_what_was_measured(box, until, text):
    fake = box.busy()
    measured = MeasuresView(energy_kwh=1.24, peak_gpu_memory_mb=31_949, gpu_utilization=0.23, gpus=2, gpus_used=1)
    fake.rows[141] = replace(fake.rows[141], notices=[IDLE], measures=measured)
    app = box.app(fake)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, JobScreen) and "! no GPU in use for 42m" in text(app))
        await pilot.press("1")
        await until(pilot, lambda: "owner" in text(app))
        screen = text(app)
        for piece in (
            "! It has not used any of its 2 GPUs for 42m00s.", "1.24 kWh", "31G at most on one card",
            "23% busy: its cards mostly wait for it", "2 asked, 1 used",
        ):  # fmt: skip
            assert piece in screen, piece
