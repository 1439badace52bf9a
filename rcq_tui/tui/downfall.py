"""What is left on the terminal where the program fails: where it went wrong, never the values around it.

Among these are passwords, tokens and other people's jobs, and what is on the terminal is pasted into reports. Must not
know what failed.
"""

from rich.segment import Segments
from rich.traceback import Traceback
from textual.app import App


class Discreet(App[int]):
    """An application that fails without telling secrets."""

    def _fatal_error(self) -> None:
        self.bell()
        told = Traceback(show_locals=False, width=None)
        self._exit_renderables.append(Segments(self.console.render(told, self.console.options)))
        self._close_messages_no_wait()
