"""Cards that a test makes ill, and what tests them."""

from engine.readings import GpuReading


class Cards:
    """Two cards whose readings and uses the test writes; it is provider and attribution at once."""

    def __init__(self, clock):
        self.clock = clock
        self.values = {0: {}, 1: {}}
        self.used = {}

    def read(self):
        readings = []
        for index, values in self.values.items():
            given = {"model": "A", "memory_mb": 9000, "memory_used_mb": 0, "temperature_c": 40.0} | values
            readings.append(GpuReading(uuid=f"GPU-{index}", index=index, read_at=self.clock.now(), **given))
            values.pop("xids", None)
        return tuple(readings)

    def nodes(self):
        return ()

    def prepare(self):
        pass

    def uses(self, readings):
        return dict(self.used)

    def close(self):
        pass


class Canary:
    """A test of cards that fails as the test of the engine says."""

    def __init__(self):
        self.failed = None
        self.tested = []

    async def __call__(self, gpu):
        self.tested.append(gpu)
        return self.failed
