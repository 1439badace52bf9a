"""Pictures of every screen, compared to the last accepted ones (`pytest --snapshot-update` accepts new ones)."""

import pytest

from engine.protocol.errors import Refused

DETAILS = [
    {"field": "gpus", "message": "12 wanted, this host has 8"},
    {"field": "gpu_type", "message": "none is an h100"},
]


@pytest.fixture
def picture(snap_compare, until, text):
    def take(app, size, *steps):
        """steps: keys to press, text to wait for (it begins with `…`), or something to do."""

        async def drive(pilot):
            for step in steps:
                if callable(step):
                    step()
                elif step.startswith("…"):
                    await until(pilot, lambda wanted=step[1:]: wanted in text(app))
                else:
                    await pilot.press(step)
            await pilot.pause()

        return snap_compare(app, terminal_size=size, run_before=drive)

    return take


@pytest.fixture
def planned(box, plans):
    """The afternoon with its plan, its bookings and its usage."""
    return plans.script(box.busy(), box)


def test_dashboard_small(box, picture):
    assert picture(box.app(box.busy()), (80, 24), "…would delay job 151", "…141 ada")


def test_dashboard_large(box, picture):
    assert picture(box.app(box.busy()), (140, 40), "…paused-sweep", "…7 RTX A6000", "j", "j")


def test_job(box, picture):
    assert picture(box.app(box.busy()), (120, 36), "…eval", "enter", "…epoch 40/90")


def test_waiting_job(box, picture):
    assert picture(box.app(box.busy()), (80, 24), "…eval", "j", "j", "j", "j", "j", "enter", "…GPU 2 is too hot")


def test_submit_with_errors(box, picture):
    fake = box.busy()
    fake.expect(
        "submit", lambda job: True, answer=Refused("IMPOSSIBLE_REQUEST", "No set of cards can hold it.", DETAILS)
    )
    assert picture(
        box.app(fake), (100, 30), "…eval", "s", "…Preemptible", "x", "…Would start now", "enter", "…none is an h100"
    )


def test_login(box, picture):
    fake = box.busy(None)
    fake.has_accounts = False
    assert picture(box.app(fake), (80, 24), "…rcq account add NAME")


def test_cancel(box, picture):
    assert picture(box.app(box.busy()), (100, 30), "…eval", "…141 ada", "c", "…Cancel job 141?")


def test_help(box, picture):
    assert picture(box.app(box.busy()), (110, 60), "…eval", "…141 ada", "question_mark", "…What is shown")


def test_disconnected(box, picture):
    fake = box.busy()
    app = box.app(fake)
    assert picture(app, (100, 30), "…eval", "…141 ada", fake.cut_off, "…Disconnected")


def test_plan(box, planned, picture):
    assert picture(box.app(planned), (120, 34), "…eval", "3", "…★151 gang", "n")


def test_plan_small(box, planned, picture):
    assert picture(box.app(planned), (80, 24), "…eval", "3", "…★151")


def test_usage(box, planned, picture):
    assert picture(box.app(planned), (120, 34), "…eval", "4", "…GPU-hours a day of all groups", "j")


def test_usage_that_is_forbidden(box, picture):
    assert picture(box.app(box.busy()), (80, 24), "…eval", "4", "…This account may not see usage.")


def test_one_card(box, picture):
    steps = ("…141 ada", "colon", *"gpu", "space", "2", "enter", "…81")
    assert picture(box.app(box.busy()), (100, 30), "…eval", *steps)


def test_an_empty_box(box, picture):
    fake = box.busy()
    fake.rows, fake.cards = {}, []
    assert picture(box.app(fake), (80, 24), "…Nothing is queued", "…no GPU")


def test_cluster_small(box, clusters, picture):
    assert picture(box.app(clusters.script(box.busy(), box)), (80, 24), "…141 ada", "…Slurm: Resour")


def test_cluster_beside_the_box_with_slurm_away(box, clusters, picture):
    away = {"alone": False, "state": "away", "since": box.NOW - 180, "detail": "squeue: Socket timed out"}
    assert picture(box.app(clusters.script(box.busy(), box, **away)), (140, 40), "…143 ada eval", "…nothing is lost")


def test_nodes(box, clusters, picture):
    app = box.app(clusters.script(box.busy(), box))
    assert picture(app, (100, 36), "…Slurm: Res", app.open_nodes, "…64 cores of others")


def test_a_hundred_nodes(box, clusters, picture):
    fake = clusters.script(box.busy(), box)
    fake.machines = clusters.many(100, box.NOW)
    assert picture(box.app(fake, ascii_only=True), (80, 24), "…100 nodes", "…Slurm: Resour")
