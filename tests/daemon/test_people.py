"""Accounts, groups, sessions: who may make whom, what is in force at once, what the audit log holds."""

import asyncio
import os

import pytest

from config.settings import AuthSettings
from engine.api.asks import AccountChange, GroupChange, NewAccount
from engine.protocol.errors import Refused
from engine.protocol.people import QuotaView, ServiceView


async def refused(call):
    with pytest.raises(Refused) as found:
        await call
    return found.value.code


async def test_the_first_account_is_an_admin_made_by_the_engines_user_or_root(make):
    world = await make()
    new = NewAccount(name="ann", group="bio", role="user")
    assert await refused(world.people.add_account(None, os.getuid() + 1, new)) == "FORBIDDEN"
    made = await asyncio.gather(
        world.people.add_account(None, os.getuid(), new),
        world.people.add_account(None, 0, NewAccount(name="bob", group="bio")),
        return_exceptions=True,
    )
    assert [getattr(answer, "role", None) for answer in made] == ["admin", None]
    assert made[1].code in ("INVALID_STATE", "UNAUTHENTICATED")
    assert await refused(world.people.add_account(None, 0, NewAccount(name="bob", group="bio"))) == "UNAUTHENTICATED"
    assert list(world.engine.register.groups) == ["bio"]


async def test_only_admins_change_people(world):
    people = world.people
    for call in (
        people.add_account(world.ann, 0, NewAccount(name="x", group="bio")),
        people.change_account(world.ann, "ann", AccountChange(role="admin")),
        people.add_group(world.ann, "x", GroupChange()),
        people.change_group(world.ann, "bio", GroupChange(priority=10)),
        people.remove_group(world.ann, "chem"),
        people.set_service(world.ann, ServiceView(name="x", jobs_per_account=1)),
    ):
        assert await refused(call) == "FORBIDDEN"
    assert [account.name for account in await people.accounts(world.ann)] == ["ann"]
    assert [group.name for group in await people.groups(world.ann)] == ["bio"]
    assert [account.name for account in await people.accounts(world.root)] == ["ann", "bob", "root"]


async def test_a_change_is_in_force_at_once_and_audited_with_before_and_after(world):
    quota = QuotaView(gpus=1, gpus_by_type={"A100": 1})
    await world.people.change_group(world.root, "bio", GroupChange(priority=9, share=3.0, quota=quota))
    assert world.books.groups["bio"].priority == 9
    assert world.books.quotas.groups["bio"].gpus_by_type == {"a100": 1}
    await world.people.change_account(world.root, "ann", AccountChange(group="chem", unix_user="annu"))
    await world.people.change_account(world.root, "ann", AccountChange(unix_user=""))
    assert world.engine.register.accounts["ann"].unix_user is None
    entries = [row.entry for row in await world.store.audit.page(limit=3)]
    assert [entry.action for entry in entries] == ["account.change", "account.change", "group.change"]
    assert entries[1].detail["before"]["group"] == "bio"
    assert entries[1].detail["after"]["group"] == "chem"
    assert [entry.owner for entry in entries] == ["ann", "ann", None]
    assert entries[2].detail["before"] == {"priority": 5, "share": 1.0}
    assert entries[2].detail["after"] == {
        "priority": 9, "share": 3.0, "quota.gpus": 1, "quota.gpus_by_type": {"a100": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda p, who: p.change_account(who, "nobody", AccountChange()), "NOT_FOUND"),
        (lambda p, who: p.change_account(who, "ann", AccountChange(group="none")), "NOT_FOUND"),
        (lambda p, who: p.change_account(who, "ann", AccountChange(role="god")), "VALIDATION_ERROR"),
        (lambda p, who: p.change_account(who, "ann", AccountChange(password="x" * 73)), "VALIDATION_ERROR"),
        (lambda p, who: p.change_account(who, "root", AccountChange(role="user")), "INVALID_STATE"),
        (lambda p, who: p.change_account(who, "root", AccountChange(disabled=True)), "INVALID_STATE"),
        (lambda p, who: p.add_account(who, 0, NewAccount(name="ann", group="bio")), "INVALID_STATE"),
        (lambda p, who: p.add_account(who, 0, NewAccount(name="../x", group="bio")), "VALIDATION_ERROR"),
        (lambda p, who: p.add_group(who, "bio", GroupChange()), "INVALID_STATE"),
        (lambda p, who: p.change_group(who, "none", GroupChange()), "NOT_FOUND"),
        (lambda p, who: p.change_group(who, "bio", GroupChange(priority=11)), "VALIDATION_ERROR"),
        (lambda p, who: p.change_group(who, "bio", GroupChange(share=0.0)), "VALIDATION_ERROR"),
        (lambda p, who: p.change_group(who, "bio", GroupChange(quota=QuotaView(gpus=-1))), "VALIDATION_ERROR"),
        (lambda p, who: p.remove_group(who, "bio"), "INVALID_STATE"),
        (lambda p, who: p.remove_group(who, "none"), "NOT_FOUND"),
        (lambda p, who: p.set_service(who, ServiceView(name="x", jobs_per_account=-1)), "VALIDATION_ERROR"),
    ],
)
async def test_a_wrong_change_is_refused_and_changes_nothing(world, call, code):
    register = world.engine.register
    before = (dict(register.accounts), dict(register.groups), dict(register.services))
    assert await refused(call(world.people, world.root)) == code
    await register.load()
    assert (register.accounts, register.groups, register.services) == before


async def test_log_in_sessions_and_their_end(make):
    world = await make(auth=AuthSettings(bcrypt_rounds=4, sessions_per_account=2, session_days=1))
    await world.populate()
    await world.people.change_account(world.root, "ann", AccountChange(password="secret"))
    first, second = [await world.people.login("ann", "secret") for _ in range(2)]
    assert (await world.people.by_token(first.token)).account == "ann"
    world.clock.time += 1
    third = await world.people.login("ann", "secret")
    known = [await world.people.by_token(session.token) for session in (first, second, third)]
    assert [bool(identity) for identity in known].count(True) == 2
    assert known[2].session is not None
    await world.people.logout(known[2])
    assert await world.people.by_token(third.token) is None
    assert await world.people.by_token("x" * 43) is None

    last = await world.people.login("ann", "secret")
    assert await world.people.by_token(last.token)
    world.clock.time += 86_401
    assert await world.people.by_token(last.token) is None


async def test_a_disabled_account_is_out_at_once(world):
    await world.people.change_account(world.root, "ann", AccountChange(password="secret"))
    session = await world.people.login("ann", "secret")
    assert await world.people.by_token(session.token)
    await world.people.change_account(world.root, "ann", AccountChange(disabled=True))
    assert await world.people.by_token(session.token) is None
    assert await refused(world.people.login("ann", "secret")) == "UNAUTHENTICATED"
    await world.people.change_account(world.root, "ann", AccountChange(disabled=False))
    assert await world.people.by_token(session.token) is None
    assert await world.people.login("ann", "secret")


async def test_a_password_is_changed_by_who_knows_the_old_one(world):
    await world.people.change_account(world.root, "ann", AccountChange(password="old"))
    assert await refused(world.people.change_password(world.ann, "wrong", "new")) == "UNAUTHENTICATED"
    assert await refused(world.people.change_password(world.ann, "old", "ä" * 37)) == "VALIDATION_ERROR"
    await world.people.change_password(world.ann, "old", "new")
    assert await refused(world.people.login("ann", "old")) == "UNAUTHENTICATED"
    assert (await world.people.login("ann", "new")).group == "bio"
    text = str([row.entry for row in await world.store.audit.page()])
    assert "old" not in text.replace("older", "")
    assert "$2b$" not in text


async def test_a_new_password_ends_the_other_sessions(make):
    world = await make(auth=AuthSettings(bcrypt_rounds=4, sessions_per_account=2))
    await world.populate()
    await world.people.change_account(world.root, "ann", AccountChange(password="old"))
    mine, stolen = [await world.people.login("ann", "old") for _ in range(2)]
    await world.people.change_password(await world.people.by_token(mine.token), "old", "new")
    assert await world.people.by_token(mine.token)
    assert await world.people.by_token(stolen.token) is None


async def test_a_one_time_password_is_good_for_nothing_but_setting_another(make):
    world = await make(auth=AuthSettings(bcrypt_rounds=4, sessions_per_account=2))
    await world.populate()
    given = AccountChange(password="once", one_time=True, unix_user="annu")
    assert (await world.people.change_account(world.root, "ann", given)).one_time_password
    session = await world.people.login("ann", "once")
    who = await world.people.by_token(session.token)
    assert (session.must_change_password, who.must_change_password) == (True, True)
    assert await refused(world.people.change_password(who, "once", "once")) == "VALIDATION_ERROR"
    await world.people.change_password(who, "once", "mine")
    assert not (await world.people.by_token(session.token)).must_change_password
    assert not (await world.people.login("ann", "mine")).must_change_password
    entries = [row.entry for row in await world.store.audit.page()]
    assert next(entry for entry in entries if entry.action == "password").detail == {"was_one_time": True}
    changed = next(e for e in entries if e.action == "account.change" and e.detail["new_password"])
    assert changed.detail["after"]["one_time"] is True


async def test_a_new_account_may_begin_with_a_one_time_password(world):
    new = NewAccount(name="cat", group="bio", password="once", one_time=True)
    assert (await world.people.add_account(world.root, 0, new)).one_time_password
    assert (await world.people.login("cat", "once")).must_change_password
    await world.people.change_account(world.root, "cat", AccountChange(password="known"))
    assert not (await world.people.login("cat", "known")).must_change_password


async def test_a_one_time_password_does_not_keep_out_the_unix_user(world):
    import pwd

    me = pwd.getpwuid(os.getuid()).pw_name
    await world.people.change_account(world.root, "ann", AccountChange(unix_user=me, password="once", one_time=True))
    assert not (await world.people.by_peer(os.getuid())).must_change_password


@pytest.mark.parametrize("peer", [True, False])
async def test_the_unix_user_behind_a_connection(make, peer):
    import pwd

    world = await make(auth=AuthSettings(bcrypt_rounds=4, peer=peer))
    await world.populate()
    me = pwd.getpwuid(os.getuid()).pw_name
    await world.people.change_account(world.root, "ann", AccountChange(unix_user=me))
    found = await world.people.by_peer(os.getuid())
    assert (found.account if found else None) == ("ann" if peer else None)
    await world.people.change_account(world.root, "ann", AccountChange(disabled=True))
    assert await world.people.by_peer(os.getuid()) is None


@pytest.mark.parametrize(("root", "account"), [(None, None), ("ann", "ann"), ("nobody", None)])
async def test_root_is_who_the_settings_say(make, root, account):
    world = await make(auth=AuthSettings(bcrypt_rounds=4, peer=False, root=root))
    await world.populate()
    found = await world.people.by_peer(0)
    assert (found.account if found else None) == account
    assert await world.people.by_peer(65_001) is None


async def test_a_user_database_that_hangs_stops_nobody_else(world, monkeypatch):
    import pwd
    import threading

    asked, answers = [], threading.Event()

    def look(uid):
        asked.append(uid)
        assert answers.wait(5)
        return pwd.struct_passwd(("annu", "x", uid, uid, "", "/", "/bin/sh"))

    monkeypatch.setattr("engine.daemon.logins.pwd.getpwuid", look)
    await world.people.change_account(world.root, "ann", AccountChange(unix_user="annu", password="secret"))
    waiting = asyncio.create_task(world.people.by_peer(65_001))
    assert await world.people.login("ann", "secret")
    assert not waiting.done()
    answers.set()
    assert (await waiting).account == "ann"
    assert (await world.people.by_peer(65_001)).account == "ann"
    assert asked == [65_001], "one question for many requests"
