"""Figures over time: the real client and the scripted fake tell them alike."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from engine.protocol.enginefigures import EngineView, PassView, TimerView
from engine.protocol.errors import Refused
from engine.protocol.series import JobSeries, SeriesPoints
from engine.protocol.usagedays import AccountDays, GroupDays, UsageDays
from rcq_tui.client.api import Api
from tests.tui.test_api import Server

LIFE = JobSeries(
    id=141, attempt=1, attempts=[1], gpus=2, step_s=2.0, start_at=5.0,
    points=SeriesPoints(gpu_utilization=[0.5, None], gpu_memory_mb=[900, None], power_w=[200.5, None]),
)  # fmt: skip
DAILY = UsageDays(
    now=9.0,
    days=["2026-02-28", "2026-03-01"],
    items=[
        GroupDays(
            group="vision", gpu_s=[3600.0, 0.0], energy_kwh=[0.2, 0.0],
            accounts=[AccountDays(account="ada", gpu_s=[3600.0, 0.0], energy_kwh=[0.2, 0.0])],
        ),
    ],
)  # fmt: skip
PASSES = [
    PassView(at=float(at), seconds=0.01, pending=3, groups=2, started=1, stopped=0, promised=1, held=1)
    for at in range(3)
]
ENGINE = EngineView(
    version="1", now=9.0, pid=12, started_at=1.0, memory_mb=80, loop_lag_s=0.01, commits=4, commit_s=0.002,
    slowest_commit_s=0.1, passes=3, failed_passes=0, database_mb=2.5, wal_mb=0.1, last_backup_at=None, followers=1,
    trouble=None, timers=[TimerView(name="pass", every_s=5.0, next_at=10.0)],
)  # fmt: skip


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(tmp_path / "rcq.sock")
    listening = await asyncio.start_unix_server(server.serve, server.path)
    yield server
    listening.close()


async def test_fake_and_client_tell_the_same_figures(box, server):
    fake, api = box.busy(), Api(str(server.path))
    fake.identity = replace(box.ADA, role="admin")
    fake.lives[141, 1], fake.daily, fake.past_passes, fake.engine_view = LIFE, DAILY, PASSES, ENGINE
    server.script = {
        "GET /v1/jobs/141/series": (200, asdict(LIFE)),
        "GET /v1/jobs/141/series?attempt=1": (200, asdict(LIFE)),
        "GET /v1/usage/days?days=2": (200, asdict(DAILY)),
        "GET /v1/usage/days?days=30&group=nlp": (200, asdict(replace(DAILY, items=[]))),
        "GET /v1/passes?limit=2": (200, {"items": [asdict(one) for one in PASSES[-2:]]}),
        "GET /v1/engine": (200, asdict(ENGINE)),
    }
    told_by = [
        [
            await one.series(141), await one.series(141, 1), await one.usage_days(2),
            await one.usage_days(group="nlp"), await one.passes(2), await one.engine(),
        ]
        for one in (fake, api)
    ]  # fmt: skip
    await api.close()
    assert told_by[0] == told_by[1] == [LIFE, LIFE, DAILY, replace(DAILY, items=[]), PASSES[1:], ENGINE]
    assert {call for call, _, _ in server.asked} == set(server.script), "every route was asked"


async def test_the_fake_shows_the_engine_to_admins_alone_and_a_life_without_points(box):
    fake = box.busy()
    for call in (fake.passes, fake.engine):
        with pytest.raises(Refused, match="admins"):
            await call()
    assert (await fake.series(141)).points.power_w == []
    with pytest.raises(Refused, match="no job 999"):
        await fake.series(999)
