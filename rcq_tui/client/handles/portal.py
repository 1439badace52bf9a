"""The way from plain code to the one implementation, which is of `asyncio`: an event loop in a thread of its own.

So it works in any thread, also in one whose own event loop runs (a notebook's). Must not know what is run.
"""

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Portal:
    """An event loop in a thread, until `close`, or until nobody holds this any more."""

    def __init__(self) -> None:
        runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)  # with one it leaves this thread's own loop alone
        self._loop = runner.get_loop()
        self._thread = threading.Thread(target=_work, args=(runner,), name="rcq", daemon=True)
        self._thread.start()
        self._pid = os.getpid()
        self._end = weakref.finalize(self, _stop, self._loop, self._thread)

    @property
    def is_open(self) -> bool:
        """Whether anything can be run here: by this process, before `close`."""
        return self._end.alive and os.getpid() == self._pid

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What it comes to. Whoever is interrupted meanwhile (^C) leaves it cancelled.

        Raises RuntimeError where this is closed, or closed meanwhile.
        """
        if not self.is_open:
            work.close()
            is_ours = os.getpid() == self._pid
            whose = "is closed" if is_ours else "is of the process that this one was forked from"
            raise RuntimeError(f"this connection {whose}; make a new Rcq()")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError:
            if not threading.main_thread().is_alive():  # the program ends, and whoever waits in it without a word
                raise SystemExit from None
            raise RuntimeError("this connection was closed meanwhile; what was submitted goes on") from None
        finally:
            future.cancel()  # nothing where it is done

    def each(self, made: Callable[[], AsyncGenerator[T, None]]) -> Iterator[T]:
        """What it yields, one after the other; who stops half way has it closed."""
        steps = _Steps(made())
        try:
            while True:
                try:
                    item = self.run(steps.next())
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if self.is_open:
                self.run(steps.close())

    def close(self) -> None:
        """End the thread; a second time nothing happens."""
        self._end()


class _Steps(Generic[T]):
    """A generator that is closed only after its last step has ended, a cancelled one, too."""

    def __init__(self, items: AsyncGenerator[T, None]) -> None:
        self._items = items
        self._turn = asyncio.Lock()

    async def next(self) -> T:
        async with self._turn:
            return await anext(self._items)

    async def close(self) -> None:
        async with self._turn:
            await self._items.aclose()


def _work(runner: asyncio.Runner) -> None:
    """Until the loop is stopped; what runs then is cancelled, and has ended before the loop is closed."""
    with runner:
        loop = runner.get_loop()
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(_report)
        loop.run_forever()


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """anyio tells a read that was cancelled just then that there is something to read: that hurts nobody."""
    if not isinstance(context.get("exception"), asyncio.InvalidStateError):
        loop.default_exception_handler(context)


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    if not thread.is_alive():
        return
    loop.call_soon_threadsafe(loop.stop)
    if thread is not threading.current_thread():
        thread.join(timeout=5.0)
