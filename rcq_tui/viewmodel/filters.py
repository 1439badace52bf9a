"""Filters that were used: one goes back through them, and forward to what was being written. Pure."""

from collections.abc import Sequence

MOST = 50


class Filters:
    """texts: the oldest first. Walking back begins at the newest."""

    def __init__(self, texts: Sequence[object]) -> None:
        self.texts = tuple(text for text in texts if isinstance(text, str) and text)[-MOST:]
        self._at = len(self.texts)
        self._written = ""

    def kept(self, text: str) -> "Filters":
        """With this one as the newest."""
        return Filters([*(one for one in self.texts if one != text), text])

    def older(self, written: str) -> str | None:
        """The one before; `None` where there is none. written: what stands there now."""
        if self._at == len(self.texts):
            self._written = written
        if not self._at:
            return None
        self._at -= 1
        return self.texts[self._at]

    def newer(self) -> str | None:
        """The one behind, at last what was being written; `None` behind that."""
        if self._at == len(self.texts):
            return None
        self._at += 1
        return self.texts[self._at] if self._at < len(self.texts) else self._written
