"""Search, sort and fold: what the client sends, and what the fake finds on its rows."""

import pytest

from engine.protocol.errors import Refused
from rcq_tui.client.calls import JobsWanted
from rcq_tui.client.fake import FakeApi
from tests.tui.test_api import Server, api, server

__all__ = ["Server", "api", "server"]  # fixtures
ENDED = ("completed", "failed", "cancelled")


async def found(fake, **wanted):
    """All ids, page by page."""
    ids, cursor = [], None
    while True:
        page = await fake.jobs(JobsWanted(limit=2, cursor=cursor, **wanted))
        ids += [row.id for row in page.items]
        if (cursor := page.cursor) is None:
            return ids


async def test_the_client_sends_what_is_wanted(server, api):
    addresses = {
        "GET /v1/jobs?limit=50&search=train+gpus%3A%3E1&sort=ended&order=desc&fold=1": JobsWanted(
            search="train gpus:>1", sort="ended", order="desc", fold=True
        ),
        "GET /v1/jobs?limit=3&ids=3%2C1%2C2": JobsWanted(ids=(3, 1, 2), limit=3),
        "GET /v1/jobs?limit=50": JobsWanted(search=""),
    }
    server.script = {address: (200, {"items": [], "total": 7, "searched": 9}) for address in addresses}
    for wanted in addresses.values():
        page = await api.jobs(wanted)
        assert (page.total, page.searched) == (7, 9)
    assert {call for call, _, _ in server.asked} == set(addresses)


async def test_the_fake_searches_sorts_and_folds(box):
    fake = FakeApi(me=box.ADA, gpus=[], stats=box.figures(), jobs=[
        box.job(1, name="train", gpus=2, state="completed", ended_at=5.0),
        box.job(2, name="train", array_parent=2, array_index=0, state="pending"),
        box.job(3, name="train", array_parent=2, array_index=1, state="pending"),
        box.job(4, name="train", array_parent=2, array_index=2, state="failed", ended_at=3.0),
        box.job(5, name=None, state="completed", ended_at=3.0, gpus=0),
    ])  # fmt: skip
    assert await found(fake, search="train gpus:>1 state:completed") == [1]
    assert await found(fake, sort="ended", states=ENDED) == [4, 5, 1]
    assert await found(fake, sort="ended", order="desc", states=ENDED) == [1, 5, 4]
    assert await found(fake, sort="name", order="desc") == [4, 3, 2, 1, 5]
    assert await found(fake, ids=(5, 77, 1)) == [5, 1]
    page = await fake.jobs(JobsWanted(fold=True))
    told = [(row.id, row.folded, row.elements) for row in page.items]
    assert told == [(1, None, None), (2, 2, "0-1"), (4, None, None), (5, None, None)]
    assert (page.total, page.searched) == (None, 5)
    assert (await fake.jobs(JobsWanted())).total == 5
    with pytest.raises(Refused, match="gpus:>1"):
        await fake.jobs(JobsWanted(search="gpus:x"))
