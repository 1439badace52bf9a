"""The chain that ties the entries of the audit log together. Must not know how an entry is stored or read."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

COLUMNS = ("id", "at", "account", "via", "uid", "pid", "action", "target", "owner", "detail")
"""What an entry's SHA-256 covers, in this order, after that of the entry before."""


def fingerprint(before: str, row: Sequence[Any]) -> str:
    """SHA-256, hex, over the one of the entry before (empty for the first) and the values of `COLUMNS`."""
    return hashlib.sha256(f"{before}\n{json.dumps(row, separators=(',', ':'))}".encode()).hexdigest()
