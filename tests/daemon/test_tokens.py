"""API tokens and log-in: how long and how many, what is kept and audited, races with an end, what a wrong try costs."""

import asyncio
import hashlib
from dataclasses import replace

import bcrypt
import pytest

from config.settings import AuthSettings
from engine.api.asks import AccountChange, NewTokenAsked, Origin
from engine.daemon.passwords import WAITING
from engine.protocol.errors import Refused

DAY_S = 86_400.0


async def refused(call):
    with pytest.raises(Refused) as found:
        await call
    return found.value.code


@pytest.fixture
def tokens(world):
    return world.engine.backend.tokens


async def make_token(world, who=None, name="ci", **asked):
    return await world.engine.backend.tokens.create(who or world.ann, NewTokenAsked(name=name, **asked))


async def test_only_the_hash_is_kept_and_the_id_is_its_beginning(world):
    made = await make_token(world)
    (stored,) = await world.store.sessions.of("ann", world.clock.time)
    assert stored.sha256 == hashlib.sha256(made.token.encode()).hexdigest()
    assert stored.sha256.startswith(made.id)
    who = await world.people.by_token(made.token)
    assert (who.account, who.token_name, who.read_only, who.must_change_password) == ("ann", "ci", False, False)
    assert await world.people.by_token(made.id) is None
    assert await world.people.by_token(stored.sha256) is None


async def test_two_tokens_have_nothing_in_common(world):
    made = {(await make_token(world, name=f"t{number}")).token for number in range(20)}
    assert len({token.removeprefix("rcq_")[:6] for token in made}) == 20


@pytest.mark.parametrize(("days", "lives_s"), [(None, 10 * DAY_S), (0.5, 0.5 * DAY_S), (10.0, 10 * DAY_S)])
async def test_a_token_lives_no_longer_than_the_settings_say(make, days, lives_s):
    world = await make(auth=AuthSettings(bcrypt_rounds=4, token_days=10))
    await world.populate()
    made = await make_token(world, days=days)
    assert made.expires_at == world.clock.time + lives_s
    assert await refused(make_token(world, name="longer", days=10.1)) == "VALIDATION_ERROR"
    world.clock.time += lives_s - 1
    assert await world.people.by_token(made.token)
    world.clock.time += 1
    assert await world.people.by_token(made.token) is None
    assert (await make_token(world)).name == "ci", "its name is free again"


@pytest.mark.parametrize("most", [0, 2])
async def test_an_account_has_so_many_and_no_more(make, most):
    world = await make(auth=AuthSettings(bcrypt_rounds=4, tokens_per_account=most))
    await world.populate()
    made = [await make_token(world, name=f"t{number}") for number in range(most)]
    assert await refused(make_token(world, name="more")) == "QUOTA_EXCEEDED"
    if made:
        await world.engine.backend.tokens.revoke(world.ann, made[0].id)
        assert await make_token(world, name="more")
        assert await refused(make_token(world, name="still more")) == "QUOTA_EXCEEDED"
        assert await make_token(world, world.bob)


async def test_making_and_revoking_is_audited_without_the_token(world, tokens):
    made = await make_token(world, read_only=True)
    await tokens.revoke(world.root, made.id)
    revoke, create = [row.entry for row in await world.store.audit.page(limit=2)]
    assert (create.action, create.account, create.target, create.owner) == ("token.create", "ann", made.id, "ann")
    assert (create.detail["name"], create.detail["scope"]) == ("ci", "read")
    assert (revoke.action, revoke.account, revoke.target, revoke.owner) == ("token.revoke", "root", made.id, "ann")
    assert made.token not in str([row.entry for row in await world.store.audit.page()])


async def test_a_session_that_has_just_ended_makes_no_token(world):
    await world.people.change_account(world.root, "ann", AccountChange(password="secret"))
    session = await world.people.login("ann", "secret")
    thief = await world.people.by_token(session.token)
    await world.people.change_account(world.root, "ann", AccountChange(password="another"))
    assert await refused(make_token(world, thief)) == "UNAUTHENTICATED"
    assert await world.store.sessions.of("ann", 0.0) == []


async def test_a_password_that_is_changed_while_it_is_checked_opens_nothing(world, monkeypatch):
    await world.people.change_account(world.root, "ann", AccountChange(password="old"))
    loop, checking, changed = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    real = bcrypt.checkpw

    def slow(secret, against):
        loop.call_soon_threadsafe(checking.set)
        asyncio.run_coroutine_threadsafe(changed.wait(), loop).result(5)
        return real(secret, against)

    monkeypatch.setattr(bcrypt, "checkpw", slow)
    attempt = asyncio.create_task(world.people.login("ann", "old"))
    await checking.wait()
    await world.people.change_account(world.root, "ann", AccountChange(password="new"))
    changed.set()
    assert await refused(attempt) == "UNAUTHENTICATED"
    assert await world.store.sessions.of("ann", 0.0) == []


async def test_who_changes_a_password_does_not_undo_what_an_admin_did_meanwhile(world, monkeypatch):
    """A thief knows the old one, and an admin has just set another: the thief's must not win by being later."""
    await world.people.change_account(world.root, "ann", AccountChange(password="stolen"))
    loop, hashing, changed = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    real = bcrypt.hashpw

    def slow(secret, salt):
        if secret == b"thief's":
            loop.call_soon_threadsafe(hashing.set)
            asyncio.run_coroutine_threadsafe(changed.wait(), loop).result(5)
        return real(secret, salt)

    monkeypatch.setattr(bcrypt, "hashpw", slow)
    attempt = asyncio.create_task(world.people.change_password(world.ann, "stolen", "thief's"))
    await hashing.wait()
    await world.people.change_account(world.root, "ann", AccountChange(password="mended"))
    changed.set()
    assert await refused(attempt) == "UNAUTHENTICATED"
    assert await refused(world.people.login("ann", "thief's")) == "UNAUTHENTICATED"
    assert await world.people.login("ann", "mended")


async def test_whoever_is_wrong_in_whatever_way_costs_one_check_of_the_same_cost(make, monkeypatch):
    """Counted, not timed: unknown, wrong, too long, without a password, disabled, hashed at an older cost."""
    world = await make(auth=AuthSettings(bcrypt_rounds=5, lockout_failures=1000))
    await world.populate()
    await world.people.change_account(world.root, "ann", AccountChange(password="secret"))
    await world.people.change_account(world.root, "bob", AccountChange(password="secret", disabled=True))
    checks = []
    real = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda secret, hashed: checks.append(hashed[:7]) or real(secret, hashed))
    tries = [("ann", "guess"), ("nobody", "guess"), ("bob", "guess"), ("bob", "secret"), ("root", "guess")]
    tries += [("ann", "x" * 73), ("nobody", "x" * 73), ("ann", "a\0b"), ("ann", ""), ("\udcff", "\udcff")]
    told = set()
    for name, password in tries * 5:
        before = len(checks)
        with pytest.raises(Refused) as no:
            await world.people.login(name, password)
        told.add((no.value.code, no.value.message))
        assert len(checks) == before + 1, (name, password)
    assert len(told) == 1
    assert set(checks) == {b"$2b$05$"}


async def test_a_hash_of_another_cost_is_made_anew_at_the_next_log_in(make):
    cheap = await make(auth=AuthSettings(bcrypt_rounds=4))
    await cheap.populate()
    await cheap.people.change_account(cheap.root, "ann", AccountChange(password="secret"))
    await cheap.store.close()
    dear = await make(auth=AuthSettings(bcrypt_rounds=5))
    session = await dear.people.login("ann", "secret")
    assert await dear.people.by_token(session.token), "it is no new password: nothing ends"
    assert dear.engine.register.accounts["ann"].password_hash.startswith("$2b$05$")
    assert await dear.people.login("ann", "secret")


async def test_a_flood_from_one_unix_user_delays_nobody_else(world, monkeypatch):
    await world.people.change_account(world.root, "ann", AccountChange(password="secret"))
    loop, free = asyncio.get_running_loop(), asyncio.Event()
    real, checked = bcrypt.checkpw, []

    def slow(secret, against):
        checked.append(secret)
        if secret == b"flood":
            asyncio.run_coroutine_threadsafe(free.wait(), loop).result(5)
        return real(secret, against)

    monkeypatch.setattr(bcrypt, "checkpw", slow)
    mallory, ann = Origin(uid=1002, pid=1), Origin(uid=1001, pid=2)
    flood = [asyncio.create_task(world.people.login(f"n{number}", "flood", mallory)) for number in range(100)]
    await asyncio.sleep(0)
    mine = asyncio.create_task(world.people.login("ann", "secret", ann))
    await asyncio.sleep(0)
    early = [task for task in flood if task.done()]
    assert len(early) == 100 - 2 - WAITING
    assert {task.exception().code for task in early} == {"RATE_LIMITED"}
    free.set()
    assert (await mine).account == "ann"
    assert checked.index(b"secret") <= 4, "behind the two at work and one more, not behind all that wait"
    answers = await asyncio.gather(*flood, return_exceptions=True)
    assert [answer.code for answer in answers].count("UNAUTHENTICATED") == 2 + WAITING


async def test_a_locked_name_is_open_from_where_its_owner_is(world):
    await world.people.change_account(world.root, "ann", AccountChange(password="secret"))
    mallory, ann = Origin(uid=1002, pid=1), Origin(uid=1001, pid=2)
    codes = [await refused(world.people.login("ann", "guess", mallory)) for _ in range(4)]
    assert codes == ["UNAUTHENTICATED"] * 3 + ["RATE_LIMITED"]
    session = await world.people.login("ann", "secret", ann)
    thief = replace(await world.people.by_token(session.token), origin=mallory)
    assert await refused(world.people.change_password(thief, "guess", "new")) == "RATE_LIMITED", "no way around it"
