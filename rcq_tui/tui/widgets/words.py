"""A piece of text that is drawn again only when it says something else.

Must not know what it says.
"""

from textual.content import Content
from textual.widgets import Static


class Words(Static):
    """Text, never markup. Screens may put the same words every second: nothing is laid out or sent for it."""

    def __init__(self, *, id: str) -> None:
        super().__init__(Content(""), id=id, markup=False)
        self._said = Content("")

    def put(self, said: Content) -> bool:
        """Say this from now on; whether it is something else than before."""
        if said.is_same(self._said):
            return False
        self._said = said
        self.update(said)
        return True
