"""Words for files that are gone."""

import time

from rcq_tui.viewmodel.files import files_removed

AT = time.mktime((2026, 11, 22, 8, 0, 0, 0, 0, -1))


def test_while_they_are_there_nothing_is_said() -> None:
    assert files_removed({}) == files_removed({"files_removed_at": None}) == ""


def test_when_and_why_they_went() -> None:
    told = {"files_removed_at": AT, "files_removed_why": "age"}
    assert files_removed(told) == "were removed 2026-11-22 08:00:00, as its end was long ago"
    assert files_removed({**told, "files_removed_why": "fetched"}).endswith(", as its results had been fetched")
    assert files_removed({**told, "files_removed_why": "new reason"}) == "were removed 2026-11-22 08:00:00"
