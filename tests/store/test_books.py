"""Usage, audit log and drained cards."""

import sqlite3
from dataclasses import replace

import pytest
from sqlite_utils import Database

from engine.bookkeeping import Bill, Billed, Charged
from engine.core.model import AccountName, GpuUuid, GroupName, Owner, ServiceName
from engine.store.audit import Entry, Filters
from engine.store.gpus import GpuFlag
from engine.store.groups import Group
from engine.store.services import Service
from engine.store.sessions import StoredSession
from engine.store.store import Store
from tests.store.conftest import HALF_LIFE_S
from tests.store.samples import account, ended, new_job, scheduled

LAB = GroupName("lab")
CARD = GpuUuid("GPU-1")
ANN, BEN = (Owner(account=AccountName(name), group=LAB) for name in ("ann", "ben"))


def charge(gpu_seconds: float, at: float, owner: Owner = ANN, **months: float) -> Charged:
    """What an owner of the lab pays; months as `m2026_11=60.0`."""
    card_s = {name[1:].replace("_", "-"): gpu_s for name, gpu_s in months.items()}
    return Charged(owner=owner, gpu_seconds=gpu_seconds, at=at, card_s=card_s)


async def test_usage_counts_half_after_a_half_life(store: Store) -> None:
    await store.usage.charge(charge(80.0, 1000.0))
    await store.usage.charge(charge(10.0, 1000.0 + HALF_LIFE_S))
    usage = (await store.usage.all())[LAB]
    assert usage.gpu_seconds == pytest.approx(50.0)
    assert usage.at(1000.0 + 3 * HALF_LIFE_S, HALF_LIFE_S) == pytest.approx(12.5)
    assert list(await store.usage.all()) == [LAB]


async def test_giving_back_stops_at_nothing(store: Store) -> None:
    await store.usage.charge(charge(80.0, 1000.0))
    await store.usage.charge(charge(-30.0, 1000.0))
    assert (await store.usage.all())[LAB].gpu_seconds == 50.0
    await store.usage.charge(charge(-500.0, 1000.0))
    assert (await store.usage.all())[LAB].gpu_seconds == 0.0


async def test_a_clock_that_went_back_neither_decays_nor_grows_usage(store: Store) -> None:
    await store.usage.charge(charge(80.0, 1000.0))
    await store.usage.charge(charge(1.0, 1000.0 - HALF_LIFE_S))
    usage = (await store.usage.all())[LAB]
    assert (usage.gpu_seconds, usage.as_of) == (81.0, 1000.0)
    assert usage.at(0.0, HALF_LIFE_S) == 81.0


async def test_usage_outlives_its_group(store: Store) -> None:
    await store.groups.add(Group(name=LAB))
    await store.usage.charge(charge(80.0, 1000.0))
    await store.groups.remove(LAB)
    assert (await store.usage.all())[LAB].gpu_seconds == 80.0


async def test_accounts_are_charged_inside_their_group(store: Store) -> None:
    await store.usage.charge(charge(80.0, 1000.0))
    await store.usage.charge(charge(20.0, 1000.0, BEN))
    await store.usage.charge(charge(-30.0, 1000.0 + HALF_LIFE_S))
    used = {owner.account: usage.gpu_seconds for owner, usage in (await store.usage.accounts()).items()}
    assert used == pytest.approx({"ann": 10.0, "ben": 20.0})
    assert (await store.usage.all())[LAB].gpu_seconds == pytest.approx(20.0)


async def test_months_add_up_for_account_group_and_service_and_never_fade(store: Store) -> None:
    await store.usage.charge(replace(charge(1.0, 0.0, m2026_10=60.0, m2026_11=5.0), service=ServiceName("fold")))
    await store.usage.charge(charge(1.0, 1e9, BEN, m2026_11=7.0))
    await store.usage.charge(charge(-1.0, 1e9, m2026_10=-100.0))
    assert sorted(await store.usage.months("2026-11")) == [
        ("2026-11", "account", "ann", 5.0),
        ("2026-11", "account", "ben", 7.0),
        ("2026-11", "group", "lab", 12.0),
        ("2026-11", "service", "fold", 5.0),
    ]
    october = {scope: gpu_s for month, scope, _, gpu_s in await store.usage.months("2026-10") if month == "2026-10"}
    assert october == {"account": 0.0, "group": 0.0, "service": 60.0}


async def test_a_bill_is_kept_for_each_attempt_and_found_again_while_it_holds_a_lease(store: Store) -> None:
    first, second = [job for job in await store.jobs.add([new_job(1), new_job(2)]) if job is not None]
    bill = Bill(rate=1.5, cards=1.0, since=2000.0, until=2600.0)
    await store.jobs.record([scheduled(first, "GPU-1"), Billed(job=first, attempt=1, owner=ANN, bill=bill)])
    await store.jobs.record(
        [scheduled(second), Billed(job=second, attempt=1, owner=BEN, bill=replace(bill, cards=0.0))]
    )
    longer = replace(bill, until=3000.0)
    await store.jobs.record([Billed(job=first, attempt=1, owner=ANN, bill=longer)])
    assert await store.usage.open_bills() == {(first, 1): longer, (second, 1): replace(bill, cards=0.0)}
    await store.jobs.record([ended(first)])
    assert list(await store.usage.open_bills()) == [(second, 1)]


@pytest.mark.parametrize(
    ("since", "now", "ran"),
    [(0.0, 9000.0, 2000.0), (2500.0, 9000.0, 1000.0), (2500.0, 2600.0, 200.0), (3000.0, 9000.0, 0.0), (0.0, 1.0, 0.0)],
)
async def test_what_ran_since_is_cut_at_both_ends(store: Store, since: float, now: float, ran: float) -> None:
    [job] = [job for job in await store.jobs.add([new_job(1)]) if job is not None]
    bill = Bill(rate=2.5, cards=2.0, since=2000.0, until=3000.0)
    await store.jobs.record([scheduled(job, "GPU-1"), Billed(job=job, attempt=1, owner=ANN, bill=bill)])
    assert (await store.usage.ran_since(since, now)).get(ANN, 0.0) == pytest.approx(ran)


async def test_the_log_is_read_newest_first(store: Store) -> None:
    entries = [
        Entry(at=float(number), account="ann" if number % 2 else None, action="job.cancel", target=str(number))
        for number in range(6)
    ]
    for entry in entries:
        await store.audit.append(entry)
    page = await store.audit.page(limit=4)
    assert [stored.entry for stored in page] == entries[:1:-1]
    assert [stored.entry for stored in await store.audit.page(before=page[-1].id)] == [entries[1], entries[0]]
    assert [stored.entry.target for stored in await store.audit.page(filters=Filters(account="ann"))] == ["5", "3", "1"]
    assert await store.audit.page(before=10**30, limit=1) == page[:1]


async def test_details_come_back(store: Store) -> None:
    entry = Entry(at=1.0, account="ann", action="group.set", target="lab", detail={"quota": {"gpus": 2}, "was": None})
    await store.audit.append(entry)
    [stored] = await store.audit.page()
    assert stored.entry == entry


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET account = 'somebody else'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit (id, at, action, detail) VALUES (1, 2.0, 'forged', '{}')",
        "INSERT INTO audit (id, at, action, detail) VALUES (1, 2.0, 'forged', '{}') "
        "ON CONFLICT (id) DO UPDATE SET action = 'forged'",
    ],
)
async def test_the_database_itself_refuses_to_change_the_log(store: Store, statement: str) -> None:
    entry = Entry(at=1.0, account="ann", action="job.cancel")
    await store.audit.append(entry)

    def forge(db: Database) -> None:
        db.conn.execute("PRAGMA recursive_triggers = OFF")  # as a connection of some other program has it
        db.conn.execute(statement)

    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        await store.writer.write(forge)
    assert [stored.entry for stored in await store.audit.page()] == [entry]


async def test_a_drained_card_stays_drained_over_a_restart(store: Store) -> None:
    flag = GpuFlag(uuid=CARD, drained=True, why="fan", by="ann", at=1.0)
    await store.gpus.set(GpuFlag(uuid=CARD, drained=True, why=None, by=None, at=0.5))
    await store.gpus.set(flag)
    await store.close()
    again = Store.open(store.readers.path, half_life_s=1.0)
    assert await again.gpus.all() == {CARD: flag}
    assert await again.gpus.clear(CARD)
    assert not await again.gpus.clear(CARD)
    assert await again.gpus.all() == {}
    await again.close()


async def test_every_book_writes_its_audit_entry_with_the_change(store: Store) -> None:
    def entry(action: str) -> Entry:
        return Entry(at=1.0, account="root", action=action)

    flag = GpuFlag(uuid=CARD, drained=True, why=None, by="root", at=1.0)
    opened = StoredSession(sha256="ab" * 32, account="ann", created_at=1.0, expires_at=2.0)
    before = store.writer.commits
    await store.groups.add(Group(name="lab"), entry=entry("group.add"))
    await store.groups.change("lab", lambda group: group, entry=entry("group.set"))
    await store.accounts.add(account("ann", group="clinic"), entry=entry("account.add"))
    await store.accounts.change("ann", lambda person: person, entry=entry("account.set"))
    await store.groups.remove("lab", entry=entry("group.remove"))
    await store.services.set(Service(name="chat"), entry=entry("service.set"))
    await store.sessions.open(opened, keep=1, entry=entry("session.open"))
    await store.sessions.close(opened.sha256, entry=entry("session.close"))
    await store.sessions.close(opened.sha256, entry=entry("nothing was there to end"))
    await store.sessions.add_token(replace(opened, kind="token", name="ci"), 1, entry=entry("token.create"))
    await store.gpus.set(flag, entry=entry("gpu.drain"))
    await store.gpus.clear(CARD, entry=entry("gpu.resume"))
    logged = [stored.entry.action for stored in await store.audit.page()]
    assert len(logged) == store.writer.commits - before - 1 == 11
    assert logged[::-1] == [
        "group.add",
        "group.set",
        "account.add",
        "account.set",
        "group.remove",
        "service.set",
        "session.open",
        "session.close",
        "token.create",
        "gpu.drain",
        "gpu.resume",
    ]
