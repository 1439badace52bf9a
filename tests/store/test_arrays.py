"""Job arrays in the SQLite store: one statement for all elements, the request kept once, keys, finding elements."""

import sqlite3
import time
from dataclasses import replace

import pytest

from engine.bookkeeping import STEP_S, Moved, NewJob
from engine.core.lifecycle import JobState
from engine.core.model import ArrayCap, JobId
from engine.protocol.arrays import parse_array
from engine.protocol.fields import ElementFields
from engine.store.store import Store
from tests.store.samples import cancelled, new_job, ran


def array(text: str, number: int = 0, *, job_id: str | None = None, account: str = "ann") -> NewJob:
    """An array that was accepted."""
    new, spec = new_job(number, job_id=job_id, account=account), parse_array(text)
    return replace(new, fields=replace(new.fields, array=text), indices=spec.indices, most=spec.most)


async def test_elements_are_consecutive_jobs_with_their_index_and_key(store: Store) -> None:
    ids = await store.jobs.add([new_job(1), array("2,5-6", 2, job_id="sweep"), new_job(3)])
    assert ids == ["1", "2", "5"]
    elements = await store.jobs.jobs([2, 3, 4])
    assert [(one.array_parent, one.array_index, one.job_id) for one in elements] == [
        (2, 2, "sweep[2]"),
        (2, 5, "sweep[5]"),
        (2, 6, "sweep[6]"),
    ]
    assert [one.submitted_at for one in elements] == [array("2,5-6", 2).submitted(place) for place in range(3)]
    assert {one.name for one in elements} == {"train 2"}
    [plain] = await store.jobs.jobs([5])
    assert (plain.array_parent, plain.array_index, plain.name) == (None, None, "train 3")


async def test_times_are_the_very_numbers_that_the_queue_holds(store: Store) -> None:
    new = replace(array("0-999"), submitted_at=1_764_000_000.123456)
    await store.jobs.add([new])
    assert [known.submitted_at for known in store.jobs.unended()] == [new.submitted(place) for place in range(1000)]
    assert new.submitted(1) - new.submitted_at == pytest.approx(STEP_S, rel=0.3)


async def test_an_element_reads_back_as_its_array_was_written(store: Store) -> None:
    new = array("0-9:3%2", 4, job_id="k")
    await store.jobs.add([new])
    fields = await store.jobs.fields(JobId("3"))
    assert isinstance(fields, ElementFields)
    assert (fields.array_parent, fields.array_index, fields.job_id, fields.array) == (1, 6, "k[6]", "0-9:3%2")
    assert (fields.command, fields.gpu_type) == (new.fields.command, new.fields.gpu_type)
    shown = await store.jobs.job(3)
    assert shown is not None
    assert shown.fields == fields


async def test_a_long_script_is_kept_once_for_all_elements(store: Store) -> None:
    new = array("0-1999")
    script = "echo hello\n" * 5000
    await store.jobs.add([replace(new, fields=replace(new.fields, command=None, script=script))])
    assert (await store.jobs.fields(JobId("1999"))).script == script
    sizes = await store.readers.read(
        lambda db: db.conn.execute(
            "SELECT sum(length(request)) FROM jobs UNION ALL SELECT sum(length(request)) FROM arrays"
        ).fetchall()
    )
    assert sizes[0] == (0,)
    assert sizes[1][0] < 2 * len(script)


async def test_only_a_capped_array_is_a_group_of_its_own_after_a_restart(store: Store) -> None:
    await store.jobs.add([array("0-1%5"), array("0-1"), new_job()])
    assert [known.key.array for known in store.jobs.unended()] == [
        ArrayCap(parent=JobId("1"), most=5),
        ArrayCap(parent=JobId("1"), most=5),
        None,
        None,
        None,
    ]
    assert len({known.key for known in store.jobs.unended()}) == 2


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("k", "0-3"),  # a job has the key itself
        ("k[3]", "0-3"),  # a job has the key of one element
    ],
)
async def test_all_elements_or_none(store: Store, before: str, text: str) -> None:
    await store.jobs.add([new_job(0, job_id=before)])
    assert await store.jobs.add([array(text, job_id="k"), new_job(1)]) == [None, "2"]
    assert len(list(store.jobs.unended())) == 2
    assert await store.arrays.array(2) is None


async def test_a_key_serves_one_submission(store: Store) -> None:
    first = await store.jobs.add([array("0-3", job_id="k"), array("7-9", job_id="k"), new_job(1, job_id="k")])
    assert first == ["1", None, None]
    second = await store.jobs.add([new_job(2, job_id="k"), new_job(3, job_id="k[2]"), new_job(4, job_id="k[9]")])
    assert second[:2] == [None, None]
    assert second[2] is not None
    assert await store.jobs.add([array("7-9", job_id="k"), array("0-3", job_id="k", account="ben")]) == [None, "8"]


async def test_the_elements_that_are_asked_for(store: Store) -> None:
    await store.jobs.add([new_job(), array("10-19"), array("0-4")])
    found = await store.arrays.array(2)
    assert found is not None
    assert (found.parent, found.account, found.size) == (2, "ann", 10)
    assert await store.arrays.elements(found) == list(range(2, 12))
    assert await store.arrays.elements(found, indices=[12, 19, 5]) == [4, 11]
    await store.jobs.record(
        [*ran(JobId("3"), "GPU-1"), cancelled(JobId("4")), Moved(job=JobId("5"), state=JobState.HELD)]
    )
    assert await store.arrays.elements(found, states=[JobState.COMPLETED, JobState.CANCELLED]) == [3, 4]
    assert await store.arrays.elements(found, states=[JobState.PENDING], after=6, limit=2) == [7, 8]
    assert await store.arrays.array(3) is None


async def test_a_hundred_thousand_elements_go_in_at_once(store: Store) -> None:
    began = time.perf_counter()
    [parent] = await store.jobs.add([array("0-99999%4", job_id="big")])
    took = time.perf_counter() - began
    assert parent == "1"
    [last] = await store.jobs.jobs([100_000])
    assert (last.array_index, last.job_id) == (99_999, "big[99999]")
    assert took < 10.0  # about 1 s on a quiet machine; a row at a time through Python takes several times as long


async def test_the_request_is_not_lost_with_the_parent(store: Store) -> None:
    """Nothing removes rows today; if something ever does, the request must not go with the first element."""
    await store.jobs.add([array("0-2")])
    await store.writer.write(lambda db: db.conn.execute("DELETE FROM jobs WHERE id = 1"))
    assert (await store.jobs.fields(JobId("2"))).command == array("0-2").fields.command


async def test_a_row_in_the_way_stops_nothing_but_itself(store: Store) -> None:
    """The trigger that keeps keys leaves a refused row out; it is no error of the transaction."""
    await store.jobs.add([array("0-1", job_id="k")])
    taken = await store.writer.write(
        lambda db: (
            db.conn.execute(
                "INSERT INTO jobs (id, state, submitted_at, account, grp, request, job_id) "
                "VALUES (9, 'pending', 1.0, 'ann', 'lab', '{}', 'k')"
            ).rowcount
        )
    )
    assert taken == 0
    with pytest.raises(sqlite3.IntegrityError):
        await store.writer.write(
            lambda db: db.conn.execute(
                "INSERT INTO jobs (id, state, submitted_at, account, grp, request, job_id) "
                "VALUES (9, 'pending', 1.0, 'ann', 'lab', '{}', 'k[1]')"
            )
        )
