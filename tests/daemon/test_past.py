"""`rcq simulate --whatif`: the engine's own past as a trace, and as what really happened."""

import asyncio
import hashlib
import json
from dataclasses import replace

import pytest

from engine.bookkeeping import Ended, Scheduled, Started
from engine.core.lifecycle import Cause, JobState
from engine.core.model import GpuUuid, GroupName, JobId, Shape
from engine.core.quota import Quota
from engine.core.snapshot import GroupTerms
from engine.daemon.simulate import main
from engine.store.groups import Group
from engine.store.store import Store
from tests.store.samples import cancelled, key_of, lease_of, new_job

DAY = 86_400.0
T0 = 100 * DAY
ONE = Shape(gpus=1, time_limit_s=3600)


def life(job, at, shape, start_s, run_s, *gpus):
    """Everything that the books hear of a job that ran."""
    lease = replace(lease_of(job, *gpus, at=at + start_s), key=key_of(shape=shape), gpus=tuple(map(GpuUuid, gpus)))
    started, over = at + start_s, at + start_s + run_s
    how = {"cause": Cause.EXIT, "exit_code": 0, "signal": None}
    return [
        Scheduled(lease=lease, attempt=1, boot_id="b"),
        Started(job=job, started_at=started),
        Ended(job=job, state=JobState.COMPLETED, started_at=started, ended_at=over, **how),
    ]


async def fill(path):
    """Long ago a job; then a on both cards, b and c one after the other though there were two cards; d never ran."""
    store = Store.open(path, half_life_s=DAY)
    await store.groups.add(Group(name="lab", terms=GroupTerms(priority=8, share=2.0), quota=Quota(gpus=2)))
    two = replace(ONE, gpus=2)
    came = [(T0 - 50 * DAY, ONE), (T0, two), (T0 + 10, ONE), (T0 + 20, ONE), (T0 + 30, ONE), (T0 + 40, ONE)]
    added = await store.jobs.add(
        [replace(new_job(at, shape=shape), submitted_at=time) for at, (time, shape) in enumerate(came)]
    )
    old, a, b, c, d, e = (JobId(str(job)) for job in added)
    await store.jobs.record(
        [
            *life(old, T0 - 50 * DAY, ONE, 5, 10, "G0"),
            *life(a, T0, two, 0, 100, "G0", "G1"),
            *life(b, T0 + 10, ONE, 90, 50, "G0"),
            *life(c, T0 + 20, ONE, 130, 50, "G0"),
            cancelled(d, at=T0 + 35),
            Scheduled(lease=replace(lease_of(e, "G1", at=T0 + 150), key=key_of(shape=ONE)), attempt=1, boot_id="b"),
        ]
    )
    return store


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "rcq.db"

    async def make():
        await (await fill(path)).close()

    asyncio.run(make())
    return path


def told(capsys, *argv):
    assert main([*map(str, argv), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_happened_beside_what_would_have(database, capsys):
    before = hashlib.sha256(database.read_bytes()).digest()
    found = told(capsys, "--whatif", "--database", database, "--policy", "greedy")
    assert (found["jobs"], found["skipped"], found["gpus"], found["against"]) == (3, 2, 2, "as-it-was")
    was, would = found["items"]
    assert (was["policy"], would["policy"]) == ("as-it-was", "greedy")
    assert was["wait_mean_s"] == pytest.approx((0 + 90 + 130) / 3, abs=1e-3)
    assert would["wait_mean_s"] == pytest.approx((0 + 90 + 80) / 3, abs=1e-3)
    assert would["ratios"]["wait_mean_s"] == pytest.approx(170 / 220, abs=1e-3)
    assert hashlib.sha256(database.read_bytes()).digest() == before


def test_another_number_of_cards(database, capsys):
    would = told(capsys, "--whatif", "--database", database, "--policy", "greedy", "--gpus", 3)["items"][1]
    assert would["wait_mean_s"] == pytest.approx((0 + 0 + 40) / 3, abs=1e-3)


def test_terms_and_quotas_come_from_the_database(database, capsys):
    """Three cards, but the group may have two at once: one more card changes nothing under the engine's own plan."""
    fair = told(capsys, "--whatif", "--database", database, "--policy", "fair-share", "--gpus", 3)["items"][1]
    assert fair["wait_mean_s"] == pytest.approx((0 + 90 + 80) / 3, abs=1e-3)


def test_how_far_back(database, capsys):
    assert told(capsys, "--whatif", "--database", database, "--days", 60)["jobs"] == 4


def test_an_engine_may_hold_the_database_meanwhile(tmp_path, capsys):
    path = tmp_path / "rcq.db"

    async def replay_while_open():
        store = await fill(path)
        try:
            return await asyncio.to_thread(told, capsys, "--whatif", "--database", path, "--policy", "fcfs")
        finally:
            await store.close()

    assert asyncio.run(replay_while_open())["jobs"] == 3


def test_the_own_database_on_the_own_cards(database, tmp_path, capsys, monkeypatch):
    config = tmp_path / "rcq.toml"
    config.write_text(
        f'[engine]\nstate_dir = "{tmp_path}"\n[gpu]\nprovider = "simulated"\n[[gpu.simulated]]\ncount = 5\n'
    )
    monkeypatch.setenv("RCQ_CONFIG", str(config))
    found = told(capsys, "--whatif")
    assert (found["trace"], found["gpus"], found["items"][1]["policy"]) == (str(database), 5, "fair-share")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--database", "none.db"], "none.db: there is no such database. Name one with --database"),
        (["--database", "other.db"], "other.db"),
        (["--database", "empty.db"], "Look further back with --days"),
    ],
)
def test_what_cannot_be_replayed(tmp_path, capsys, monkeypatch, argv, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.db").write_text("no database")

    async def make():
        await Store.open(tmp_path / "empty.db", half_life_s=DAY).close()

    asyncio.run(make())
    assert main(["--whatif", *argv]) == 1
    assert said in capsys.readouterr().err


def test_a_group_without_terms_gets_plain_ones(database, capsys):
    """The group of a job may have been removed since."""

    async def remove():
        store = Store.open(database, half_life_s=DAY)
        await store.groups.remove(GroupName("lab"))
        await store.close()

    asyncio.run(remove())
    assert told(capsys, "--whatif", "--database", database)["jobs"] == 3
