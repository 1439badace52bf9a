"""The socket: whose it is, who connects, how it ends."""

import asyncio
import os
import signal
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import uvloop

from engine.api.app import create_app
from engine.api.server import SocketTaken, claim, serve
from tests.api.scripted import (
    HEALTHY,
    Api,
    Books,
    Script,
    ScriptedBox,
    ScriptedPeople,
    refusal,
    scripted_backend,
    wait_until,
)


class _Box:
    async def health(self) -> object:
        return HEALTHY


class _People:
    def __init__(self) -> None:
        self.uids: list[int] = []

    async def by_peer(self, uid: int) -> None:
        self.uids.append(uid)


class _Backend:
    def __init__(self) -> None:
        self.people = _People()
        self.box = _Box()


def run(main: Callable[[], object], uv: bool) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if uv else None) as runner:
        runner.run(main())  # type: ignore[arg-type]


@pytest.mark.parametrize("uv", [True, False], ids=["uvloop", "asyncio"])
@pytest.mark.parametrize("how", ["stop", "cancel"])
def test_serves_tells_the_peer_and_ends(tmp_path: Path, uv: bool, how: str) -> None:
    path = tmp_path / "rcq.sock"
    backend = _Backend()

    async def main() -> None:
        app = create_app(backend)  # type: ignore[arg-type]
        ready, stop = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve(app, path, ready.set, mode=0o660, stop=stop))
        await asyncio.wait_for(ready.wait(), 5)
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        transport = httpx.AsyncHTTPTransport(uds=str(path), verify=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://rcq") as client:
            assert (await client.get("/v1/me")).status_code == 401
            assert (await client.get("/healthz")).status_code == 200
        if how == "stop":
            stop.set()
            await asyncio.wait_for(serving, 5)
        else:
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(serving, 5)
        assert not path.exists()

    run(main, uv)
    assert backend.people.uids == [os.getuid()]


def test_signals_stay_the_daemons(tmp_path: Path) -> None:
    async def main() -> None:
        before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        ready, stop = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve(create_app(_Backend()), tmp_path / "s", ready.set, stop=stop))  # type: ignore[arg-type]
        await asyncio.wait_for(ready.wait(), 5)
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        stop.set()
        await serving

    run(main, uv=False)


def test_a_stale_socket_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "rcq.sock"
    claim(path, 0o600).close()  # a dead engine leaves the name behind
    assert path.is_socket()
    with claim(path, 0o600) as living:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        with pytest.raises(SocketTaken, match="already answers"):
            claim(path, 0o600)
        assert path.is_socket()
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))  # it still works
        assert living.fileno() >= 0


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("mine")
    with pytest.raises(SocketTaken, match="no socket"):
        claim(path, 0o600)
    assert path.read_text() == "mine"


def test_a_path_too_long_for_the_kernel_is_named(tmp_path: Path) -> None:
    with pytest.raises(SocketTaken, match="107"):
        claim(tmp_path / ("x" * 120), 0o600)


def test_a_socket_that_another_engine_put_there_is_not_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "rcq.sock"

    async def main() -> None:
        ready, stop = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve(create_app(_Backend()), path, ready.set, stop=stop))  # type: ignore[arg-type]
        await asyncio.wait_for(ready.wait(), 5)
        path.rename(tmp_path / "old")
        with claim(path, 0o600):
            stop.set()
            await serving
            assert path.is_socket()

    run(main, uv=True)


def raw(api: Api, data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(api.socket))
        connection.sendall(data)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def as_answer(data: bytes) -> httpx.Response:
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    headers = dict(tuple(line.split(b": ", 1)) for line in lines[1:])
    return httpx.Response(int(lines[0].split()[1]), headers=headers, content=body)


def test_what_is_no_http_is_refused_in_the_one_shape(api: Api) -> None:
    assert refusal(as_answer(raw(api, b"hello there\r\n\r\n"))) == (400, "BAD_FORMAT")


def test_a_head_without_end_is_cut_off(api: Api) -> None:
    assert refusal(as_answer(raw(api, b"GET /healthz HTTP/1.1\r\nx: " + b"y" * 70_000 + b"\r\n\r\n"))) == (
        413,
        "TOO_LARGE",
    )


@pytest.mark.parametrize("query", ["", "?progress=1"])
def test_an_upload_under_way_does_not_hold_up_the_end_for_ever(
    tmp_path: Path, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.api.server.GRACE_S", 0.1)
    books = Books()
    script = Script()
    people, box = ScriptedPeople(script), ScriptedBox(script)
    backend = scripted_backend(script, people=people, jobs=books, box=box)

    async def main() -> None:
        ready, stop = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve(create_app(backend), tmp_path / "s", ready.set, stop=stop))
        await asyncio.wait_for(ready.wait(), 5)
        _, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(f"POST /v1/ingest{query} HTTP/1.1\r\nauthorization: Bearer good\r\n".encode())
        writer.write(b'content-length: 1000\r\n\r\n{"command": ["true"]}\n{"command": ["tr')
        await asyncio.to_thread(wait_until, lambda: len(books.jobs) == 1)
        stop.set()
        await asyncio.wait_for(serving, 3)
        writer.close()

    run(main, uv=True)
    assert len(books.jobs) == 1
