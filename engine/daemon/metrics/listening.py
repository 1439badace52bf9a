"""Where Prometheus reads: the place is taken, or tried again and again; the engine goes on without it.

Must not know HTTP, nor what is told there.
"""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from config.settings import MetricsSettings
from engine.api.metricslistener import create_listener
from engine.api.metricsource import Metrics
from engine.api.server import claim, serve_on
from engine.protocol.errors import RcqError

log = logging.getLogger(__name__)
T = TypeVar("T")

ANYBODY = 0o666
"""Mode of a socket: whoever is on the machine may ask, as on a loopback address."""
TRY_AGAIN_S = 30.0
BACKLOG = 64
MOST_TOKEN = 4096
MENDS = {
    errno.EADDRINUSE: "Another program has it: set metrics.listen to another port.",
    errno.EADDRNOTAVAIL: "This machine has no such address: set metrics.listen to one that it has.",
    errno.EACCES: "Ports below 1024 are root's: set metrics.listen to one above.",
    errno.EAFNOSUPPORT: 'This unit has no network: set it to "/run/rcq/metrics.sock" and enable rcq-metrics.socket.',
}


class Listening:
    """Serves `metrics` where the settings say."""

    def __init__(self, metrics: Metrics, settings: MetricsSettings) -> None:
        self._metrics = metrics
        self._settings = settings

    @property
    def wanted(self) -> bool:
        """Whether there is anything to do."""
        return self._settings.place is not None

    async def run(self) -> None:
        """Until this is cancelled."""
        token = await self._ready(self._token)
        app = create_listener(self._metrics, token)
        listener = await self._ready(self._bound)
        try:
            log.info("Metrics are read at %s.", self._settings.listen)
            await serve_on(app, listener, lambda: None, asyncio.Event())
        finally:
            self._let_go(listener)

    async def _ready(self, attempt: Callable[[], T]) -> T:
        """What the attempt yields, as soon as it does."""
        told = ""
        while True:
            try:
                return await asyncio.to_thread(attempt)
            except (OSError, RcqError) as error:
                if str(error) != told:
                    told = str(error)
                    log.error("Nobody can read metrics there now, all else goes on: %s", told)
            await asyncio.sleep(TRY_AGAIN_S)

    def _token(self) -> str | None:
        """What readers have to bear. Raises OSError: without its token nothing is told."""
        file = self._settings.token_file
        return None if file is None else token_in(file)

    def _bound(self) -> socket.socket:
        """Raises OSError or SocketTaken, with what to do."""
        place = self._settings.place
        if isinstance(place, Path):
            return claim(place, ANYBODY, "metrics.listen")
        try:
            host, port = place or ("", 0)
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            number = error.errno or 0
            raise OSError(f"{self._settings.listen}: {os.strerror(number)}. {MENDS.get(number, '')}") from error
        listener.setblocking(False)
        return listener

    def _let_go(self, listener: socket.socket) -> None:
        place = self._settings.place
        if isinstance(place, Path):
            place.unlink(missing_ok=True)
        listener.close()


def token_in(file: Path) -> str:
    """Raises OSError for a file that cannot be read or holds nothing."""
    with file.open("rb") as opened:
        text = opened.read(MOST_TOKEN).decode("utf-8", "replace").strip()
    if not text:
        raise OSError(f"{file} is empty; write a token into it (openssl rand -hex 32)")
    return text
