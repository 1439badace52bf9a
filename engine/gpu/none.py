"""A host without cards: CPU-only jobs still run; and cards whose power limits nobody may set.

Must not know why there are none.
"""

from engine.core.model import GpuUuid
from engine.protocol.errors import RcqError
from engine.readings import GpuReading, NodeReading


class NoGpus:
    """A `GpuProvider` that has no cards."""

    def read(self) -> tuple[GpuReading, ...]:
        """No cards."""
        return ()

    def nodes(self) -> tuple[NodeReading, ...]:
        """None: its cards are this host's."""
        return ()

    def close(self) -> None:
        """Nothing to let go of."""


class FixedPower:
    """A `PowerControl` that sets no limits. why: a sentence for the person who asks for one."""

    def __init__(self, why: str) -> None:
        self._why = why

    def refusal(self) -> str | None:
        """Why not."""
        return self._why

    def set_limit(self, gpu: GpuUuid, watts: float) -> None:
        """Always refused."""
        raise RcqError(self._why)
