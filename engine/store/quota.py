"""Quotas as JSON text of a column, and back.

Must not know whose quota it is.
"""

import json
from dataclasses import asdict

from engine.core.quota import Quota


def quota_text(quota: Quota) -> str:
    """The limits that are set, as JSON."""
    return json.dumps({name: limit for name, limit in asdict(quota).items() if limit not in (None, {})})


def quota_of(text: str) -> Quota:
    """The quota that was written."""
    return Quota(**json.loads(text))
