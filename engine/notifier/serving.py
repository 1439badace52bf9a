"""Takes requests from connections and answers each when it was tried. Must not know where connections come from."""

import asyncio
import logging
from contextlib import suppress

from config.settings import NotifySettings
from engine.notifier import command, mail, webhook
from engine.notifier.outcome import Outcome, never
from engine.notifier.requests import Request, answer, read

log = logging.getLogger("rcq.notifier")

MOST_AT_ONCE = 16
"""Requests under way on one connection; further lines are not read meanwhile."""


class Serving:
    """Tries what it is asked to send. Keeps nothing: what was not answered, the engine asks for again."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the other side hangs up, or sends what is no request."""
        places = asyncio.Semaphore(MOST_AT_ONCE)
        tasks: set[asyncio.Task[None]] = set()
        try:
            while line := await reader.readline():
                await places.acquire()
                task = asyncio.create_task(self._carry(read(line), writer))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                task.add_done_callback(lambda _: places.release())
        except (ValueError, TypeError, KeyError) as error:
            log.error("Not a request of this version's: %s", type(error).__name__)
        except ConnectionError:
            pass
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(ConnectionError):
                writer.close()
                await writer.wait_closed()

    async def _carry(self, request: Request, writer: asyncio.StreamWriter) -> None:
        outcome = await self._send(request)
        if not outcome.ok:
            log.warning("%s of %s: %s", request.channel, request.notification.account, outcome.message)
        with suppress(ConnectionError):
            writer.write(answer(request, outcome))
            await writer.drain()

    async def _send(self, request: Request) -> Outcome:
        told, settings = request.notification, self._settings
        if request.channel == "mail":
            return await mail.send(told, request.to, settings)
        if request.channel == "webhook":
            return await webhook.send(told, request.to, request.secret, settings)
        if request.channel == "command":
            return await command.send(told, settings)
        return never(f"There is no channel {request.channel}.")
