"""A notification as JSON, for webhooks and the command. Must not know who gets it."""

import json
from dataclasses import asdict

from engine.protocol.notifications import Notification
from rcq_tui.viewmodel.notifications import subject, text


def body_of(notification: Notification) -> bytes:
    """All its fields, with `subject` and `text` in words: chat programs take a webhook's `text` as it is."""
    words = {"subject": subject(notification), "text": text(notification)}
    return json.dumps({**asdict(notification), **words}).encode()
