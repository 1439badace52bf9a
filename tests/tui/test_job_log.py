"""The log of a job: of any size it is gone back in, searched, folded and copied; no more is read than is looked at."""

import pytest

from rcq_tui.tui.screens.job import JobScreen
from rcq_tui.tui.widgets.lines import Lines
from rcq_tui.viewmodel import logsearch
from rcq_tui.viewmodel.logwindow import CHUNK_BYTES


def long_log(lines: int) -> bytes:
    return b"".join(
        b"step %06d  %s of what a job says in a line of some length\n" % (at, b"NEEDLE" if at in {7, 4000} else b"loss")
        for at in range(lines)
    )


@pytest.fixture
def opened(box, until, text):
    """The busy box with another log of job 141, and its screen."""

    def script(log: bytes):
        fake = box.busy()
        fake.logs[141, "stdout"] = log
        return fake, box.app(fake)

    return script


async def to_log(app, pilot, until, text):
    await until(pilot, lambda: "eval" in text(app))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, JobScreen) and "following" in text(app))
    return app.screen.query_one(Lines)


async def test_a_large_log_is_not_read_whole(opened, until, text):
    fake, app = opened(long_log(60_000))
    async with app.run_test(size=(100, 60)) as pilot:
        lines = await to_log(app, pilot, until, text)
        await until(pilot, lambda: "step 059999" in text(app))
        assert lines.count < 3000
        await pilot.press(*["pageup"] * 25)
        await until(pilot, lambda: "step 0586" in text(app) and "not following" in text(app))
        assert lines.count < 5000, "what was there before is read piece by piece"
        await pilot.press("g")
        await until(pilot, lambda: "step 000000" in text(app))
        await pilot.press(*["pagedown"] * 25)
        await until(pilot, lambda: "step 0013" in text(app))
        assert lines.count < 25_000
        await pilot.press("G")
        await until(pilot, lambda: "step 059999" in text(app) and ", following" in text(app))
        fake.logs[141, "stdout"] += b"newest of all\n"
        await until(pilot, lambda: "newest of all" in text(app))


async def test_what_one_reads_stays_where_it_is_while_the_job_writes(opened, until, text):
    fake, app = opened(long_log(5000))
    async with app.run_test(size=(100, 30)) as pilot:
        lines = await to_log(app, pilot, until, text)
        await pilot.press(*["pageup"] * 20)
        await until(pilot, lambda: "not following" in text(app))
        await pilot.pause()
        shown = [line[:60] for line in text(app).splitlines() if "step" in line]
        count = lines.count
        fake.logs[141, "stdout"] += b"".join(b"more %d\n" % at for at in range(200))
        await until(pilot, lambda: lines.count >= count + 200)
        assert [line[:60] for line in text(app).splitlines() if "step" in line] == shown


async def test_a_text_is_found_beyond_what_is_loaded_and_hits_are_counted(opened, until, text, monkeypatch):
    monkeypatch.setattr(logsearch, "BLOCK_BYTES", 4 * CHUNK_BYTES)
    _, app = opened(long_log(20_000))
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        lines = await to_log(app, pilot, until, text)
        await pilot.press("slash", *"needle", "enter")
        await until(pilot, lambda: "step 004000  NEEDLE" in text(app))
        await until(pilot, lambda: "/needle: 2 lines" in text(app))
        assert "in 25% of it" not in text(app)
        assert lines.marked()[0].startswith("step 004000")
        await pilot.press("N")
        await until(pilot, lambda: "step 000007  NEEDLE" in text(app))
        await pilot.press("N")
        await until(pilot, lambda: "There is no further hit above" in text(app))
        await pilot.press("n")
        await until(pilot, lambda: lines.marked()[0].startswith("step 004000"))
        await pilot.press("escape")
        await until(pilot, lambda: "/needle" not in text(app))
        assert isinstance(app.screen, JobScreen)


async def test_what_is_found_nowhere_is_said(opened, until, text):
    _, app = opened(b"nothing of interest\n")
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await to_log(app, pilot, until, text)
        await pilot.press("n")
        await until(pilot, lambda: "Nothing is looked for" in text(app))
        await pilot.press("slash", *"[", "enter")
        await until(pilot, lambda: "/[: no line" in text(app) and "found nowhere" in text(app))


async def test_long_lines_fold_and_the_choice_is_remembered(opened, until, text):
    _, app = opened(b"x" * 150 + b"END\nshort\n")
    async with app.run_test(size=(80, 24)) as pilot:
        await to_log(app, pilot, until, text)
        await until(pilot, lambda: "short" in text(app))
        assert "END" not in text(app)
        await pilot.press("w")
        await until(pilot, lambda: "END" in text(app))
        assert app.remembered.of("log-wrap", False) is True
        await pilot.press("w")
        await until(pilot, lambda: "END" not in text(app))
        await pilot.press(*["l"] * 20)
        await until(pilot, lambda: "END" in text(app))


async def test_lines_are_marked_and_copied(opened, until, text, monkeypatch):
    _, app = opened(b"one\ntwo\n\x1b[31mthree\x1b[0m\nfour\n")
    copied = []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=(80, 24)) as pilot:
        await to_log(app, pilot, until, text)
        await until(pilot, lambda: "four" in text(app))
        await pilot.press("y")
        await until(pilot, lambda: copied)
        await pilot.press("k", "v", "k", "k")
        await until(pilot, lambda: text(app).count("▌") == 3)
        await pilot.press("y")
        await until(pilot, lambda: len(copied) == 2)
        assert copied == ["four", "one\ntwo\nthree"]
        assert "▌" not in text(app)


async def test_a_job_that_empties_its_file_is_followed_again(opened, until, text):
    fake, app = opened(long_log(500))
    async with app.run_test(size=(80, 24)) as pilot:
        await to_log(app, pilot, until, text)
        await until(pilot, lambda: "step 000499" in text(app))
        fake.logs[141, "stdout"] = b"begun anew\n"
        await until(pilot, lambda: "begun anew" in text(app) and "step" not in text(app))


async def test_letters_typed_ahead_on_another_page_are_no_commands(opened, until, text):
    _, app = opened(b"abcdeH\n")
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await to_log(app, pilot, until, text)
        await pilot.press("1")
        await until(pilot, lambda: "[1 overview]" in text(app))
        for key in ("slash", *"cdeH", "enter"):
            app.simulate_key(key)
        await until(pilot, lambda: "/cdeH: 1 line" in text(app))
        assert isinstance(app.screen, JobScreen)
