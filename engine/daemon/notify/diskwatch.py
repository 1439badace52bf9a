"""Tells admins that the database cannot be written, while that lasts. Must not know how anybody is told."""

from collections.abc import Callable

from engine.daemon.notices import Notices

CODE = "DISK_FAILING"


class DiskWatch:
    """Looks when it is asked to. trouble: why nothing can be written; `None` if it can."""

    def __init__(self, *, notices: Notices, trouble: Callable[[], str | None]) -> None:
        self._notices = notices
        self._trouble = trouble

    async def look(self) -> None:
        """Tell it, or that it is over."""
        if (why := self._trouble()) is not None:
            self._notices.tell(CODE, why=why)
        else:
            self._notices.over(CODE)
