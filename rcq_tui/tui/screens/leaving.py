"""How a screen is left: once, and without a trace of what was still on its way to it.

Keys typed ahead over a slow line arrive in one go, and answers of the engine arrive late: a screen may be gone by then,
and its widgets with it. Must not know any single screen.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from inspect import isawaitable
from typing import Any, Generic, TypeVar

from textual._callback import count_parameters
from textual.await_complete import AwaitComplete
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.events import Mount
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import MountError
from textual.worker import Worker

T = TypeVar("T")


class Leaving(Screen[T], Generic[T]):
    """A screen that drops what comes for it after it was left."""

    @property
    def is_left(self) -> bool:
        """Whether it is not open any more, nor the UI: there may be no widgets to draw on."""
        app = self.app
        return self not in app.screen_stack or app.return_code is not None or not app.is_running

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Leave, once: a key that is pressed again must not close what lies below. What lies above goes, too."""
        if self.is_left:
            return AwaitComplete()
        while self.app.screen is not self:
            self.app.pop_screen()
        return super().dismiss(result)

    # ------------------------------------------------------------ what may come late: each as ever while it is open

    async def _on_message(self, message: Message) -> None:
        """A screen that was left before it was there has no widgets to begin with."""
        if not (isinstance(message, Mount) and self.is_left):
            with self._unless_left():
                await super()._on_message(message)

    def watch(self, obj: DOMNode, attribute_name: str, callback: Callable[..., Any], init: bool = True) -> None:
        """State of the application."""
        takes = count_parameters(callback)

        def changed(old: Any, new: Any) -> Any:
            with self._unless_left():
                return callback(*(old, new)[2 - takes :])

        super().watch(obj, attribute_name, changed, init)

    def run_worker(self, work: Any, *args: Any, **options: Any) -> Worker[Any]:
        """Slow work."""
        return super().run_worker(partial(self._while_open, work), *args, **options)

    def call_after_refresh(self, callback: Callable[..., Any], *args: Any, **named: Any) -> bool:
        """What waits for a picture."""
        return super().call_after_refresh(self._while_open, partial(callback, *args, **named))

    def set_interval(
        self, interval: float, callback: Callable[..., Any] | None = None, *args: Any, **named: Any
    ) -> Timer:
        """What is done again and again."""
        wrapped = None if callback is None else partial(self._while_open, callback)
        return super().set_interval(interval, wrapped, *args, **named)

    async def _while_open(self, work: Callable[[], Any] | Awaitable[Any]) -> Any:
        with self._unless_left():
            found = work() if callable(work) else work
            return await found if isawaitable(found) else found

    @contextmanager
    def _unless_left(self) -> Iterator[None]:
        try:
            yield
        except (NoMatches, MountError):
            if not self.is_left:
                raise
