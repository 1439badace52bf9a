"""The connection that a verb talks through, and how it prints a document.

Must not know any verb.
"""

import json
from typing import Any

from rcq_tui.client.token import read
from rcq_tui.client.where import find_socket
from rcq_tui.client.wire import Wire


def engine(timeout_s: float = 30.0) -> Wire:
    """The engine of this user, with their token. Raises Unreachable, Refused."""
    return Wire(find_socket(), read(), timeout_s)


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(document, ensure_ascii=False))
