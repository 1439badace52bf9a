"""What the API needs of the engine for the audit log, fulfilled by the daemon. Must not know HTTP or the store."""

from typing import Protocol

from engine.api.asks import AuditQuery, Identity
from engine.protocol.audit import AuditChain, AuditPage


class AuditLog(Protocol):
    """Who changed what. Nothing here changes it."""

    async def entries(self, who: Identity, query: AuditQuery) -> AuditPage:
        """A page, newest first: all for admins, for others what they did or what is about them."""
        ...

    async def chain(self, who: Identity) -> AuditChain:
        """Whether each entry is what was written. FORBIDDEN unless admin."""
        ...
