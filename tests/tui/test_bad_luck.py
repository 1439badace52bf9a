"""A disk that is full, a folder that is gone, a failure of ours: the screen stays, and no secret is told."""

from dataclasses import replace

import pytest

from engine.protocol.errors import Refused, Unreachable
from engine.protocol.people import Session
from rcq_tui.tui.app import RcqApp
from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.screens.login import LoginScreen

ADA = Session(token="t0k3n", account="ada", group="vision", role="user", expires_at=2e9)


async def test_a_token_that_cannot_be_kept_does_not_end_the_session(box, until, text):
    def full(token: str) -> None:
        raise Refused("UNAUTHENTICATED", "The token cannot be written: No space left on device.")

    fake = box.busy(None)
    fake.expect("login", "ada", "right", answer=ADA)
    app = box.app(fake, save_token=full)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LoginScreen) and app.screen.focused is not None)
        await pilot.press(*"ada", "enter", *"right", "enter")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen) and "No space left" in text(app))


async def test_a_token_that_cannot_be_removed_is_said(box, until, text):
    def stuck() -> None:
        raise PermissionError(13, "Permission denied")

    fake = box.busy()
    app = box.app(fake, forget_token=stuck)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "141 ada" in text(app))
        fake.expect("logout", answer=None)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, LoginScreen) and "Permission denied" in text(app))


async def test_it_starts_in_a_folder_that_is_gone(box, until, text, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    app = RcqApp(box.busy())
    monkeypatch.chdir(tmp_path)  # where the test ends, somebody asks for the folder
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "141 ada" in text(app))
        assert app.workdir == ""


@pytest.mark.parametrize("folder", ["~nobody-has-this-name", "x" * 300, "/dev/null/x"])
async def test_results_into_a_folder_that_cannot_be(box, until, text, folder):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "141 ada" in text(app))
        app.jobforms.fetch(fake.rows[141], folder)
        await until(pilot, lambda: "There is no folder" in text(app))


async def test_a_failure_of_ours_tells_no_values(box, until, text, capsys):
    def fails(token: str) -> None:
        raise ZeroDivisionError

    fake = box.busy(None)
    fake.expect("login", "ada", "s3cret", answer=ADA)
    app = box.app(fake, save_token=fails)
    with pytest.raises(ZeroDivisionError):
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: isinstance(app.screen, LoginScreen) and app.screen.focused is not None)
            await pilot.press(*"ada", "enter", *"s3cret", "enter")
            await until(pilot, lambda: app.return_code is not None)
    told = "".join(capsys.readouterr())
    assert "ZeroDivisionError" in told
    assert "t0k3n" not in told


class Deaf(Unreachable):
    """An engine that does not answer, or not in words that are known here."""


@pytest.mark.parametrize("case", [("5", "accounts", "There is none."), ("3", "plan", "Asking")])
async def test_what_cannot_be_read_is_not_said_to_be_empty(box, until, text, monkeypatch, case):
    place, call, untrue = case

    async def deaf(*_asked, **_how):
        raise Deaf("Preview comes without expected_start.")

    fake = box.busy(replace(box.ADA, role="admin"))
    monkeypatch.setattr(fake, call, deaf)
    app = box.app(fake)
    async with app.run_test(size=(130, 30)) as pilot:
        await until(pilot, lambda: "141 ada" in text(app))
        await pilot.press(place)
        await until(pilot, lambda: "comes without expected_start" in text(app))
        assert untrue not in text(app)


async def test_a_queue_that_is_refused_is_not_said_to_be_empty(box, until, text, monkeypatch):
    async def older(*_asked):
        raise Refused("VALIDATION_ERROR", "fold: unknown parameter")

    fake = box.busy()
    monkeypatch.setattr(fake, "jobs", older)
    app = box.app(fake)
    async with app.run_test(size=(130, 30)) as pilot:
        await until(pilot, lambda: "fold: unknown parameter" in text(app))
        assert "Nothing is queued" not in text(app)
