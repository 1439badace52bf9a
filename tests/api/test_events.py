"""GET /v1/events: the stream's text, resuming, keeping alive, ending."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from engine.api.app import create_app
from engine.api.asks import FeedEvent, Identity
from engine.api.events import written
from engine.api.server import serve
from tests.api.scripted import (
    ADMIN,
    USER,
    Api,
    Script,
    ScriptedBox,
    ScriptedPeople,
    refusal,
    scripted_backend,
    wait_until,
)

PAST = [FeedEvent(id=at, kind="job", data={"id": at, "text": "line\nbreak ü"}) for at in range(1, 6)]


def read(api: Api, events: int, query: str = "", **headers: str) -> list[dict[str, str]]:
    """So many events, then leave."""
    found: list[dict[str, str]] = []
    now: dict[str, str] = {}
    with api.client().stream("GET", f"/v1/events{query}", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                now[name] = value
            elif now:
                found, now = ([*found, now] if "data" in now else found), {}
            if len(found) == events:
                return found
    return found


def test_events_have_id_kind_and_json_on_one_line(api: Api) -> None:
    api.box.past = PAST
    first, second = read(api, 2)
    assert (first["id"], first["event"]) == ("1", "job")
    assert json.loads(second["data"]) == {"id": 2, "text": "line\nbreak ü"}


def test_a_follower_goes_on_where_it_broke_off(api: Api) -> None:
    api.box.past = PAST
    assert [event["id"] for event in read(api, 2, **{"last-event-id": "3"})] == ["4", "5"]
    assert [event["id"] for event in read(api, 1, "?after=4")] == ["5"]
    assert [event["id"] for event in read(api, 1, "?after=1", **{"last-event-id": "4"})] == ["5"]


@pytest.mark.parametrize("header", ["x", "-1", "1" * 30, "1.0"])
def test_an_id_that_is_none_is_refused(api: Api, header: str) -> None:
    answer = api.ask("GET", "/v1/events", headers={"last-event-id": header})
    assert refusal(answer) == (422, "VALIDATION_ERROR")
    assert refusal(api.ask("GET", "/v1/events?after=-1")) == (422, "VALIDATION_ERROR")
    assert refusal(api.ask("GET", "/v1/events?since=1")) == (422, "VALIDATION_ERROR")


def test_a_follower_that_leaves_is_let_go(api: Api) -> None:
    api.box.past = PAST
    client = api.client()
    with client.stream("GET", "/v1/events") as answer:
        assert answer.status_code == 200
        wait_until(lambda: api.box.followers == 1)
    wait_until(lambda: api.box.followers == 0)


@pytest.mark.parametrize("now", [None, ADMIN])
def test_who_is_no_longer_the_same_follows_no_further(api: Api, now: Identity | None) -> None:
    answers = iter([USER, USER, now])

    async def by_token(token: str) -> Identity | None:
        return next(answers)

    api.box.past = PAST
    api.people.by_token = by_token
    with api.client().stream("GET", "/v1/events") as answer:
        lines = list(answer.iter_lines())
    assert [line for line in lines if line.startswith("id")] == ["id: 1"]
    wait_until(lambda: api.box.followers == 0)


async def test_silence_is_broken_by_comments_and_ended_by_closing() -> None:
    class Feed:
        ended = False

        async def events(self) -> AsyncIterator[FeedEvent]:
            try:
                await asyncio.Event().wait()
                yield PAST[0]
            finally:
                self.ended = True

    feed, closing = Feed(), asyncio.Event()
    stream = written(feed.events(), closing, keep_alive_s=0.01)
    assert (await anext(stream)).startswith(b"retry: ")
    assert await anext(stream) == b": still here\n\n"
    assert await anext(stream) == b": still here\n\n"
    closing.set()
    assert [piece async for piece in stream] == []
    assert feed.ended


async def test_the_stream_ends_with_its_feed() -> None:
    async def feed() -> AsyncIterator[FeedEvent]:
        yield PAST[0]

    pieces = [piece async for piece in written(feed(), asyncio.Event())]
    assert pieces[1:] == [b'id: 1\nevent: job\ndata: {"id":1,"text":"line\\nbreak \xc3\xbc"}\n\n']


async def test_open_streams_do_not_hold_up_the_end_of_the_server(tmp_path: Path) -> None:
    script = Script()
    box = ScriptedBox(script)
    backend = scripted_backend(script, people=ScriptedPeople(script), box=box)
    ready, stop = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve(create_app(backend), tmp_path / "s", ready.set, stop=stop))
    await asyncio.wait_for(ready.wait(), 5)
    transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "s"))
    headers = {"authorization": "Bearer good"}
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://rcq", headers=headers) as client,
        client.stream("GET", "/v1/events") as answer,
    ):
        lines = answer.aiter_lines()
        assert (await anext(lines)).startswith("retry")
        stop.set()
        await asyncio.wait_for(serving, 2)
        assert [line async for line in lines if line] == []
    assert box.followers == 0
