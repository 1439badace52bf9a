"""What is remembered comes back at the next start, and a file that is none of ours is a fresh start."""

import json
import stat

import pytest

from rcq_tui.tui.remembered import Remembered


def test_values_come_back_and_only_of_the_right_kind(tmp_path):
    path = tmp_path / "deep" / "tui.json"
    first = Remembered(path)
    first.keep("theme", "nord")
    first.keep("columns", ["id", "who"])
    second = Remembered(path)
    assert second.of("theme", "") == "nord"
    assert second.of("columns", []) == ["id", "who"]
    assert second.of("theme", 7) == 7
    assert second.of("nothing", "x") == "x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["tui.json"]


@pytest.mark.parametrize("content", ["", "[]", "{", '"x"', "[" * 100_000, "\0"])
def test_a_damaged_file_is_a_fresh_start(tmp_path, content):
    path = tmp_path / "tui.json"
    path.write_text(content)
    kept = Remembered(path)
    assert kept.of("theme", "x") == "x"
    kept.keep("theme", "nord")
    assert json.loads(path.read_text()) == {"theme": "nord"}


def test_a_place_that_cannot_be_written_troubles_nobody(tmp_path):
    (tmp_path / "file").write_text("")
    kept = Remembered(tmp_path / "file" / "tui.json")
    kept.keep("theme", "nord")
    assert kept.of("theme", "") == "nord"


async def test_theme_and_place_come_back(box, until, text, tmp_path):
    path = tmp_path / "tui.json"
    app = box.app(box.busy(), remembered=Remembered(path))
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "141 ada" in text(app))
        await pilot.press("T", "2")
        await until(pilot, lambda: "RTX" not in text(app))
        chosen = app.theme
    app = box.app(box.busy(), remembered=Remembered(path))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "[2 queue]" in text(app) and "gang-of-four" in text(app))
        assert (app.theme, "RTX" in text(app)) == (chosen, False)
