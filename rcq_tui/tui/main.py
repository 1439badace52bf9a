"""Opens the terminal UI on one engine. The one door for the command line.

Must not know how the socket or the token were found.
"""

import asyncio
import locale
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from rcq_tui.client.api import Api
from rcq_tui.tui.app import RcqApp
from rcq_tui.tui.remembered import Remembered


def run(
    socket_path: str,
    token: str | None = None,
    *,
    save_token: Callable[[str], object] | None = None,
    forget_token: Callable[[], object] | None = None,
    mouse: bool = True,
    remembered: Path | None = None,
) -> int:
    """Show the terminal UI until it is left; the exit code.

    save_token: called with the token of a log-in made in it. forget_token: called after a log-out.
    mouse: false leaves the mouse to the terminal. remembered: the file of what is remembered between starts.
    """
    api = Api(socket_path, token)
    app = RcqApp(
        api,
        terminal=os.environ.get("TERM", ""),
        save_token=save_token,
        forget_token=forget_token,
        ascii_only=not _draws_unicode(os.environ),
        remembered=Remembered(remembered),
    )
    return asyncio.run(_run(api, app, mouse))


async def _run(api: Api, app: RcqApp, mouse: bool) -> int:
    try:
        await app.run_async(mouse=mouse)
    finally:
        await api.close()
    return app.return_code or 0


def _draws_unicode(environ: Mapping[str, str]) -> bool:
    """The Linux console takes UTF-8 and has signs for little of it."""
    if environ.get("RCQ_ASCII", "0") not in {"", "0"}:
        return False
    return environ.get("TERM") not in _BARE and "utf" in locale.getpreferredencoding(False).lower()


_BARE = {"linux", "vt100", "vt102", "vt220", "ansi", "dumb"}
"""Terminals (TERM) whose fonts are small."""
