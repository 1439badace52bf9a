"""From the settings to what the API holds its callers to. Must not know HTTP."""

import logging

from config.settings import ApiSettings
from engine.api.bounds import Bounds
from engine.descriptors import KEPT

log = logging.getLogger("rcq")


def bounds_of(settings: ApiSettings, descriptors: int) -> Bounds:
    """The settings' bounds; descriptors: how many this process may have open, which more connections cannot use."""
    most = settings.connections
    room = max(descriptors - KEPT, KEPT)
    if most > room:
        log.warning("Only %d files may be open: at most %d connections, not %d (ulimit -n).", descriptors, room, most)
    return Bounds(
        head_timeout_s=settings.head_timeout_s,
        body_timeout_s=settings.body_timeout_s,
        stream_idle_s=settings.stream_idle_s,
        write_timeout_s=settings.write_timeout_s,
        request_timeout_s=settings.request_timeout_s,
        connections=min(most, room),
        connections_per_user=settings.connections_per_user,
        event_streams=settings.event_streams,
        event_streams_per_account=settings.event_streams_per_account,
        uploads_per_account=settings.uploads_per_account,
    )
