"""The page on security shows the table of permissions as it is in force."""

import re
from pathlib import Path

from engine.daemon.access import TABLE, Standing

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
CELL = r" ([^|]*) \|"
ROW = re.compile(rf"^\| ([a-z][^|]*?) \|{CELL * 6}$", re.MULTILINE)


def test_the_table_of_who_may_do_what() -> None:
    rows = [(what, tuple(cell.strip() for cell in cells)) for what, *cells in ROW.findall(PAGE.read_text())]
    assert rows.pop(0) == ("action", tuple(standing.value for standing in Standing))
    shown = dict(rows)
    held = {
        action.value: tuple("yes" if standing in rule.may else "" for standing in Standing)
        for action, rule in TABLE.items()
    }
    assert shown == held
