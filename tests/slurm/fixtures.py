"""The fixtures that hand a test a real Slurm; tests/conftest.py offers them to every room.

`slurm`: one for all tests of a pytest process, cleared after each. `fresh_slurm`: makes one of the test's own, for
tests that kill its daemons, change its configuration or need Slurm to forget soon. Both skip the test where there
cannot be one.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.slurm.cluster import Cluster, lacking


@pytest.fixture(scope="session")
def shared_slurm() -> Iterator[Cluster]:
    """Use `slurm`, which clears it."""
    if why := lacking():
        pytest.skip(why)
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def slurm(shared_slurm: Cluster) -> Iterator[Cluster]:
    """A cluster without jobs, all nodes idle."""
    yield shared_slurm
    shared_slurm.clear()


@pytest.fixture
def fresh_slurm() -> Iterator[Callable[..., Cluster]]:
    """Starts a cluster of the test's own, with what `Cluster` is given."""
    if why := lacking():
        pytest.skip(why)
    with ExitStack() as stack:
        yield lambda *given, **named: stack.enter_context(Cluster(*given, **named))
