"""`lab`: an engine on the cluster that tests share. `start_lab`: on any, as on one that the test may break."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.slurm.lab import SETTINGS, Lab
from tests.slurm.cluster import Cluster


@pytest.fixture
def start_lab(launch: Callable[..., Any], tmp_path: Path) -> Callable[..., Lab]:
    """Starts an engine: `start_lab(fresh_slurm())`. A test names its cluster's fixture first, so that it outlives it.

    settings: another text than `SETTINGS`.
    """

    def start(cluster: Cluster, *, settings: str = SETTINGS, ahead: int = 3, timeout_s: float = 5.0) -> Lab:
        commands = cluster.commands(tmp_path / "bin")
        filled = settings.format(bin_dir=commands, ahead=ahead, timeout_s=timeout_s)
        return Lab(cluster, launch(filled, environment=cluster.env), commands)

    return start


@pytest.fixture
def lab(slurm: Cluster, start_lab: Callable[..., Lab]) -> Lab:
    return start_lab(slurm)
