"""Machines of a cluster on the screen: beside this host's cards or instead of them, many of them, with Slurm away."""

from dataclasses import asdict, replace

import pytest

from rcq_tui.tui.remembered import Remembered
from rcq_tui.tui.screens.nodes import NodesScreen
from rcq_tui.tui.widgets.gpu_panel import GpuPanel
from rcq_tui.tui.widgets.node_rows import NodeRows, shaped

pytestmark = pytest.mark.asyncio


@pytest.fixture
def there(box, clusters):
    """The busy afternoon on a cluster."""

    def made(**what):
        return clusters.script(box.busy(), box, **what)

    return made


async def test_machines_stand_in_place_of_the_cards_of_a_host_that_has_none(box, there, until, text):
    app = box.app(there())
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: "gpu01" in text(app))
        shown = text(app)
        assert "6 nodes: 4 open, 2 closed" in shown
        assert "141 ada, (nlp), 1 GPU, 8 cores of others" in shown
        assert "drained: n [bold]x[/bold]" in shown
        assert "title" not in shown
        assert "down: Not responding" in shown
        assert "no GPU on this host" not in shown
        assert "GPUs allocated" in shown


async def test_a_box_with_a_cluster_shows_its_own_cards_first(box, there, until, text):
    app = box.app(there(alone=False))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "gpu01" in text(app) and "hot until below" in text(app))
        assert text(app).index("hot until below") < text(app).index("6 nodes")
        assert app.screen.query_one(GpuPanel).size.height <= 0.6 * 40


async def test_without_a_cluster_nothing_is_said_of_one(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "eval" in text(app) and not app.screen.query_one(NodeRows).display)
        assert "node" not in text(app)


async def test_jobs_tell_their_machine_and_why_slurm_lets_them_wait(box, there, until, text):
    app = box.app(there())
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: "Slurm: Resources" in text(app))
        line = next(one for one in text(app).splitlines() if "prepare-data" in one)
        assert "slurm" in line
        assert "~14:50 Slurm: Resources" in line
        assert next(one for one in text(app).splitlines() if "eval" in one and "running" in one).count("gpu02") == 1


async def test_columns_that_somebody_chose_stay(box, there, until, text, tmp_path):
    remembered = Remembered(tmp_path / "tui.json")
    remembered.keep("columns", ["id", "what"])
    app = box.app(there(), remembered=remembered)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: "gpu01" in text(app) and "prepare-data" in text(app))
        assert app.screen.table.keys == ("id", "what")


async def test_slurm_away_is_said_on_every_place_and_gone_when_it_is_back(box, there, until, text):
    fake = there(state="away", since=box.NOW - 180, detail="squeue: Unable to contact slurm controller")
    app = box.app(fake)
    said = "Slurm away since 14:02: nothing is lost, jobs wait"
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: text(app).count(said) == 2)
        await pilot.press("3")
        await until(pilot, lambda: text(app).count(said) == 1)
        await pilot.press("1")
        fake.emit("stats", {**asdict(fake.figures), "backends": []})
        await until(pilot, lambda: said not in text(app))


async def test_it_is_said_in_80_cells_too(box, there, until, text):
    app = box.app(there(state="away", since=box.NOW - 180))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Slurm away since 14:02" in text(app))


async def test_a_click_and_a_command_open_all_of_it(box, there, until, text):
    app = box.app(there())
    async with app.run_test(size=(100, 40)) as pilot:
        await until(pilot, lambda: "gpu02" in text(app))
        await pilot.click(NodeRows, offset=(5, 3))  # two lines of heading, then the first machine
        await until(pilot, lambda: isinstance(app.screen, NodesScreen))
        await until(pilot, lambda: "141 ada resnet: 1 GPU, 8 cores, 1h06m left" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, NodesScreen))
        await pilot.press("colon", *"nodes cpu01", "enter")
        await until(pilot, lambda: isinstance(app.screen, NodesScreen))
        await until(pilot, lambda: "64 cores of others" in text(app))


async def test_the_line_above_a_hundred_machines_is_one_line_beside_a_scroll_bar_too(box, there, clusters, until, text):
    fake = there()
    fake.machines = [
        replace(one, state="closed" if at % 3 else "open", why="is down" if at % 3 else None)
        for at, one in enumerate(clusters.many(100, box.NOW))
    ]
    app = box.app(fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "100 nodes: 34 open, 66 closed" in text(app))
        await until(pilot, lambda: "eval" in text(app))
        await pilot.pause()
        shown = [line.strip() for line in text(app).splitlines()]
        at = next(at for at, line in enumerate(shown) if line.startswith("100 nodes"))
        assert shown[at + 1].startswith("node")


async def test_a_hundred_machines_leave_room_for_the_queue_and_change_by_difference(box, there, clusters, until, text):
    fake = there()
    fake.machines = clusters.many(100, box.NOW)
    app = box.app(fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "100 nodes: 100 open" in text(app) and "eval" in text(app))
        rows = app.screen.query_one(NodeRows)
        await pilot.pause()
        before = rows.drawn
        changed = [replace(fake.machines[0], age_s=2.0, jobs=[clusters.user(7, box.NOW)]), *fake.machines[1:]]
        app.nodes = changed
        await pilot.pause()
        assert rows.drawn == before, "what is not in a small cell is not drawn again"
        full = replace(fake.machines[1], cards=fake.machines[0].cards)
        app.nodes = [fake.machines[0], full, *fake.machines[2:]]
        await pilot.pause()
        assert 0 < rows.drawn - before < 40


@pytest.mark.parametrize(
    ("count", "cells", "rows", "shape"),
    [(6, 78, 10, (1, 6)), (16, 78, 10, (2, 8)), (100, 78, 10, (4, 25)), (100, 158, 22, (5, 20)), (0, 78, 10, (1, 0))],
)
async def test_as_few_stand_beside_each_other_as_fit(count, cells, rows, shape):
    assert shaped(count, cells, rows) == shape


async def test_the_page_of_a_job_tells_where_it_is(box, there, until, text):
    fake = there()
    fake.whys[146] = box.Why(id=146, state="scheduled", reasons=fake.rows[146].reasons)
    app = box.app(fake)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "prepare-data" in text(app))
        app.open_job(fake.rows[146])
        await until(pilot, lambda: "Waits in Slurm's queue as job 813" in text(app))
        assert "Slurm job 813, PENDING (Resources)" in text(app)


async def test_the_signs_of_ascii_alone(box, there, until, text):
    app = box.app(there(), ascii_only=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "gpu05" in text(app))
        assert next(line for line in text(app).splitlines() if "gpu05" in line).strip().startswith("x gpu05")
        assert text(app).isascii()
