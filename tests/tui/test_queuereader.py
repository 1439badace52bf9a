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
