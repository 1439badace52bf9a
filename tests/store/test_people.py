"""Accounts, groups, services and sessions."""

import asyncio
from dataclasses import replace

import pytest

from engine.core.quota import Quota
from engine.core.snapshot import GroupTerms
from engine.store.accounts import Account
from engine.store.audit import Entry
from engine.store.errors import Exists, InUse, Missing
from engine.store.groups import Group
from engine.store.services import Service
from engine.store.sessions import StoredSession
from engine.store.store import Store
from tests.store.samples import account

QUOTA = Quota(gpus=4, gpus_by_type={"a6000": 2, "h100": 1}, gpu_memory_mb=90_000, cpu_cores=8, memory_mb=0, jobs=3)
TERMS = GroupTerms(priority=9, share=2.5, guarantee_gpus=2)


def session(number: int, name: str = "ann", kind: str = "session", lives_s: float = 100.0) -> StoredSession:
    """The session of a token, opened at second `number`."""
    return StoredSession(
        sha256=f"{number:064x}", account=name, created_at=number, expires_at=number + lives_s, kind=kind, name=None
    )


async def test_an_account_comes_back_as_it_was_made(store: Store) -> None:
    ann = replace(account("ann", unix_user="ann"), role="admin", password_hash="$2b$12$x", quota=QUOTA)
    assert not await store.accounts.any()
    await store.accounts.add(ann)
    assert await store.accounts.any()
    assert await store.accounts.find("ann") == ann
    assert await store.accounts.by_unix_user("ann") == ann
    assert await store.accounts.find("ben") is None
    assert await store.accounts.by_unix_user("ben") is None


async def test_an_account_brings_its_group(store: Store) -> None:
    await store.groups.add(Group(name="lab", terms=TERMS, quota=QUOTA))
    await store.accounts.add(account("ann", group="lab"))
    await store.accounts.add(account("ben", group="clinic"))
    lab = Group(name="lab", terms=TERMS, quota=QUOTA)
    assert await store.groups.all() == [Group(name="clinic"), lab]
    assert [each.name for each in await store.accounts.all()] == ["ann", "ben"]


async def test_names_and_unix_users_are_taken_once(store: Store) -> None:
    await store.accounts.add(account("ann", unix_user="ann"))
    with pytest.raises(Exists, match="account ann already"):
        await store.accounts.add(account("ann"))
    with pytest.raises(Exists, match="linked to account ann"):
        await store.accounts.add(account("ben", group="clinic", unix_user="ann"))
    assert [each.name for each in await store.groups.all()] == ["lab"]  # the refused account brought no group
    await store.accounts.add(account("ben"))
    with pytest.raises(Exists, match="linked to account ann"):
        await store.accounts.change("ben", lambda before: replace(before, unix_user="ann"))
    assert await store.accounts.find("ben") == account("ben")


async def test_only_one_can_be_the_first(store: Store) -> None:
    firsts = [store.accounts.add(account(f"admin{number}"), only_first=True) for number in range(5)]
    answers = await asyncio.gather(*firsts, return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Exists"] * 4 + ["NoneType"]
    assert len(await store.accounts.all()) == 1


async def test_changing_an_account(store: Store) -> None:
    await store.accounts.add(account("ann", unix_user="ann"))

    def change(before: Account) -> Account:
        return replace(before, name="other", disabled=True, quota=QUOTA)

    after = await store.accounts.change("ann", change)
    assert after == replace(account("ann", unix_user="ann"), disabled=True, quota=QUOTA)
    assert await store.accounts.all() == [after]
    with pytest.raises(Missing, match="no account ben"):
        await store.accounts.change("ben", change)
    with pytest.raises(Missing, match="no group nowhere"):
        await store.accounts.change("ann", lambda before: replace(before, group="nowhere"))


async def test_concurrent_changes_of_one_account_do_not_lose_each_other(store: Store) -> None:
    await store.accounts.add(account("ann"))

    def one_more(before: Account) -> Account:
        return replace(before, quota=Quota(gpus=(before.quota.gpus or 0) + 1))

    await asyncio.gather(*(store.accounts.change("ann", one_more) for _ in range(30)))
    ann = await store.accounts.find("ann")
    assert ann is not None
    assert ann.quota.gpus == 30


async def test_groups(store: Store) -> None:
    await store.groups.add(Group(name="lab"))
    with pytest.raises(Exists):
        await store.groups.add(Group(name="lab"))
    after = await store.groups.change("lab", lambda before: replace(before, quota=QUOTA))
    assert after == await store.groups.find("lab") == Group(name="lab", quota=QUOTA)
    with pytest.raises(Missing):
        await store.groups.change("clinic", lambda before: before)
    with pytest.raises(Missing):
        await store.groups.remove("clinic")
    await store.accounts.add(account("ann", group="lab"))
    with pytest.raises(InUse, match="still has accounts"):
        await store.groups.remove("lab")
    await store.groups.add(Group(name="clinic"))
    await store.accounts.change("ann", lambda before: replace(before, group="clinic"))
    await store.groups.remove("lab")
    assert await store.groups.find("lab") is None


async def test_services(store: Store) -> None:
    await store.services.set(Service(name="alphafold", jobs_per_account=5))
    await store.services.set(Service(name="alphafold", jobs_per_account=None))
    chat = Service(name="chat", jobs_per_account=0, quota=QUOTA)
    await store.services.set(chat)
    assert await store.services.all() == [Service(name="alphafold"), chat]


async def test_a_session_is_found_until_it_expires(store: Store) -> None:
    await store.accounts.add(account("ann"))
    one = session(1)
    assert await store.sessions.open(one, keep=1) == []
    assert await store.sessions.find(one.sha256, 100.9) == one
    assert await store.sessions.find(one.sha256, 101.0) is None
    assert await store.sessions.find("0" * 64, 50.0) is None


async def test_a_further_log_in_ends_the_oldest(store: Store) -> None:
    await store.accounts.add(account("ann"))
    await store.accounts.add(account("ben"))
    token, other = session(1, kind="token"), session(2, "ben")
    await store.sessions.open(token, keep=10)
    await store.sessions.open(other, keep=2)
    three, four, five = session(3), session(4), session(5)
    assert await store.sessions.open(three, keep=2) == []
    assert await store.sessions.open(four, keep=2) == []
    assert await store.sessions.open(five, keep=2) == [three.sha256]
    assert await store.sessions.of("ann", 50.0) == [five, four, token]
    assert await store.sessions.find(other.sha256, 50.0) == other


async def test_a_session_needs_an_account(store: Store) -> None:
    with pytest.raises(Missing, match="no account nobody"):
        await store.sessions.open(session(1, "nobody"), keep=1)


async def test_ending_sessions(store: Store) -> None:
    await store.accounts.add(account("ann"))
    for number in range(1, 6):
        await store.sessions.open(session(number), keep=10)
    assert await store.sessions.close(session(1).sha256)
    assert not await store.sessions.close(session(1).sha256)
    assert await store.sessions.purge(103.0) == 2
    assert [each.created_at for each in await store.sessions.of("ann", 0.0)] == [5.0, 4.0]


async def test_a_change_of_an_account_ends_its_sessions_in_the_same_step(store: Store) -> None:
    await store.accounts.add(account("ann"))
    await store.accounts.add(account("ben"))
    one, two, other = session(1), replace(session(2), kind="token", name="ci"), session(3, "ben")
    for each in (one, two, other):
        await store.sessions.open(each, keep=10)
    await store.accounts.change("ann", lambda before: replace(before, role="admin"))
    assert len(await store.sessions.of("ann", 0.0)) == 2
    with pytest.raises(Missing):
        await store.accounts.change("ann", lambda before: replace(before, group="none"), ends_sessions=True)
    assert len(await store.sessions.of("ann", 0.0)) == 2
    await store.accounts.change("ann", lambda before: before, ends_sessions=True, but=one.sha256)
    assert await store.sessions.all(0.0) == [one, other]
    await store.accounts.change("ann", lambda before: before, ends_sessions=True)
    assert await store.sessions.all(0.0) == [other]


async def test_a_session_opens_only_on_the_password_that_was_checked(store: Store) -> None:
    ann = replace(account("ann"), password_hash="$2b$1", disabled=False)
    await store.accounts.add(ann)
    assert await store.sessions.open(session(1), keep=1, password_hash="$2b$1") == []
    await store.accounts.change("ann", lambda before: replace(before, password_hash="$2b$2"))
    with pytest.raises(Missing, match="another one by now"):
        await store.sessions.open(session(2), keep=1, password_hash="$2b$1")
    await store.accounts.change("ann", lambda before: replace(before, disabled=True))
    with pytest.raises(Missing):
        await store.sessions.open(session(3), keep=1, password_hash="$2b$2")
    assert await store.sessions.of("ann", 0.0) == [session(1)]


async def test_tokens_have_names_of_their_own_and_an_end_of_room(store: Store) -> None:
    await store.accounts.add(account("ann"))
    await store.accounts.add(account("ben"))
    await store.sessions.open(session(9), keep=1)

    def token(number: int, name: str, of: str = "ann") -> StoredSession:
        return replace(session(number, of), kind="token", name=name, scope="read")

    assert await store.sessions.add_token(token(1, "ci"), 2)
    with pytest.raises(Exists, match="token ci already"):
        await store.sessions.add_token(token(2, "ci"), 2)
    assert await store.sessions.add_token(token(3, "ci", "ben"), 2)
    assert await store.sessions.add_token(token(4, "home"), 2)
    assert not await store.sessions.add_token(token(5, "third"), 2)
    expired = token(101, "ci")
    assert await store.sessions.add_token(expired, 2), "the first ci and its place are free again"
    assert await store.sessions.by_id(expired.id, 150.0) == expired
    assert await store.sessions.by_id(expired.id, 201.0) is None
    assert await store.sessions.by_id("0" * 15 + "1", 0.0) is None


async def test_a_token_is_not_made_for_a_session_that_has_ended(store: Store) -> None:
    await store.accounts.add(account("ann"))
    await store.sessions.open(session(1), keep=1)
    token = replace(session(2), kind="token", name="ci")
    await store.accounts.change("ann", lambda before: before, ends_sessions=True)
    with pytest.raises(Missing, match="has ended"):
        await store.sessions.add_token(token, 5, by=session(1).sha256)
    with pytest.raises(Missing, match="no account nobody"):
        await store.sessions.add_token(replace(token, account="nobody"), 5)
    assert await store.sessions.all(0.0) == []


async def test_a_refused_change_leaves_no_audit_entry(store: Store) -> None:
    entry = Entry(at=1.0, account="root", action="account.add", target="ann")
    await store.accounts.add(account("ann"), entry=entry)
    with pytest.raises(Exists):
        await store.accounts.add(account("ann"), entry=entry)
    assert [stored.entry for stored in await store.audit.page()] == [entry]
