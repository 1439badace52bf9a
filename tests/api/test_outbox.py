"""An answer that grows: nothing lost, order kept, memory bounded, disk given back."""

import asyncio
import json

from engine.api.outbox import IN_MEMORY_BYTES, Outbox


async def read(outbox: Outbox) -> list[int]:
    text = b"".join([piece async for piece in outbox.pieces()])
    return [json.loads(line)["n"] for line in text.splitlines()]


async def test_what_is_written_before_during_and_after_reading_arrives_in_order() -> None:
    outbox = Outbox()
    for n in range(10):
        outbox.tell({"n": n})
    reading = asyncio.create_task(read(outbox))
    for n in range(10, 200):
        outbox.tell({"n": n})
        if n % 7 == 0:
            await asyncio.sleep(0)  # let the reader have its turn
    outbox.close()
    assert await asyncio.wait_for(reading, 5) == list(range(200))


async def test_what_the_reader_does_not_take_goes_to_disk() -> None:
    outbox = Outbox()
    count = 3 * IN_MEMORY_BYTES // 1000
    assert not outbox.used
    for n in range(count):
        outbox.tell({"n": n, "x": "y" * 1000})
    assert outbox.used
    assert outbox._spool._rolled  # type: ignore[attr-defined]
    outbox.close()
    assert await asyncio.wait_for(read(outbox), 5) == list(range(count))


async def test_room_is_given_back_once_all_is_read() -> None:
    outbox = Outbox()
    pieces = outbox.pieces()
    for n in range(100):
        outbox.tell({"n": n})
        assert json.loads(await anext(pieces)) == {"n": n}
        assert outbox._written == 0
    await pieces.aclose()
