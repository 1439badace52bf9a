"""Pages of a long queue hang together whatever is renewed, let go and fetched again."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcq_tui.client.calls import JobsWanted
from rcq_tui.tui.pace import Pace
from rcq_tui.tui.pages import MOST_KEPT, Mark, Page, Pages, key_of
from rcq_tui.tui.queuereader import PAGE, QueueReader
from rcq_tui.viewmodel.looks import Look


@pytest.fixture(scope="module")
def row(box):
    return box.job


def pages_of(row, count: int) -> Pages:
    pages = Pages()
    for at in range(0, count, PAGE):
        pages.extend(
            [Page(Mark(0, str(at) if at else None), [row(one) for one in range(at, at + PAGE)])],
            Mark(0, str(at + PAGE)),
        )
    return pages


def ids(pages: Pages) -> list[int]:
    return [job.id for job in pages.rows]


def test_at_most_some_thousand_rows_are_kept_and_those_above_come_again(row):
    pages = pages_of(row, MOST_KEPT + 300)
    assert pages.size == MOST_KEPT
    assert pages.gone == 300
    assert ids(pages)[0] == 300
    pages.prepend([row(one) for one in range(200, 300)])
    assert (ids(pages)[0], ids(pages)[-1]) == (200, MOST_KEPT + 199)
    assert pages.end == Mark(0, str(MOST_KEPT + 200))


@given(st.integers(0, 3), st.lists(st.integers(0, 500), unique=True, max_size=150), st.booleans())
def test_no_row_is_there_twice_after_a_page_was_renewed(box, begin, fresh, ends_where_the_next_begins):
    pages = pages_of(box.job, 400)
    end = Mark(0, str((begin + 1) * PAGE)) if ends_where_the_next_begins else Mark(0, "elsewhere")
    pages.renew(begin, [Page(pages.pages[begin].start, [box.job(one) for one in fresh])], end)
    keys = [key_of(job) for job in pages.rows]
    assert len(keys) == len(set(keys))
    assert set(fresh) <= set(ids(pages))


async def test_a_long_queue_is_walked_a_page_at_a_time_and_renewed_where_it_is_seen(box):
    fake = box.busy()
    fake.rows = {number: box.job(number) for number in range(1, 7001)}
    asked: list[JobsWanted] = []
    answer = fake.jobs

    async def watched(wanted):
        asked.append(wanted)
        return await answer(wanted)

    fake.jobs = watched
    told = []
    pace = Pace(between_fetches=0.001, idle_fetch=30.0, typing=0.001)
    reader = QueueReader(fake, told.append, pace, Look())
    task = asyncio.ensure_future(reader.run())

    async def wait(condition):
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.001)

    await wait(lambda: told)
    assert told[-1].extent.rows == PAGE
    while told[-1].jobs[-1].id < 7000:
        reader.see(told[-1].extent.rows - 20, told[-1].extent.rows, far=True)
        before = len(told)
        await wait(lambda before=before: len(told) > before)
    last = told[-1]
    assert len(last.jobs) <= MOST_KEPT
    assert last.extent.before + len(last.jobs) == 7000
    assert all(wanted.limit == PAGE for wanted in asked)
    asked.clear()
    before = len(told)
    reader.changed()
    await wait(lambda: len(told) > before)
    assert asked
    assert len(asked) <= 4, "what changed is read where somebody looks"
    reader.from_top()
    await wait(lambda: told[-1].extent.before == 0 and told[-1].jobs[0].id == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
