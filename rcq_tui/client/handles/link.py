"""What all handles of one engine share: its calls, and who waits for ends. Must not know handles."""

from dataclasses import dataclass

from rcq_tui.client.calls import Calls
from rcq_tui.client.handles.watcher import Watcher


@dataclass(slots=True, frozen=True)
class Link:
    """One engine, as handles use it. patience_s: so long may it be away while one waits."""

    calls: Calls
    watcher: Watcher
    patience_s: float
