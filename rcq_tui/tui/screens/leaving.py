"""How a screen is left: once, and without a trace of what was still on its way to it.

Keys typed ahead over a slow line arrive in one go, and answers of the engine arrive late: a screen may be gone by then,
and its widgets with it. Must not know any single screen.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from typing import Any, Generic, TypeVar

from textual.await_complete import AwaitComplete
from textual.css.query import NoMatches
from textual.events import Event, Mount
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import Worker

T = TypeVar("T")


class Leaving(Screen[T], Generic[T]):
    """A screen that drops what comes for it after it was left."""

    @property
    def is_left(self) -> bool:
        """Whether it is not open any more, or not yet: there are no widgets to draw on."""
        return self not in self.app.screen_stack

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Leave, once: a key that is pressed again must not close what lies below. What lies above goes, too."""
        if self.is_left:
            return AwaitComplete()
        while self.app.screen is not self:
            self.app.pop_screen()
        return super().dismiss(result)

    async def on_event(self, event: Event) -> None:
        """A screen that was left before it was there has no widgets to begin with."""
        if not (isinstance(event, Mount) and self.is_left):
            await super().on_event(event)

    def run_worker(self, work: Any, *args: Any, **options: Any) -> Worker[Any]:
        """As ever; what it cannot draw any more is no error."""
        return super().run_worker(partial(self._while_open, work), *args, **options)

    def call_after_refresh(self, callback: Callable[..., Any], *args: Any, **named: Any) -> bool:
        """As ever, as long as it is open."""
        return super().call_after_refresh(self._while_open, partial(callback, *args, **named))

    def set_interval(
        self, interval: float, callback: Callable[..., Any] | None = None, *args: Any, **named: Any
    ) -> Timer:
        """As ever, as long as it is open."""
        wrapped = None if callback is None else partial(self._while_open, callback)
        return super().set_interval(interval, wrapped, *args, **named)

    async def _while_open(self, work: Callable[[], Any] | Awaitable[Any]) -> Any:
        try:
            found = work() if callable(work) else work
            return await found if isawaitable(found) else found
        except NoMatches:
            if not self.is_left:
                raise
        return None
