"""The audit log: which entries are found, in pages; the chain that tells when one was changed in the file."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from engine.store.audit import Entry, Filters
from engine.store.store import Store
from tests.store.samples import new_job

ENTRIES = (
    Entry(at=10.0, account="ann", action="job.submit", target="7", owner="ann", via="peer", uid=5, pid=6),
    Entry(at=20.0, account="root", action="job.cancel", target="7[0-3]", owner="ann", via="token:ci"),
    Entry(at=30.0, account="root", action="job.cancel", target="70", owner="ben"),
    Entry(at=40.0, account=None, action="gpu.quarantine", target="GPU-1", via="engine"),
    Entry(at=50.0, account="ben", action="jobs", target="7"),
)


@pytest.fixture
async def filled(store: Store) -> Store:
    for entry in ENTRIES:
        await store.audit.append(entry)
    return store


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), [5, 4, 3, 2, 1]),
        (Filters(account="root"), [3, 2]),
        (Filters(action="job.*"), [3, 2, 1]),
        (Filters(action="job.cancel"), [3, 2]),
        (Filters(action="*"), [5, 4, 3, 2, 1]),
        (Filters(action="job"), []),
        (Filters(target="7"), [5, 2, 1]),
        (Filters(target="7", action="job.*", account="root"), [2]),
        (Filters(since=20.0, until=40.0), [3, 2]),
        (Filters(seen_by="ann"), [2, 1]),
        (Filters(seen_by="ben"), [5, 3]),
        (Filters(seen_by="ben", account="root"), [3]),
        (Filters(seen_by="ann", target="7", since=15.0), [2]),
        (Filters(seen_by="%"), []),
    ],
)
async def test_what_is_asked_for_is_found(filled: Store, filters: Filters, found: list[int]) -> None:
    page = await filled.audit.page(filters=filters)
    assert [(one.id, one.entry) for one in page] == [(number, ENTRIES[number - 1]) for number in found]
    pages, before = [], None
    while part := await filled.audit.page(filters=filters, limit=1, before=before):
        before = part[0].id
        pages.append(before)
    assert pages == found


async def test_a_whole_chain(filled: Store) -> None:
    found = await filled.audit.verify()
    assert (found.entries, found.broken, found.last) == (5, None, 5)
    assert found.head == (await filled.audit.page(limit=1))[0].sha256
    await filled.audit.append(ENTRIES[0])
    again = await filled.audit.verify()
    assert (again.entries, again.broken) == (6, None)
    assert again.head != found.head


async def test_an_empty_log_is_whole(store: Store) -> None:
    found = await store.audit.verify()
    assert (found.entries, found.broken, found.last, found.head) == (0, None, 0, "")


@pytest.mark.parametrize(
    ("forgery", "broken"),
    [
        ("UPDATE audit SET account = 'ben' WHERE id = 2", 2),
        ("UPDATE audit SET account = NULL WHERE id = 1", 1),
        ("UPDATE audit SET pid = 7 WHERE id = 1", 1),
        ("UPDATE audit SET at = 10.5 WHERE id = 1", 1),
        ("UPDATE audit SET owner = NULL WHERE id = 3", 3),
        ("UPDATE audit SET detail = '{\"a\":1}' WHERE id = 5", 5),
        ("UPDATE audit SET sha256 = 'x' WHERE id = 4", 4),
        ("DELETE FROM audit WHERE id = 3", 3),
        ("DELETE FROM audit WHERE id = 1", 1),
        ("UPDATE audit SET id = id + 1 WHERE id = 5", 5),
        ("INSERT INTO audit (id, at, action, detail) VALUES (6, 1.0, 'forged', '{}')", 6),
    ],
)
async def test_whoever_changes_the_file_is_found_out(filled: Store, forgery: str, broken: int) -> None:
    path = filled.readers.path
    await filled.close()
    with closing(sqlite3.connect(path)) as db, db:
        for verb in ("update", "delete", "replace"):
            db.execute(f"DROP TRIGGER audit_keeps_{verb}")
        db.execute(forgery)
    again = Store.open(path, half_life_s=1.0)
    found = await again.audit.verify()
    assert (found.broken, found.entries) == (broken, broken - 1)
    await again.close()


async def test_jobs_and_their_entry_are_one_write(store: Store) -> None:
    def note(fails: bool) -> Callable[..., Entry]:
        def made(ids: object) -> Entry:
            if fails:
                raise ValueError("no entry")
            return replace(ENTRIES[0], target=str(ids))

        return made

    with pytest.raises(ValueError, match="no entry"):
        await store.jobs.add([new_job(1)], note(True))
    assert await store.jobs.page() == []
    assert await store.jobs.add([new_job(1), new_job(2)], note(False)) == ["1", "2"]
    assert [one.entry.target for one in await store.audit.page()] == ["['1', '2']"]


async def test_what_was_there_before_the_chain_becomes_part_of_it(path: Path) -> None:
    from engine.store.migrations import migrations

    db = Database(path)
    migrations.apply(db, stop_before="0014_audit_origin")
    rows = [
        (1, 1.0, "root", "account.add", "ann", "{}"),
        (2, 2.0, "root", "job.cancel", "7", '{"owner": "ann", "before": "running"}'),
        (3, 3.0, None, "gpu.return", "GPU-1", "{}"),
        (4, 4.0, "ben", "reservation.add", "1", "{}"),
    ]
    for row in rows:
        db.conn.execute("INSERT INTO audit (id, at, account, action, target, detail) VALUES (?, ?, ?, ?, ?, ?)", row)
    db.conn.commit()
    db.close()
    store = Store.open(path, half_life_s=1.0)
    page = (await store.audit.page())[::-1]
    assert [(one.entry.owner, one.entry.via) for one in page] == [
        ("ann", None),
        ("ann", None),
        (None, "engine"),
        ("ben", None),
    ]
    assert [one.entry.target for one in page] == ["ann", "7", "GPU-1", "1"]
    await store.audit.append(ENTRIES[0])
    found = await store.audit.verify()
    assert (found.entries, found.broken) == (5, None)
    await store.close()
