"""`python -m engine.notifier`: sends notifications for an engine that has no network itself.

On the appliance systemd starts it on its socket (`--system`); it ends when nobody needs it, and the next one reads the
settings anew. A personal engine starts it with its own settings, and talks to it over standard input until either ends.
"""

import argparse
import asyncio
import logging
import socket
import sys
from collections.abc import Sequence

from config.load import SettingsError, load_if_there
from config.paths import config_file
from config.settings import NotifySettings
from engine.notifier.serving import Serving
from engine.protocol.notifications import MOST_LINE_BYTES

HANDED_OVER = 3  # the first descriptor of sd_listen_fds(3)
IDLE_S = 30.0
EXIT_USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until nobody is left; the exit code."""
    parser = argparse.ArgumentParser(prog="rcq-notifier")
    parser.add_argument("--system", action="store_true", help="serve the socket that systemd hands over")
    parser.add_argument("--settings", metavar="JSON", help="the group [notify]; the settings file's if not given")
    given = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would write every address down, some hold a secret
    try:
        settings = (
            load_if_there(config_file(appliance=given.system)).notify
            if given.settings is None
            else NotifySettings.model_validate_json(given.settings)
        )
        place = socket.socket(fileno=HANDED_OVER if given.system else 0)
    except (SettingsError, ValueError) as error:
        print(f"rcq-notifier: {error}", file=sys.stderr)  # noqa: T201 - the log may go elsewhere
        return EXIT_USAGE
    except OSError:
        print("rcq-notifier: it is started by the engine, or by rcq-notifier.socket.", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    asyncio.run(_listen(place, Serving(settings)) if given.system else _attend(place, Serving(settings)))
    return 0


async def _attend(line: socket.socket, serving: Serving) -> None:
    """One connection, to its end."""
    line.setblocking(False)
    await serving.attend(*await asyncio.open_unix_connection(sock=line, limit=MOST_LINE_BYTES))


async def _listen(listener: socket.socket, serving: Serving) -> None:
    """Every connection that comes, until there has been none for a while: whoever comes then starts the next one."""
    listener.setblocking(False)
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    while True:
        try:
            async with asyncio.timeout(None if tasks else IDLE_S):
                coming = asyncio.create_task(loop.sock_accept(listener))
                await asyncio.wait([coming, *tasks], return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            coming.cancel()
            return
        if coming.done():
            task = asyncio.create_task(_attend(coming.result()[0], serving))
            tasks.add(task)
        else:
            coming.cancel()
        tasks = {task for task in tasks if not task.done()}


if __name__ == "__main__":
    sys.exit(main())
