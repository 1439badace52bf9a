"""A clock that goes when told, and the stand-in for the driver's library."""

from dataclasses import dataclass

import pytest

from tests.gpu.fake_nvml import FakeCard, FakeNvml, install


@dataclass
class HandClock:
    """A clock that a test sets."""

    at: float = 1_700_000_000.0

    def now(self) -> float:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    """A driver with two cards."""
    second = FakeCard(uuid="GPU-00000000-0000-0000-0000-000000000002", name=b"NVIDIA A100-SXM4-80GB", temperature=40)
    return install(monkeypatch, [FakeCard(), second])
