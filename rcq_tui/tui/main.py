"""Opens the terminal UI on one engine. The one door for the command line.

Must not know how the socket or the token were found.
"""

import asyncio
import locale
from collections.abc import Callable

from rcq_tui.client.api import Api
from rcq_tui.tui.app import THEMES, RcqApp


def run(
    socket_path: str,
    token: str | None = None,
    *,
    save_token: Callable[[str], object] | None = None,
    forget_token: Callable[[], object] | None = None,
    mouse: bool = True,
    theme: str = THEMES[0],
) -> int:
    """Show the terminal UI until it is left; the exit code.

    save_token: called with the token of a log-in made in it. forget_token: called after a log-out.
    mouse: false leaves the mouse to the terminal.
    """
    return asyncio.run(_run(Api(socket_path, token), save_token, forget_token, mouse, theme))


async def _run(
    api: Api,
    save_token: Callable[[str], object] | None,
    forget_token: Callable[[], object] | None,
    mouse: bool,
    theme: str,
) -> int:
    app = RcqApp(api, save_token=save_token, forget_token=forget_token, ascii_only=not _draws_unicode(), theme=theme)
    try:
        await app.run_async(mouse=mouse)
    finally:
        await api.close()
    return app.return_code or 0


def _draws_unicode() -> bool:
    return "utf" in locale.getpreferredencoding(False).lower()
