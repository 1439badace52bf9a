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
    """One JSON document on standard output, on one line."""
    print(json_line(document))


def json_line(document: Any) -> str:
    """The document on one line.

    What is not printable in it is escaped, though JSON lets most of it stand: a terminal may be where it ends up.
    """
    text = json.dumps(document, ensure_ascii=False)
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    # Outside of its texts a document is plain ASCII, so whatever is escaped here stands inside one.
    return char if char.isprintable() else json.dumps(char)[1:-1]
