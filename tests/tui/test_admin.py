"""The admin place: lists, changed by forms, destroyed only after a question; others see what is theirs."""

from dataclasses import replace

import pytest

from engine.protocol.audit import AuditChain, AuditEntry
from engine.protocol.enginefigures import EngineView, PassView, TimerView
from engine.protocol.errors import Refused
from engine.protocol.notifications import ChannelTest, NotifyView
from engine.protocol.people import AccountView, GroupView, QuotaView, ServiceView
from engine.protocol.tokens import NewToken, TokenView
from rcq_tui.tui.adminpages import PAGES
from rcq_tui.tui.screens.admin import AdminScreen
from rcq_tui.tui.screens.ask import AskScreen
from rcq_tui.tui.screens.confirm import ConfirmScreen
from rcq_tui.tui.screens.secret import SecretScreen


def account(name, group="vision", **what):
    blank = AccountView(
        name=name, role="user", group=group, disabled=False, unix_user=name, created_at=1.0, quota=QuotaView(gpus=4)
    )
    return replace(blank, **what)


def entry(number, **what):
    blank = AuditEntry(
        id=number, at=1_772_370_000.0 + number, account="boss", via="session", uid=1000, pid=4711, user="boss",
        action="job.edit", target="17", owner="ada", sha256="ab" * 32, before={"priority": 5}, after={"priority": 9},
    )  # fmt: skip
    return replace(blank, **what)


@pytest.fixture
def busy(box):
    fake = box.busy(replace(box.ADA, account="boss", role="admin"))
    fake.account_views = [
        account("ada"),
        account("boss", role="admin", unix_user=None),
        account("bob", group="nlp", disabled=True),
        account("[b]mallory[/b]\x1b[31m", one_time_password=True),
    ]
    fake.group_views = [
        GroupView(name="vision", priority=5, share=2.0, usage_gpu_s=72_000.0, quota=QuotaView(), guarantee_gpus=2),
        GroupView(name="empty", priority=1, share=1.0, usage_gpu_s=0.0, quota=QuotaView(gpus=2)),
    ]
    fake.service_views = [ServiceView(name="alphafold", jobs_per_account=5)]
    fake.token_views = [
        TokenView(id="a1b2", kind="session", name=None, account="boss", scope="all", created_at=box.NOW - 60,
                  expires_at=box.NOW + 3600, current=True),
        TokenView(id="c3d4", kind="token", name="ci", account="ada", scope="read", created_at=box.NOW - 60,
                  expires_at=box.NOW + 9e5),
    ]  # fmt: skip
    fake.entries = [entry(number) for number in range(300, 0, -1)]
    fake.entries[0] = entry(300, action="account.set", target="bob", account="ada", detail={"note": "x\x1b[2Jy"})
    fake.chain = AuditChain(entries=300, last_id=300, head="cd" * 32)
    fake.choice = NotifyView(
        account="boss", on=["failed"], mail="boss@example.org", webhook=None, command=False, terminal="bell",
        min_run_s=60.0, available=["mail", "terminal"],
    )  # fmt: skip
    fake.engine_view = EngineView(
        version="0.1.0", now=box.NOW, pid=812, started_at=box.NOW - 90_000, memory_mb=143, loop_lag_s=0.004,
        commits=9120, commit_s=0.0021, slowest_commit_s=0.014, passes=40_112, failed_passes=0, database_mb=88.2,
        wal_mb=4.1, last_backup_at=box.NOW - 30_000, followers=3, trouble=None,
        timers=[TimerView(name="pass", every_s=15.0, next_at=box.NOW + 4)],
    )  # fmt: skip
    fake.past_passes = [
        PassView(at=box.NOW - 60 + one, seconds=0.002 + (one % 7) / 1000, pending=700, groups=12, started=one % 2,
                 stopped=0, promised=2, held=10)
        for one in range(60)
    ]  # fmt: skip
    return fake


@pytest.fixture
def go(until, text):
    async def to(app, pilot, page, words):
        await until(pilot, lambda: "gang-of-four" in text(app))
        await pilot.press("colon", *page, "enter")
        await until(pilot, lambda: isinstance(app.screen, AdminScreen) and words in text(app))

    return to


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_each_page_tells_what_there_is(box, busy, until, text, go, size):  # noqa: PLR0917 - fixtures
    app = box.app(busy)
    words = {
        "accounts": ("[b]mal", "one-time p", "disabled"), "groups": ("20.0 GPU-h", "2"), "services": ("alphafold", "5"),
        "cards": ("drained", "RTX A6000"), "tokens": ("this one", "ci"), "audit": ("account.set", "job.edit"),
        "engine": ("143M of memory", "12 groups: 1 started"), "told": ("jobs that fail for good", "boss@example.org"),
    }  # fmt: skip
    async with app.run_test(size=size, notifications=True) as pilot:
        await go(app, pilot, "accounts", "[b]mal")
        for page in PAGES:
            await until(pilot, lambda name=page.name: f"[{name}]" in text(app))
            await until(pilot, lambda name=page.name: all(word in text(app) for word in words[name]))
            shown = text(app)
            assert all(len(line) <= size[0] for line in shown.splitlines())
            assert "\x1b" not in shown
            await pilot.press("right_square_bracket")
        await until(pilot, lambda: "[accounts]" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, AdminScreen))


async def test_an_account_is_made_changed_and_disabled(box, busy, until, text, go):
    made = account("carl")
    busy.expect(
        "add_account",
        {"name": "carl", "group": "vision", "role": "user", "password": "correct horse", "one_time": True},
        answer=made,
    )
    busy.expect("change_account", "carl", {"role": "admin"}, answer=replace(made, role="admin"))
    busy.expect("change_account", "carl", {"disabled": True}, answer=replace(made, disabled=True))
    app = box.app(busy)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await go(app, pilot, "accounts", "mallory")
        await pilot.press("a", *"carl", "enter")
        await until(pilot, lambda: "only a linked Unix user gets in" in text(app))
        await pilot.press(*"correct horse", "enter")
        await until(pilot, lambda: "Account carl is made." in text(app))
        assert "correct horse" not in text(app)
        await until(pilot, lambda: "carl" in text(app))
        await pilot.press("G", "e")
        await until(pilot, lambda: isinstance(app.screen, AskScreen) and "Account carl" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "nothing is changed" in text(app))
        await pilot.press("tab", *["backspace"] * 4, *"admin", "enter")
        await until(pilot, lambda: "Account carl is changed." in text(app))
        await until(pilot, lambda: isinstance(app.screen, AdminScreen))
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press(*"car", "enter")
        await until(pilot, lambda: "Type carl first" in text(app))
        await pilot.press("l", "enter")
        await until(pilot, lambda: "Account carl is disabled." in text(app))
    busy.finish()


async def test_limits_are_kept_and_changed_whole(box, busy, until, text, go):
    old = busy.group_views[1]
    quota = {"gpus": 3, "gpus_by_type": {"a100": 1}, "gpu_memory_mb": 81_920}
    busy.expect("change_group", "empty", {"quota": quota}, answer=old)
    busy.expect("remove_group", "empty", answer=Refused("INVALID_STATE", "Group empty has accounts."))
    app = box.app(busy)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await go(app, pilot, "groups", "empty")
        await pilot.press("j", "e")
        await until(pilot, lambda: "Group empty" in text(app) and isinstance(app.screen, AskScreen))
        await pilot.press("tab", "tab", "tab", "backspace", *"3x", "tab", *"a100=1", "tab", *"80G", "enter")
        await until(pilot, lambda: "'3x' is no whole number" in text(app))
        await pilot.press("backspace", "enter")
        await until(pilot, lambda: "Group empty is changed." in text(app))
        await until(pilot, lambda: isinstance(app.screen, AdminScreen))
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press(*"empty", "enter")
        await until(pilot, lambda: "Group empty has accounts." in text(app))
    busy.finish()


async def test_what_the_engine_refuses_stands_beside_its_question(box, busy, until, text, go):
    detail = [{"field": "name", "message": "there is one already"}]
    busy.expect("add_group", lambda asked: True, answer=Refused("VALIDATION_ERROR", "One field is wrong.", detail))
    app = box.app(busy)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await go(app, pilot, "groups", "vision")
        await pilot.press("a", *"vision", "enter")
        await until(pilot, lambda: "there is one already" in text(app) and "One field is wrong." in text(app))
        assert isinstance(app.screen, AskScreen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, AdminScreen))
    busy.finish()


async def test_a_token_is_shown_once_and_another_is_revoked(box, busy, until, text, go):
    made = NewToken(
        token="rcq_secret", id="e5", name="nightly", account="boss", scope="read", created_at=1, expires_at=2
    )
    busy.expect("create_token", "nightly", 7, True, answer=made)
    busy.expect("revoke_token", "c3d4")
    app = box.app(busy)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await go(app, pilot, "tokens", "c3d4")
        await pilot.press("a", *"nightly", "tab", *"7", "tab", "space", "ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, SecretScreen) and "rcq_secret" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, AdminScreen) and "rcq_secret" not in text(app))
        await pilot.press("j", "x")
        await until(pilot, lambda: "Revoke token ci?" in text(app))
        await pilot.press("y")
        await until(pilot, lambda: "Token ci is revoked." in text(app))
    busy.finish()


async def test_the_audit_log_filters_goes_back_and_is_checked(box, busy, until, text, go):
    app = box.app(busy)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await go(app, pilot, "audit", "200 and more")
        assert "note: xy" in text(app)
        await pilot.press("j")
        await until(pilot, lambda: "priority: - 5  + 9" in text(app) and "note: xy" not in text(app))
        for _ in range(6):
            await pilot.press("pagedown")
        await until(pilot, lambda: "Audit log  300" in text(app))
        await pilot.press("slash", *"account:ada", "enter")
        await until(pilot, lambda: "Audit log  1 account:ada" in text(app))
        await pilot.press("v")
        await until(pilot, lambda: "The audit log is whole: 300 entries" in text(app))
        busy.chain = replace(busy.chain, broken=17)
        await pilot.press("v")
        await until(pilot, lambda: "Entry 17 of the audit log was changed" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "200 and more" in text(app))


async def test_who_may_not_is_told_calmly(box, busy, until, text, go):
    busy.identity = replace(busy.identity, role="user", account="ada")

    async def refuse(*_what, **_more):
        raise Refused("FORBIDDEN", "Only admins may see how the engine does.")

    busy.engine = refuse
    app = box.app(busy)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await go(app, pilot, "accounts", "disabled")
        assert "a add" not in text(app).splitlines()[2]
        await pilot.press("a", "e", "x")
        await until(pilot, lambda: "Accounts are changed by admins alone." in text(app))
        assert isinstance(app.screen, AdminScreen)
        await pilot.press("colon", *"engine", "enter")
        await until(pilot, lambda: "Only admins may see how the engine does." in text(app))
        await pilot.press("a", "e", "x", "v", "enter")
        await until(pilot, lambda: "Nothing can be checked on this page." in text(app))
        await pilot.press("colon", *"tokens", "enter")
        await until(pilot, lambda: "c3d4" in text(app) and "a1b2" not in text(app))
        await pilot.press("colon", *"cards", "enter")
        await until(pilot, lambda: "drained" in text(app))
        await pilot.press("x")
        await until(pilot, lambda: "Only admins take cards out of use" in text(app))


async def test_notifications_are_chosen_and_tested(box, busy, until, text, go):
    new = replace(busy.choice, on=["end", "failed"])
    asked = {
        "on": ["end", "failed"], "min_run_s": 60.0, "mail": "boss@example.org", "webhook": None, "command": False,
        "terminal": "bell",
    }  # fmt: skip
    busy.expect("choose_notify", asked, answer=new)
    busy.expect("test_notify", answer=[ChannelTest(channel="mail", ok=False, message="no route to the mail server")])
    app = box.app(busy)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await go(app, pilot, "told", "jobs that fail for good")
        await pilot.press("e", "space", "ctrl+s")
        await until(pilot, lambda: "jobs that end, jobs that fail" in text(app))
        await pilot.press("v")
        await until(pilot, lambda: "mail: not sent, no route to the mail server" in text(app))
    busy.finish()


async def test_an_engine_that_goes_away_and_a_session_that_ends(box, busy, until, text, go):
    app = box.app(busy)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await go(app, pilot, "accounts", "mallory")
        busy.cut_off()
        await until(pilot, lambda: "Disconnected" in text(app))
        assert "mallory" in text(app)
        busy.mend()
        await until(pilot, lambda: "Disconnected" not in text(app))
        busy.identity = None
        await pilot.press("r")
        await until(pilot, lambda: "Password" in text(app))


@pytest.mark.parametrize(("page", "words"), [("accounts", "mallory"), ("audit", "200 and more"), ("engine", "143M")])
def test_pictures(box, busy, snap_compare, until, text, page, words):  # noqa: PLR0917 - fixtures
    app = box.app(busy)

    async def drive(pilot):
        await until(pilot, lambda: "gang-of-four" in text(app))
        await pilot.press("colon", *page, "enter", "j")
        await until(pilot, lambda: words in text(app))

    assert snap_compare(app, terminal_size=(110, 30), run_before=drive)
