"""The audit log's list tells the time of day even where columns are narrow; the detail below tells it to the second."""

from engine.protocol.audit import AuditEntry
from rcq_tui.viewmodel.auditpage import cells, lines
from rcq_tui.viewmodel.formats import exact, moment

AT = 1_772_370_000.0
NARROW = 12
"""Cells of the column at 80 columns."""


def entry() -> AuditEntry:
    return AuditEntry(
        id=7, at=AT, account="boss", via="session", uid=1000, pid=4711, user="boss",
        action="gpu.drain", target="3", owner=None, sha256="a" * 64, before={}, after={"drained": True},
    )  # fmt: skip


def test_the_time_of_day_fits_a_narrow_column_and_the_detail_is_exact():
    for later in (60.0, 2 * 86_400.0):
        told = cells(entry(), AT + later)[0][0]
        assert told == moment(AT, AT + later)
        assert len(told) <= NARROW
    assert exact(AT) in lines(entry())[0][0][0]
