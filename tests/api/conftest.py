"""A real server on a real Unix socket, with a fresh scripted engine for every test."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import uvloop

from engine.api.app import create_app
from engine.api.bounds import Bounds
from engine.api.server import serve
from tests.api.scripted import Api, Books


@contextmanager
def served(bounds: Bounds | None = None) -> Iterator[Api]:
    """A server on uvloop in a thread of its own, until this is left."""
    with TemporaryDirectory(prefix="rcq-api-") as directory:
        app = create_app(None, bounds)  # type: ignore[arg-type]
        api = Api(Path(directory, "rcq.sock"), app)
        ready, loops = threading.Event(), []

        async def run() -> None:
            loops.append((asyncio.get_running_loop(), stop := asyncio.Event()))
            await serve(app, api.socket, ready.set, stop=stop)

        def main() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(run())

        thread = threading.Thread(target=main, name="server")
        thread.start()
        assert ready.wait(10)
        try:
            yield api
        finally:
            for client in api.clients:
                client.close()
            loop, stop = loops[0]
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture(scope="session")
def server() -> Iterator[Api]:
    """One server for all tests."""
    with served() as api:
        yield api


@pytest.fixture
def serves() -> Iterator[Callable[[Bounds], Api]]:
    """Starts servers with bounds of their own."""
    with ExitStack() as stack:
        yield lambda bounds: stack.enter_context(served(bounds))


@pytest.fixture
def api(server: Api) -> Iterator[Api]:
    """The server with a fresh engine; at the end all that was expected must have come, and nothing else."""
    server.reset()
    yield server
    for client in server.clients:
        client.close()
    server.clients.clear()
    assert server.script.surprises == []
    assert server.script.expected == []


@pytest.fixture
def books(api: Api) -> Books:
    """The server with jobs kept in memory."""
    kept = Books()
    api.reset(jobs=kept)
    return kept
