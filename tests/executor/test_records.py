"""Records in a directory that another Unix user writes to."""

import os
from pathlib import Path

from engine.executor import records
from tests.executor.otherusers import USER1


def test_a_record_of_somebody_else_does_not_count_where_it_matters(tmp_path: Path) -> None:
    place = records.open_directory(str(tmp_path))
    try:
        records.write(place, "stop-1", {"cause": "cancelled"})
        assert records.read(place, "stop-1", owner=os.getuid()) == {"cause": "cancelled"}
        assert records.read(place, "stop-1", owner=USER1) is None
        (tmp_path / "again").hardlink_to(tmp_path / "stop-1")
        assert records.read(place, "again") is None, "a file by two names may be another job's"
    finally:
        os.close(place)
