"""The real client against an HTTP server on a Unix socket, and one story that client and fake tell alike."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from engine.protocol.cards import GpuSlot
from engine.protocol.errors import Refused, Unreachable
from engine.protocol.fields import JobFields
from engine.protocol.people import Session
from engine.protocol.responses import ReservationView
from rcq_tui.client.api import Api
from rcq_tui.client.calls import JobsWanted

SLOT = ReservationView(
    id=3, account=None, group="vision", gpu_indices=[0, 2], gpu_uuids=["GPU-a", "GPU-c"], start_at=5.0, end_at=65.0,
    created_at=1.0, active=False, mine=False, promises_moved=1,
)  # fmt: skip


class Server:
    """Answers in the order of its script; what it was asked is in `asked`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.script: dict[str, tuple[int, object]] = {}
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.stream: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            call = line.decode().rsplit(" ", 1)[0]
            headers = {}
            while (header := (await reader.readline()).decode().strip()) != "":
                name, _, value = header.partition(": ")
                headers[name.lower()] = value
            self.asked.append((call, headers, await reader.readexactly(int(headers.get("content-length", 0)))))
            if call.endswith("/v1/events"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
                for piece in self.stream:
                    writer.write(piece)
                    await writer.drain()
                break
            status, body = self.script[call]
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            writer.write(b"HTTP/1.1 %d X\r\nRetry-After: 7\r\nContent-Length: %d\r\n\r\n" % (status, len(data)) + data)
            await writer.drain()
        writer.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(tmp_path / "rcq.sock")
    listening = await asyncio.start_unix_server(server.serve, server.path)
    yield server
    listening.close()


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    api = Api(str(server.path), "old-token")
    yield api
    await api.close()


def told(job):
    return asdict(job) | {"a_field_of_a_newer_engine": 1}


async def test_calls_go_where_the_interface_says(box, server, api):
    job, gpu, stats = box.job(7), box.card(0, jobs=[box.user(7, "ada", "x")]), box.figures()
    page = {"items": [told(job)], "cursor": "abc"}
    server.script = {
        "GET /v1/me": (200, asdict(box.ADA)),
        "GET /v1/jobs?state=running%2Cpending&mine=1&limit=20&cursor=c": (200, page),
        "GET /v1/jobs/7": (200, told(job)),
        "GET /v1/jobs/7/why": (200, {"id": 7, "state": "pending", "reasons": [{"code": "GPUS_BUSY"}]}),
        "DELETE /v1/jobs/7": (200, told(job)),
        "POST /v1/jobs/7/hold": (200, told(job)),
        "POST /v1/jobs/7/release": (200, told(job)),
        "GET /v1/jobs/7/log?stream=stderr&offset=-10&limit=99": (
            200, {"text": "hi", "offset": 0, "next_offset": 2, "size": 2, "complete": True}),
        "GET /v1/gpus": (200, {"items": [asdict(gpu) | {"new": 1}]}),
        "POST /v1/gpus/GPU-1/drain": (200, asdict(gpu)),
        "POST /v1/gpus/GPU-1/resume": (200, asdict(gpu)),
        "GET /v1/reservations": (200, {"items": [told(SLOT)]}),
        "POST /v1/reservations": (201, told(SLOT)),
        "DELETE /v1/reservations/3": (200, told(SLOT)),
        "GET /v1/stats": (200, asdict(stats)),
        "GET /v1/groups": (200, {"items": []}),
        "GET /v1/accounts": (200, {"items": []}),
        "GET /healthz": (200, {"status": "ok", "version": "1", "last_pass_age_s": 0.1, "accounts": False}),
        "POST /v1/jobs": (201, {"id": 8}),
        "POST /v1/logout": (204, b""),
    }  # fmt: skip
    assert await api.me() == box.ADA
    got = await api.jobs(JobsWanted(states=("running", "pending"), mine=True, limit=20, cursor="c"))
    assert (got.cursor, [row.id for row in got.items]) == ("abc", [7])
    assert await api.job(7) == job
    assert (await api.why(7)).reasons == [{"code": "GPUS_BUSY"}]
    for call in (api.cancel, api.hold, api.release):
        assert await call(7) == job
    assert (await api.log(7, "stderr", -10, 99)).text == "hi"
    assert await api.gpus() == [gpu]
    assert await api.drain("GPU-1", "noisy fan") == gpu
    assert await api.resume("GPU-1") == gpu
    assert await api.stats() == stats
    assert (await api.reservations(), await api.unreserve(3)) == ([SLOT], SLOT)
    assert await api.reserve(2, 3600) == SLOT
    assert json.loads(server.asked[-1][2]) == {"gpus": 2, "duration_s": 3600, "start_at": None}
    await api.reserve(["0", "GPU-c"], 60, 5.0)
    assert json.loads(server.asked[-1][2]) == {"cards": ["0", "GPU-c"], "duration_s": 60, "start_at": 5.0}
    assert (await api.groups(), await api.accounts()) == ([], [])
    assert not (await api.health()).accounts
    assert await api.submit(JobFields(script="true", gpus=2)) == 8
    assert json.loads(server.asked[-1][2]) == {"script": "true", "gpus": 2}
    await api.logout()
    assert server.asked[-1][1]["authorization"] == "Bearer old-token"
    assert {call for call, _, _ in server.asked} == set(server.script), "every route was asked"


async def test_log_in_replaces_the_token_and_is_sent_without_the_old_one(box, server, api):
    session = Session(token="new", account="ada", group="vision", role="user", expires_at=2e9)
    server.script = {"POST /v1/login": (200, asdict(session)), "GET /v1/me": (200, asdict(box.ADA))}
    assert await api.login("ada", "secret") == session
    await api.me()
    assert "authorization" not in server.asked[0][1]
    assert server.asked[1][1]["authorization"] == "Bearer new"


async def test_refusals_keep_code_message_details_and_patience(server, api):
    error = {"code": "RATE_LIMITED", "message": "Wait.", "details": [{"field": "gpus", "message": "no"}, "odd"]}
    server.script = {"POST /v1/jobs": (429, {"error": error})}
    with pytest.raises(Refused) as caught:
        await api.submit(JobFields(script="true"))
    refused = caught.value
    assert (refused.code, refused.message, refused.retry_after_s) == ("RATE_LIMITED", "Wait.", 7.0)
    assert refused.details == [{"field": "gpus", "message": "no"}]


@pytest.mark.parametrize(
    "answer", [(200, b"<html>"), (200, {"items": [{}]}), (200, {}), (500, b"oops"), (502, {"error": "x"}), (200, [1])]
)
async def test_what_speaks_another_language_is_no_engine(server, api, answer):
    server.script = {"GET /v1/gpus": answer}
    with pytest.raises(Unreachable, match="rcq doctor"):
        await api.gpus()


async def test_nobody_on_the_socket(tmp_path):
    api = Api(str(tmp_path / "none.sock"))
    with pytest.raises(Unreachable, match=r"none\.sock does not answer"):
        await api.me()
    with pytest.raises(Unreachable):
        [event async for event in api.events()]
    await api.close()


async def test_a_starting_engine_tells_its_health(server, api):
    server.script = {"GET /healthz": (503, {"error": {"code": "SERVICE_NOT_READY", "message": "starting"}})}
    assert (await api.health()).status == "starting"


async def test_events_in_any_pieces(server, api):
    whole = (
        ': keep-alive\n\nid: 4\nevent: job\ndata: {"id": 7,\ndata:  "state": "running"}\n\nretry: 100\n'
        'event: queue\ndata: {}\n\nevent: odd\ndata: []\n\nid: 6\nevent: stats\r\ndata: {"x": "\u2028ü"}\r\n\r\n'
    ).encode()
    server.stream = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    stream, seen = api.events(after=3), []
    with pytest.raises(Unreachable, match="closed the event stream"):
        while True:
            seen.append(await anext(stream))
    assert [(event.id, event.kind) for event in seen] == [(4, "job"), (4, "queue"), (6, "stats")]
    assert seen[0].data == {"id": 7, "state": "running"}
    assert seen[2].data == {"x": "\u2028ü"}
    assert server.asked[-1][1]["last-event-id"] == "3"


async def test_a_booked_card_comes_with_its_slot_and_a_free_one_without(box, server, api):
    slot = GpuSlot(account=None, group="nlp", start_at=5.0, end_at=9.0, starts_in_s=0.0, ends_in_s=4.0)
    booked, free = replace(box.card(0), slot=slot), box.card(1)
    server.script = {"GET /v1/gpus": (200, {"items": [told(booked), told(free)]})}
    assert await api.gpus() == [booked, free]


async def test_fake_and_client_book_alike(box, server, api):
    fake = box.busy()
    fake.expect("reserve", 2, 3600, None, answer=SLOT)
    fake.expect("unreserve", 3)
    server.script = {
        "POST /v1/reservations": (201, asdict(SLOT)),
        "GET /v1/reservations": (200, {"items": [asdict(SLOT)]}),
        "DELETE /v1/reservations/3": (200, asdict(SLOT)),
    }
    told_by = [[await one.reserve(2, 3600), await one.reservations(), await one.unreserve(3)] for one in (fake, api)]
    assert told_by[0] == told_by[1] == [SLOT, [SLOT], SLOT]
    assert await fake.reservations() == []
    fake.finish()


async def test_the_fake_and_the_client_tell_one_story(box, server, api):
    fake = box.busy()
    everything = [asdict(job) for job in fake.rows.values() if job.state == "running"]
    server.script = {
        "GET /v1/me": (200, asdict(box.ADA)),
        "GET /v1/jobs?state=running&limit=50": (200, {"items": everything, "cursor": None, "total": len(everything)}),
        "GET /v1/jobs/999": (404, Refused("JOB_NOT_FOUND", "There is no job 999. List jobs: rcq queue").body()),
        "GET /v1/gpus": (200, {"items": [asdict(card) for card in fake.cards]}),
        "GET /v1/stats": (200, asdict(fake.figures)),
        "GET /v1/jobs/141/log?stream=stdout&offset=-5&limit=3": (
            200, {"text": "   ", "offset": 1827, "next_offset": 1830, "size": 1832, "complete": False}),
    }  # fmt: skip
    told_by = []
    for one in (fake, api):
        with pytest.raises(Refused) as caught:
            await one.job(999)
        log = await one.log(141, "stdout", -5, 3)
        told_by.append([
            await one.me(), await one.jobs(JobsWanted(states=("running",))), await one.gpus(), await one.stats(),
            (caught.value.code, caught.value.message), (log.text, log.next_offset - log.offset, log.complete),
        ])  # fmt: skip
    assert told_by[0] == told_by[1]


async def test_results_are_a_file_once_all_of_it_is_there(server: Server, tmp_path: Path) -> None:
    whole = b"PK\x05\x06" + bytes(18)
    server.script = {
        "GET /v1/jobs/7/results": (200, whole),
        "GET /v1/jobs/8/results": (200, whole[:-1]),
        "GET /v1/jobs/9/results": (409, {"error": {"code": "INVALID_STATE", "message": "no files", "details": []}}),
    }
    api = Api(str(server.path))
    assert await api.results(7, tmp_path / "7.zip") == len(whole)
    assert (tmp_path / "7.zip").read_bytes() == whole
    with pytest.raises(FileExistsError):
        await api.results(7, tmp_path / "7.zip")
    with pytest.raises(Unreachable, match="broke off"):
        await api.results(8, tmp_path / "8.zip")
    with pytest.raises(Refused, match="no files"):
        await api.results(9, tmp_path / "9.zip")
    assert sorted(os.listdir(tmp_path)) == ["7.zip", "rcq.sock"]  # noqa: PTH208 - pathlib may not block here
    await api.close()
