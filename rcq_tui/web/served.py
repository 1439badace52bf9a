"""The program behind one browser: the terminal UI for whoever logs in there, and for nobody else.

It runs as the Unix user who started the web server, and a visitor may be anybody who reaches that port. So it is never
at home: the engine is not asked as that user, no token is read or kept, nothing of their files is read or written.
Run by `rcq_tui.web.session`: `python -m rcq_tui.web.served SOCKET`.
"""

import asyncio
import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from engine.protocol.errors import RcqError
from rcq_tui.client.api import Api
from rcq_tui.client.calls import Calls
from rcq_tui.tui import app
from rcq_tui.tui.app import RcqApp
from rcq_tui.viewmodel.text import clean

LOGIN_S = 300.0
"""Seconds for which an open page may wait for somebody to log in: the places are few, and anybody may take one."""
_LOOK_S = 1.0


class ServedApp(RcqApp):
    """The same UI, which leaves when the web server has gone, or when nobody has logged in for `LOGIN_S`.

    ticks: seconds of a clock that nobody sets.
    """

    CSS_PATH = str(Path(app.__file__).with_name("rcq.tcss"))

    def __init__(self, api: Calls, *, ticks: Callable[[], float] = time.monotonic, at_home: bool = False) -> None:
        super().__init__(api, at_home=at_home)
        self._ticks = ticks

    def on_mount(self) -> None:
        """Look now and then whether to stay. That of the UI itself is called besides."""
        self._server = os.getppid()
        self._known_at = self._ticks()
        self.set_interval(_LOOK_S, self._look_around)

    def _look_around(self) -> None:
        now = self._ticks()
        if self.me is not None:
            self._known_at = now
        if os.getppid() != self._server or now - self._known_at > LOGIN_S:
            self.exit(0)


async def _run(socket_path: str, nowhere: TextIO) -> int:
    api = Api(socket_path, as_peer=False)
    ui = ServedApp(api, at_home=False)
    try:
        with contextlib.redirect_stderr(nowhere):  # the library shows an error with the values around it
            await ui.run_async()
        with contextlib.suppress(RcqError):  # nobody keeps the token: the session would be open for days
            await api.logout()
    finally:
        await api.close()
    error = ui._exception
    if error is not None:
        _tell(error)
    return ui.return_code or 0


def _tell(error: BaseException) -> None:
    """Where it went wrong, for the terminal of whoever serves: without values, which may be a stranger's."""
    for entry in traceback.format_exception(error):
        for line in entry.splitlines():
            sys.__stderr__.write(clean(line) + "\n")  # type: ignore[union-attr]  # a pipe to the server


def main() -> int:
    """One session, over the pipes that the web server made."""
    os.umask(0o077)
    os.chdir("/")
    with Path(os.devnull).open("w") as nowhere:
        return asyncio.run(_run(sys.argv[1], nowhere))


if __name__ == "__main__":
    sys.exit(main())
