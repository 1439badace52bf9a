"""Log-in and log-out."""

from engine.protocol.errors import Refused
from engine.protocol.people import Session
from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.screens.login import LoginScreen
from rcq_tui.tui.widgets.field import Field

ADA = Session(token="t0k3n", account="ada", group="vision", role="user", expires_at=2e9)


async def test_wrong_password_is_said_and_the_right_one_opens_the_dashboard(box, until, text):
    fake, saved = box.busy(None), []
    fake.expect("login", "ada", "wrong", answer=Refused("UNAUTHENTICATED", "Name or password is wrong."))
    fake.expect("login", "ada", "right", answer=ADA)
    app = box.app(fake, save_token=saved.append)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LoginScreen))
        app.screen.query_one("#login-name", Field).value = "ada"
        await pilot.press("enter", *"wrong", "enter")
        await until(pilot, lambda: "Name or password is wrong." in text(app))
        assert "wrong" not in text(app).replace("is wrong", ""), "a password is never shown"
        await until(pilot, lambda: app.screen.focused.id == "login-password" and app.screen.focused.value == "")
        await pilot.press(*"right", "enter")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen) and "eval" in text(app))
    assert saved == ["t0k3n"]
    fake.finish()


async def test_empty_fields_ask_nobody(box, until, text):
    fake = box.busy(None)
    app = box.app(fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LoginScreen))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "Give a name and a password." in text(app))
    assert not [call for call in fake.calls if call[0] == "login"]


async def test_without_any_account_it_says_how_to_make_one(box, until, text):
    fake = box.busy(None)
    fake.has_accounts = False
    app = box.app(fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "rcq account add NAME" in text(app))


async def test_log_out_forgets_everything_that_was_seen(box, until, text):
    fake, forgotten = box.busy(), []
    fake.expect("logout")
    app = box.app(fake, forget_token=lambda: forgotten.append(True))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, LoginScreen))
        assert not app.jobs
        assert forgotten == [True]
        await until(pilot, lambda: fake.listeners == 0)
    fake.finish()


async def test_a_session_that_ends_leads_back_to_the_log_in(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        await pilot.press("enter")
        fake.identity = None
        fake.emit("queue")
        await until(pilot, lambda: isinstance(app.screen, LoginScreen))
