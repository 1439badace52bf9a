"""Listings that come page by page: as many rows as were asked for, however many pages that takes.

Must not know what a row is.
"""

from typing import Any

from rcq_tui.client.wire import Wire

PAGE = 1000
"""Rows that the engine gives at once, at most."""


def fetch(wire: Wire, path: str, query: dict[str, Any], limit: int) -> dict[str, Any]:
    """Up to `limit` rows as {"items", "cursor"}; the cursor is `None` where there are no more."""
    items: list[Any] = []
    cursor = None
    while True:
        page = wire.request("GET", path, {**query, "limit": min(PAGE, limit - len(items)), "cursor": cursor})
        items += page["items"]
        cursor = page["cursor"]
        if cursor is None or len(items) >= limit:  # a page of a search may be empty and yet not the last
            return {"items": items, "cursor": cursor}


def more(answer: dict[str, Any]) -> list[str]:
    """The line below a table on a terminal that does not hold all."""
    return [f"… there are more than these {len(answer['items'])}: --limit N shows more"] if answer["cursor"] else []
