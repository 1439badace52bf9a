"""The dashboard shows the box, follows it, and never moves the cursor off its job."""

from dataclasses import replace

from textual.events import Key

from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.screens.job import JobScreen
from rcq_tui.tui.widgets.field import Field
from rcq_tui.tui.widgets.gpu_panel import GpuPanel, GpuRows, grid_columns
from rcq_tui.tui.widgets.queue_table import QueueTable
from rcq_tui.tui.widgets.strip import Banner
from rcq_tui.viewmodel.formats import exact


def table(app):
    return app.screen.query_one(QueueTable)


async def test_shows_who_what_and_why(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: "paused-sweep" in text(app) and "97%" in text(app))
        screen = text(app)
    for piece in (
        "ada · vision", "fair-share", "pass 2s ago", "GPUs 4/8", "1 hot", "7 pending", "97%", "40G/48G", "68/75°C",
        "281/300W",
        "hot until below 70°C", "drained", "3.2G not of rcq", "141 ada resnet-lr3e-4", "ends by 16:52",
        "~14:50 needs 4 GPUs, 1 free +1", "group vision: 4 of 4 GPUs", "would delay job 151", "(private)",
        "on hold until released", "waits for the next pass",
    ):  # fmt: skip
        assert piece in screen, piece


async def test_text_of_jobs_is_shown_literally(box, until, text):
    fake = box.busy()
    fake.rows[154] = replace(fake.rows[154], name="[red]x[/red] \x1b[31my\x1b[0m \x07z\u202e")
    app = box.app(fake)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: "[red]x[/red] y ␇z" in text(app))
        assert "\x1b" not in text(app)
        assert "\u202e" not in text(app)


async def test_small_screen_has_a_line_for_each_card(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "141 ada" in text(app))
        lines = text(app).splitlines()
        assert all(len(line) <= 80 for line in lines)
        assert [sum(f"● {at}  " in line for line in lines) for at in (0, 7)] == [1, 1]
        assert sum("RTX A6000" in line for line in lines) == 1, "the heading names what is the same for all"
        assert app.screen.query_one(GpuRows).display
        await pilot.resize_terminal(160, 50)
        await until(pilot, lambda: not app.screen.query_one(GpuRows).display)
        await until(pilot, lambda: "╭─ ● 0 RTX A6000" in text(app))


def test_cards_stand_in_equally_full_rows():
    assert [grid_columns(count, 140) for count in (0, 1, 4, 5, 8)] == [1, 1, 4, 3, 4]
    assert grid_columns(8, 20) == 1


async def test_a_card_that_goes_and_one_that_comes(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        await until(pilot, lambda: "7 RTX A6000" in text(app))
        fake.emit("gpus", {"items": [_plain(card) for card in [*fake.cards[:2], box.card(9)]]})
        await until(pilot, lambda: "9 RTX A6000" in text(app) and "7 RTX A6000" not in text(app))
        assert len(app.screen.query_one(GpuPanel).query("GpuCard")) == 3


async def test_gauges_follow_events(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: "97%" in text(app) and fake.listeners)
        fake.emit("gpus", {"items": [_plain(replace(fake.cards[0], utilization=0.42))]})
        await until(pilot, lambda: "42%" in text(app))
        assert "97%" not in text(app)


async def test_cursor_stays_on_its_job_when_others_come_and_go(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await until(pilot, lambda: table(app).selected)
        await pilot.press("j", "G", *"kkkkk")
        assert table(app).selected.id == 153
        gone = dict(fake.rows)
        del gone[141], gone[143]
        fake.rows = gone | {200: box.running(200, [7], 1.0, name="newcomer")}
        fake.emit("queue")
        await until(pilot, lambda: "newcomer" in text(app) and "eval" not in text(app))
        assert table(app).selected.id == 153
        fake.rows = {number: job for number, job in fake.rows.items() if number != 153}
        fake.emit("queue")
        await until(pilot, lambda: "resnet-lr1e-3" not in text(app))
        assert table(app).selected.id == 154


async def test_the_cursor_line_does_not_jump_while_the_queue_grows_above_it(box, until):
    fake = box.busy()
    fake.rows = {number: box.job(number, position=number) for number in range(1000, 1060)}
    app = box.app(fake)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: table(app).selected)
        await pilot.press("G")
        await pilot.press("k", "k")
        assert table(app).selected.id == 1057
        line = 57 - table(app).scroll_offset.y
        fake.rows = {number: box.running(number, [0], 5) for number in range(10, 15)} | fake.rows
        fake.emit("queue")
        await until(pilot, lambda: len(table(app)._jobs) == 65)
        assert table(app).selected.id == 1057
        await until(pilot, lambda: 62 - table(app).scroll_offset.y == line)


async def test_only_changed_lines_are_drawn_again(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: "paused-sweep" in text(app))
        await pilot.pause()
        table(app).drawn = 0
        table(app).show(app.jobs, box.NOW)
        assert table(app).drawn == 0
        changed = [replace(job, name="renamed") if job.id == 153 else job for job in app.jobs]
        table(app).show(changed, box.NOW)
        assert table(app).drawn == 1
        await until(pilot, lambda: "renamed" in text(app))


async def test_vim_keys_arrows_and_ends(box, until):
    app = box.app(box.busy())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: table(app).selected)
        for keys, at in (
            (["j", "down"], 2),
            (["k", "up"], 0),
            (["G"], 12),
            (["g", "g"], 0),
            (["end"], 12),
            (["home"], 0),
        ):
            await pilot.press(*keys)
            assert table(app)._cursor == at, keys
        await pilot.press("k")
        assert table(app)._cursor == 0
        await pilot.press("pagedown")
        assert table(app)._cursor == table(app).page


async def test_filter_narrows_while_it_is_written_and_escape_drops_it(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        await pilot.press("slash", "R")
        app.screen.query_one("#filter", Field).value = "ResNet lr1"
        await until(pilot, lambda: "filter “ResNet lr1”: 1 " in text(app))
        assert [job.id for job in table(app)._jobs] == [153]
        await pilot.press("enter")
        assert app.screen.focused is table(app)
        assert table(app).selected.id == 153
        await pilot.press("escape")
        await until(pilot, lambda: len(table(app)._jobs) == 13)
        await pilot.press("slash", "x", "y", "enter")
        await until(pilot, lambda: "No job matches the filter" in text(app))


async def test_letters_typed_ahead_belong_to_the_filter_and_open_nothing_twice(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        burst(app, "slash", *"cqsl/L")
        await until(pilot, lambda: "filter “cqsl/L”" in text(app))
        assert isinstance(app.screen, DashboardScreen)
        await pilot.press("escape")
        await until(pilot, lambda: table(app).selected)
        burst(app, "l", "enter", "l")
        await until(pilot, lambda: isinstance(app.screen, JobScreen) and "epoch 40" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        burst(app, "c", "c", "c")
        await until(pilot, lambda: "Cancel job" in text(app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
    assert not [call for call in fake.calls if call[0] in {"cancel", "submit", "logout"}]


def burst(app, *keys):
    """Keys that arrive in one read, as over a slow line: nothing is waited for between them."""
    for key in keys:
        app.post_message(Key({"/": "slash"}.get(key, key), key if len(key) == 1 else None))


async def test_mine_and_finished_are_asked_of_the_engine(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await until(pilot, lambda: "(private)" in text(app))
        await pilot.press("m")
        await until(pilot, lambda: "my jobs" in text(app) and "(private)" not in text(app))
        await pilot.press("f")
        await until(pilot, lambda: "hit its time limit of 2h00m" in text(app) and "exit 2" in text(app))
        await pilot.press("f")
        await until(pilot, lambda: "finished only" in text(app) and "eval" not in text(app).partition("Queue")[2])
        await pilot.press("m", "f")
        await until(pilot, lambda: "(private)" in text(app) and "exit 2" not in text(app))


async def test_more_rows_are_fetched_at_the_bottom(box, until, text):
    fake = box.busy()
    fake.rows = {number: box.job(number) for number in range(1, 451)}
    fake.figures = box.figures(jobs={"pending": 450})
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "the first 100 jobs of 450" in text(app))
        await pilot.press("pagedown", "pagedown", "pagedown", "pagedown")
        await until(pilot, lambda: len(table(app)._jobs) == 200)
        await pilot.press("G")
        await until(pilot, lambda: len(table(app)._jobs) == 450)
        assert "the first" not in text(app)


async def test_disconnected_dims_and_says_so_and_comes_back_by_itself(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "eval" in text(app) and fake.listeners)
        fake.cut_off()
        await until(pilot, lambda: "Disconnected, trying again. No engine: /run/rcq/rcq.sock" in text(app))
        assert app.screen.has_class("-stale")
        assert "eval" in text(app), "the last known state stays in view"
        fake.rows[143] = replace(fake.rows[143], name="changed-meanwhile")
        fake.mend()
        await until(pilot, lambda: "changed-meanwhile" in text(app) and not app.screen.query_one(Banner).display)
        assert not app.screen.has_class("-stale")


async def test_starts_without_an_engine_and_fills_when_it_comes(box, until, text):
    fake = box.busy()
    fake.connected = False
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "Disconnected" in text(app))
        fake.mend()
        await until(pilot, lambda: "eval" in text(app))
        assert isinstance(app.screen, DashboardScreen)


async def test_a_stalled_engine_is_alarming(box, until, text):
    fake = box.busy()
    fake.figures = box.figures(last_pass_at=box.NOW - 75)
    app = box.app(fake)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "engine stalled: last pass 1m15s ago" in text(app))


async def test_hold_and_release(box, until, text):
    fake = box.busy()
    fake.expect("hold", 153)
    fake.expect("release", 153)
    app = box.app(fake)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: table(app).selected)
        await pilot.press("H")
        await until(pilot, lambda: "Only a pending job can be held; job 141 is running." in text(app))
        await pilot.press("G", *"kkkkk", "H")
        await until(pilot, lambda: fake.rows[153].state == "held" and table(app).selected.state == "held")
        assert table(app).selected.id == 153
        await pilot.press("H")
        await until(pilot, lambda: fake.rows[153].state == "pending")
        fake.finish()


async def test_theme_changes_and_another_persons_job_stays_closed(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: table(app).selected)
        before = app.theme
        await pilot.press("T")
        assert app.theme != before
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: "Job 144 belongs to group nlp" in text(app))
        assert isinstance(app.screen, DashboardScreen)


def test_the_scripted_afternoon_is_the_one_that_pictures_name(box):
    assert exact(box.NOW) == "2026-03-01 14:05:00"


def _plain(card):
    from dataclasses import asdict

    return asdict(card)
