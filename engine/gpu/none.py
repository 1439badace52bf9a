"""A host without cards: CPU-only jobs still run.

Must not know why there are none.
"""

from engine.readings import GpuReading


class NoGpus:
    """A `GpuProvider` that has no cards."""

    def read(self) -> tuple[GpuReading, ...]:
        """No cards."""
        return ()

    def close(self) -> None:
        """Nothing to let go of."""
