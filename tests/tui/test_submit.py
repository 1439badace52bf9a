"""The submit form: what it sends, and where complaints stand."""

import pytest
from textual.events import Key

from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from rcq_tui.tui.form.questions import QUESTIONS
from rcq_tui.tui.form.reading import Here, read
from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.screens.submit import SubmitScreen
from rcq_tui.tui.widgets.field import Field, Tick


async def form(app, pilot, until, text):
    await until(pilot, lambda: "eval" in text(app))
    await pilot.press("s")
    await until(pilot, lambda: isinstance(app.screen, SubmitScreen) and "Preemptible" in text(app))


def line(screen, label):
    return next(row for row in screen.splitlines() if label in row)


async def test_what_is_written_is_what_is_sent(box, until, text):
    fake = box.busy()
    wanted = JobFields(
        script="python train.py | tee out", name="big", workdir="/home/ada/work", gpus=2, gpu_type="a6000",
        gpu_memory_mb=20_480, gpu_share=True, cpu_cores=8, memory_mb=16_384, time_limit_s=9000, priority=7,
        preemptible=True,
    )  # fmt: skip
    fake.expect("submit", wanted, answer=159)
    app = box.app(fake)
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await form(app, pilot, until, text)
        texts = {"script": "python train.py | tee out", "name": "big", "gpus": "2", "gpu_type": "a6000",
                 "gpu_memory_mb": "20G", "cpu_cores": "8", "memory_mb": "16G", "time_limit_s": "2h30m",
                 "priority": "7"}  # fmt: skip
        for field, value in texts.items():
            app.screen.query_one(f"#in-{field}").value = value
        app.screen.query_one("#in-gpu_share", Tick).focus()
        await pilot.press("space")
        app.screen.query_one("#in-preemptible", Tick).focus()
        await pilot.press("space")
        assert "x" in line(text(app), "Preemptible").split("may")[0].removeprefix("│  Preemptible")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen) and "Submitted as job 159." in text(app))
    fake.finish()


async def test_own_complaints_stand_beside_their_fields_and_nothing_is_sent(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await form(app, pilot, until, text)
        app.screen.query_one("#in-gpus", Field).value = "many"
        app.screen.query_one("#in-time_limit_s", Field).value = "soon"
        await pilot.press("enter")
        await until(pilot, lambda: "say what to run" in line(text(app), "Command"))
        assert "'many' is no whole number" in line(text(app), "GPUs ")
        assert "'soon' is no time" in line(text(app), "Time limit")
        assert app.screen.focused.id == "in-script"
    assert not [call for call in fake.calls if call[0] == "submit"]


async def test_the_engines_complaints_stand_beside_their_fields_and_the_form_keeps_its_text(box, until, text):
    fake = box.busy()
    details = [{"field": "gpus", "message": "12 wanted, this host has 8"}, {"field": "command", "message": "too long"}]
    fake.expect(
        "submit", lambda job: job.gpus == 12, answer=Refused("IMPOSSIBLE_REQUEST", "It can never fit.", details)
    )
    fake.expect("submit", lambda job: job.gpus == 2, answer=160)
    app = box.app(fake)
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await form(app, pilot, until, text)
        await pilot.press(*"./run")
        app.screen.query_one("#in-gpus", Field).value = "12"
        await pilot.press("enter")
        await until(pilot, lambda: "12 wanted, this host has 8" in line(text(app), "GPUs "))
        assert "too long" in line(text(app), "Command")
        assert "It can never fit." in text(app)
        assert "./run" in text(app)
        app.screen.query_one("#in-gpus", Field).value = "2"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
    fake.finish()


async def test_letters_are_letters_in_the_form_and_escape_leaves(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await form(app, pilot, until, text)
        await pilot.press(*"qcsLHrT?")
        assert app.screen.query_one("#in-script").value == "qcsLHrT?"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        assert app.is_running
    assert {call[0] for call in fake.calls} <= {"me", "stats", "gpus", "jobs", "events"}


@pytest.mark.parametrize(
    ("field", "written", "found"),
    [("gpus", "0", 0), ("memory_mb", "1.5G", 1536), ("time_limit_s", "90", 90), ("time_limit_s", "1d", 86_400),
     ("name", "  x ", "x"), ("priority", "10", 10)],
)  # fmt: skip
def test_texts_become_fields(field, written, found):
    job, wrong = read({"script": "true", field: written}, Here(0.0))
    assert not wrong
    assert getattr(job, field) == found


@pytest.mark.parametrize(
    ("field", "written"), [("gpus", "-1"), ("gpus", "²"), ("memory_mb", "lots"), ("cpu_cores", "1.5")]
)
def test_nonsense_is_told(field, written):
    assert field in read({"script": "true", field: written}, Here(0.0))[1]


def test_every_question_is_a_field_of_a_job():
    assert {question.field for question in QUESTIONS} <= set(JobFields.__dataclass_fields__)


async def test_what_is_typed_ahead_of_tab_goes_to_the_next_field(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(120, 30)) as pilot:
        await form(app, pilot, until, text)
        for key in ("a", "b", "tab", "c", "d"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: app.screen.query_one("#in-name", Field).value == "cd")
        assert app.screen.query_one("#in-script").value == "ab"
