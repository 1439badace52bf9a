"""Words to the service manager that started the engine (sd_notify): ready, what it does, alive, about to stop.

Without `NOTIFY_SOCKET` all of them are no words. Must not know what makes an engine healthy.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, MutableMapping

log = logging.getLogger(__name__)

US_PER_S = 1_000_000
QUIET_S = 10.0
"""The status line is brought up to date so often where no watchdog asks for more."""


class ServiceManager:
    """The one who started this process. environ: what it said so is taken out, as jobs and helpers are not meant.

    every_s: how often it wants to hear from this process, seconds: half of its watchdog's patience; `None` for never.
    """

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        self._address = _address(environ.pop("NOTIFY_SOCKET", ""))
        patience_us, meant = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        mine = self._address is not None and meant in ("", str(os.getpid()))
        self.every_s = int(patience_us) / US_PER_S / 2 if mine and patience_us.isdigit() and int(patience_us) else None

    def ready(self) -> None:
        """People can be served from now on."""
        self._say("READY=1")

    def status(self, text: str) -> None:
        """What the engine does, in one line for `systemctl status`."""
        self._say("STATUS=" + " ".join(text.split()))

    def stopping(self) -> None:
        """The end has begun."""
        self._say("STOPPING=1")

    async def keep_told(self, fit: Callable[[], bool], status: Callable[[], str]) -> None:
        """Say that the engine lives, as long as it is `fit`, and what it does; until this is cancelled.

        An event loop that does not turn says nothing, which is the point.
        """
        if self._address is None:
            return
        silent = False
        while True:
            self.status(status())
            if self.every_s is not None:
                if fit():
                    self._say("WATCHDOG=1")
                elif not silent:
                    log.error("No pass was tried for too long: the service manager is to restart this engine.")
                silent = not fit()
            await asyncio.sleep(QUIET_S if self.every_s is None else min(QUIET_S, self.every_s))

    def _say(self, word: str) -> None:
        """Lost where nobody listens: whether the engine works does not depend on it."""
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.setblocking(False)
                line.sendto(word.encode(), self._address)
        except OSError as error:
            log.warning("The service manager could not be told %s: %s", word.partition("=")[0], error)


def _address(named: str) -> str | None:
    """Of its socket; a name that begins with @ is in the abstract namespace."""
    if named.startswith("@"):
        return "\0" + named[1:]
    return named if named.startswith("/") else None
