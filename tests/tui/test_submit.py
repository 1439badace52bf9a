"""The submit form: what it sends, and where complaints stand."""

from dataclasses import replace

import pytest
from textual.events import Key

from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.protocol.responses import Preview
from rcq_tui.tui.form.questions import QUESTIONS
from rcq_tui.tui.form.reading import Here, read
from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.screens.job import JobScreen
from rcq_tui.tui.screens.login import LoginScreen
from rcq_tui.tui.screens.pick import PickScreen
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
    assert {call[0] for call in fake.calls} <= {"me", "stats", "gpus", "nodes", "jobs", "events", "preview"}


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


def foretold(job):
    """Four cards have to be waited for; with one it starts now."""
    if job.gpus <= 1:
        return Preview(starts_now=True, expected_start=None, position=1, pending=1)
    fewer = {"start_at": 0.0, "changes": [{"code": "FEWER_GPUS", "gpus": 1, "wanted": job.gpus}]}
    return Preview(
        starts_now=False, expected_start=1_772_373_900.0 + 2700, position=3, pending=8, basis="promised", helps=[fewer]
    )


async def test_when_it_would_start_stands_there_as_one_types_and_a_key_follows_the_help(box, until, text):
    fake = box.busy()
    fake.previews = foretold
    fake.expect("submit", lambda job: job.gpus == 1 and job.script == "./run", answer=157)
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await form(app, pilot, until, text)
        assert "Type a command" in text(app)
        app.screen.query_one("#in-gpus").value = "4"
        await pilot.press(*"./run")
        await until(pilot, lambda: "Would start at 14:50 (in 45m00s), number 3 of 8" in text(app))
        await pilot.press("ctrl+l")
        assert app.screen.query_one("#in-gpus").value == "1"
        await until(pilot, lambda: "Would start now" in text(app))
        asked = [call for call in fake.calls if call[0] == "preview"]
        assert len(asked) == 2, "one question for what was typed in one go"
        await pilot.press("enter")
        await until(pilot, lambda: "Submitted as job 157." in text(app) and "It starts now" in text(app))
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, JobScreen) and app.screen.number == 157)
    fake.finish()


async def test_a_rate_limit_of_the_foresight_is_waited_for_quietly(box, until, text):
    fake = box.busy()
    answers = [Refused("RATE_LIMITED", "Too fast.", retry_after_s=0.01)]

    def limited(job):
        if answers:
            raise answers.pop()
        return foretold(job)

    fake.previews = limited
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await form(app, pilot, until, text)
        await pilot.press(*"x")
        await until(pilot, lambda: "Would start now" in text(app))
        assert "Too fast" not in text(app)
        assert not answers


async def test_nothing_typed_is_lost_when_the_engine_goes_or_the_form_is_left(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await form(app, pilot, until, text)
        fake.cut_off()
        await pilot.press(*"./a", "ctrl+j", *"./b")
        await until(pilot, lambda: "What you write is kept" in text(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "What you wrote is kept." in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, SubmitScreen) and "not sent yet" in text(app))
        assert app.screen.query_one("#in-script").value == "./a\n./b"
        await pilot.press("ctrl+n")
        assert app.screen.query_one("#in-script").value == ""


async def test_a_session_that_ends_leads_to_the_log_in_and_keeps_the_draft(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await form(app, pilot, until, text)
        fake.identity = None
        await pilot.press(*"./run")
        await until(pilot, lambda: isinstance(app.screen, LoginScreen))
        assert app.forms.kept.draft("ada")["script"] == "./run"


async def test_sending_twice_submits_once(box, until, text):
    fake = box.busy()
    fake.expect("submit", lambda job: True, answer=162)
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await form(app, pilot, until, text)
        await pilot.press(*"./run", "ctrl+s", "ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
    assert len([call for call in fake.calls if call[0] == "submit"]) == 1


async def test_forms_of_before_come_back_by_the_up_key_and_from_the_list(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    for command in ("./first", "./second"):
        app.forms.kept.keep_past({"script": command, "gpus": "3"})
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await form(app, pilot, until, text)
        script = app.screen.query_one("#in-script")
        await pilot.press(*"new", "up")
        assert (script.value, app.screen.query_one("#in-gpus").value) == ("./second", "3")
        await pilot.press("up", "up")
        assert script.value == "./first"
        await pilot.press("down", "down")
        assert script.value == "new"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, PickScreen) and "./first" in text(app))
        await pilot.press(*"first", "enter")
        await until(pilot, lambda: isinstance(app.screen, SubmitScreen))
        assert script.value == "./first"


async def test_a_template_is_saved_and_loaded_by_its_name(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await form(app, pilot, until, text)
        await pilot.press(*"./night", "ctrl+t")
        await until(pilot, lambda: "No template yet" in text(app))
        await pilot.press(*"mine", "enter")
        await until(pilot, lambda: "Saved as mine" in text(app))
        await pilot.press("ctrl+n", "ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, PickScreen) and "./night" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SubmitScreen))
        assert app.screen.query_one("#in-script").value == "./night"


async def test_lists_fill_the_fields_that_they_are_for(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(100, 50), notifications=True) as pilot:
        await form(app, pilot, until, text)
        app.screen.query_one("#in-gpu_type").focus()
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "8 cards, 1 free" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SubmitScreen))
        app.screen.query_one("#in-after").focus()
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "153 resnet-lr1e-3" in text(app))
        await pilot.press(*"153", "enter")
        await until(pilot, lambda: "when job 153 has failed" in text(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, SubmitScreen))
        app.screen.query_one("#in-array").focus()
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "10 jobs, all at once" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SubmitScreen))
        assert [app.screen.query_one(f"#in-{field}").value for field in ("gpu_type", "after", "array")] == [
            "rtx a6000", "153:any", "0-9",
        ]  # fmt: skip


async def test_an_edit_sends_what_changed_and_nothing_else(box, until, text):
    fake = box.busy()
    fake.rows[153] = replace(fake.rows[153], script="python x", time_limit_s=7200)
    fake.expect("edit", 153, {"gpus": 1, "priority": 9})
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        app.forms.edit(fake.rows[153])
        await until(pilot, lambda: "Edit job 153" in text(app))
        assert not app.screen.query("#in-array")
        app.screen.query_one("#in-gpus").value = "1"
        app.screen.query_one("#in-priority").value = "9"
        await until(pilot, lambda: "priority: 5 -> 9" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Leave job 153 as it is?" in text(app))
        await pilot.press("n", "ctrl+s")
        await until(pilot, lambda: "Job 153 is changed: gpus, priority." in text(app))
    fake.finish()


async def test_a_clone_of_a_hostile_job_is_harmless_on_the_screen_and_as_it_was_when_sent(box, until, text):
    fake = box.busy()
    script = "echo '\x1b[31mred\x1b]0;title\x07'\n\u202eback"
    fake.expect("submit", lambda job: job.script == script, answer=163)
    app = box.app(fake)
    async with app.run_test(size=(100, 50), notifications=True) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        app.forms.clone(replace(fake.rows[141], script=script, environment={"A": "\x1b[2J"}, workdir="/a\x1bb"))
        await until(pilot, lambda: isinstance(app.screen, SubmitScreen) and "red" in text(app))
        await pilot.pause()
        assert not set("\x1b\x07\u202e") & set(text(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
    fake.finish()


async def test_the_command_line_opens_the_form_with_a_command(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        await pilot.press("colon", *"submit python x.py", "enter")
        await until(pilot, lambda: isinstance(app.screen, SubmitScreen) and "python x.py" in text(app))
