"""What the API is held to follows the settings and what this process may have open; jobs notice nothing of it."""

import dataclasses
import subprocess
import sys

from config.settings import ApiSettings
from engine.api.bounds import Bounds
from engine.daemon.apibounds import bounds_of
from engine.descriptors import KEPT

PLAYED = """
import subprocess
from engine import descriptors
print(descriptors.raise_limit())
subprocess.run(descriptors.as_usual("/bin/sh", "-c", "ulimit -S -n; ulimit -H -n; echo $0", "a b"), check=True)
"""


def test_every_setting_arrives() -> None:
    odd = {name: (default + 1) for name, default in dataclasses.asdict(Bounds()).items()}
    assert dataclasses.asdict(bounds_of(ApiSettings(**odd), 100_000)) == odd
    assert bounds_of(ApiSettings(), 100_000) == Bounds()


def test_there_are_no_more_connections_than_descriptors() -> None:
    assert bounds_of(ApiSettings(), 1024).connections == 1024 - KEPT
    assert bounds_of(ApiSettings(), 10).connections == KEPT


def test_the_engine_takes_what_it_may_and_passes_on_what_it_had() -> None:
    lowered = ["/bin/sh", "-c", 'ulimit -S -n 300 && ulimit -H -n 700 && exec "$@"', "sh"]
    ran = subprocess.run(
        [*lowered, sys.executable, "-c", PLAYED], capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout.splitlines() == ["700", "300", "700", "a b"]
