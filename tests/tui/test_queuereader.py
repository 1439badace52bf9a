"""What a long queue brings first is shown at once, however long the rest takes."""

import asyncio

from engine.protocol.responses import JobPage
from rcq_tui.tui.queuereader import QueueReader
from rcq_tui.viewmodel.looks import Look


class Sparing:
    """An engine that gives two rows a page and thinks for ever about the third page."""

    def __init__(self, box):
        self._box = box
        self.asked = []
        self.thinks = asyncio.Event()

    async def jobs(self, wanted):
        self.asked.append(wanted.cursor)
        number = len(self.asked)
        if number == 3:
            self.thinks.set()
            await asyncio.Event().wait()
        rows = [self._box.job(10 * number + at) for at in range(2)]
        return JobPage(items=rows, cursor=f"page {number}", searched=1000)


async def test_the_first_rows_do_not_wait_for_a_screenful(box):
    api, told = Sparing(box), []
    reader = QueueReader(api, told.append, box.QUICK, Look())
    reader.see(0, 20)
    work = asyncio.ensure_future(reader.run())
    try:
        async with asyncio.timeout(10):
            await api.thinks.wait()
    finally:
        work.cancel()
    assert api.asked == [None, "page 1", "page 2"]
    assert [[row.id for row in read.jobs] for read in told] == [[10, 11], [10, 11, 20, 21]]
    assert all(read.extent.busy and read.extent.more for read in told)


async def test_a_part_of_the_queue_that_was_empty_is_looked_at_again(box):
    rows = [box.running(1, [0], 60), box.running(2, [1], 60)]
    fake, told = box.FakeApi(me=box.ADA, gpus=[], jobs=rows, stats=box.figures()), asyncio.Queue()
    reader = QueueReader(fake, told.put_nowait, box.QUICK, Look())
    reader.see(0, 20)
    work = asyncio.ensure_future(reader.run())
    try:
        async with asyncio.timeout(10):
            while (await told.get()).extent.more:
                pass
            fake.rows[3] = box.job(3)
            reader.changed()
            while len(shown := (await told.get()).jobs) < 3:
                pass
    finally:
        work.cancel()
    assert {row.id for row in shown} == {1, 2, 3}
