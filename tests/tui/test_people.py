"""Log-in and log-out."""

from engine.protocol.errors import Refused
from engine.protocol.people import Me, Session
from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.screens.login import LoginScreen
from rcq_tui.tui.screens.newpassword import NewPasswordScreen
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
        assert "Your session has ended" not in text(app)
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
        await until(pilot, lambda: "Your session has ended" in text(app))
        assert not app.jobs, "the next one who logs in here may be somebody else"


ONE_TIME = Session(token="t0k3n", account="ada", group="vision", role="user", expires_at=2e9, must_change_password=True)


async def test_a_one_time_password_is_changed_before_anything_else(box, until, text):
    fake, saved = box.busy(None), []
    fake.expect("login", "ada", "once", answer=ONE_TIME)
    refused = Refused("VALIDATION_ERROR", "The new password must be another one than the one-time password.")
    fake.expect("change_password", "once", "once", answer=refused)
    fake.expect("change_password", "once", "hunter2")
    app = box.app(fake, save_token=saved.append)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LoginScreen))
        await pilot.press(*"ada", "enter", *"once", "enter")
        await until(pilot, lambda: isinstance(app.screen, NewPasswordScreen))
        await pilot.press(*"mine", "enter", *"other", "enter")
        await until(pilot, lambda: "The two differ." in text(app))
        await pilot.press(*"once", "enter", *"once", "enter")
        await until(pilot, lambda: "another one than" in text(app))
        assert saved == []
        await pilot.press(*"hunter2", "enter", *"hunter2")
        assert "hunter2" not in text(app), "a password is never shown"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen) and "eval" in text(app))
    assert saved == ["t0k3n"]
    fake.finish()


async def test_who_does_not_set_one_now_is_not_let_in(box, until):
    fake, saved = box.busy(None), []
    fake.expect("login", "ada", "once", answer=ONE_TIME)
    app = box.app(fake, save_token=saved.append)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LoginScreen))
        await pilot.press(*"ada", "enter", *"once", "enter")
        await until(pilot, lambda: isinstance(app.screen, NewPasswordScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, LoginScreen))
        assert app.screen.query_one("#login-password", Field).value == ""
    assert saved == []
    fake.finish()


async def test_a_kept_log_in_with_a_one_time_password_leads_to_the_log_in(box, until):
    fake = box.busy()
    fake.identity = Me(account="ada", group="vision", role="user", via="token", must_change_password=True)
    app = box.app(fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LoginScreen))
    assert ("stats",) not in fake.calls
