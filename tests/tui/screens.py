"""A scripted box to look at: cards, jobs and figures of one busy afternoon, the same at every run.

`busy()` is the fake engine; `app()` is the UI over it with a clock that stands still. Pictures are made from these.
"""

from dataclasses import replace
from typing import Any

from engine.protocol.cards import GpuUser, GpuView
from engine.protocol.people import Me
from engine.protocol.responses import Holder, JobDetail, Stats, Why
from rcq_tui.client.fake import FakeApi
from rcq_tui.tui.app import RcqApp
from rcq_tui.tui.pace import Pace
from rcq_tui.viewmodel.history import History

NOW = 1_772_373_900.0
"""Sunday 2026-03-01 14:05 UTC."""

ADA = Me(account="ada", group="vision", role="user", via="token")
QUICK = Pace(between_fetches=0.01, typing=0.01, idle_fetch=30.0, log=0.05, retry=(0.01,))
"""Tests wait for conditions, not for people."""


def card(index: int, **what: Any) -> GpuView:
    """One card, idle and cool unless told otherwise."""
    blank = GpuView(
        uuid=f"GPU-{index:08d}", index=index, model="NVIDIA RTX A6000", state="ok", memory_mb=49_140, memory_used_mb=3,
        utilization=0.0, temperature_c=34.0, threshold_c=75.0, resume_c=70.0, power_w=22.0, power_limit_w=300.0,
        throttled=False, foreign_mb=0, tolerated_mb=500, age_s=0.4,
    )  # fmt: skip
    return replace(blank, **what)


def job(number: int, **what: Any) -> JobDetail:
    """One pending job of ada's unless told otherwise."""
    blank = JobDetail(
        id=number, job_id=None, name=f"job-{number}", account="ada", group="vision", service=None, state="pending",
        cause=None, exit_code=None, signal=None, priority=5, gpus=1, gpu_type=None, gpu_memory_mb=0, gpu_share=False,
        cpu_cores=4, memory_mb=16_384, time_limit_s=7200, preemptible=False, command_line="python train.py",
        submitted_at=NOW - 600, started_at=None, ended_at=None, attempt=0, gpu_indices=[],
        workdir="/home/ada/work", directory=f"/var/lib/rcq/jobs/{number}",
    )  # fmt: skip
    return replace(blank, **what)


def running(number: int, cards: list[int], ago: float, **what: Any) -> JobDetail:
    """One running job on these cards."""
    given: dict[str, Any] = {
        "state": "running", "gpus": len(cards), "gpu_indices": cards, "started_at": NOW - ago,
        "submitted_at": NOW - ago - 40, "attempt": 1, "gpu_uuids": [f"GPU-{index:08d}" for index in cards],
    }  # fmt: skip
    return job(number, **(given | what))


def others(number: int, group: str, **what: Any) -> JobDetail:
    """A job of somebody else, as far as one may know it."""
    return job(number, account=None, name=None, command_line=None, group=group, redacted=True, **what)


def user(number: int | None, account: str | None, name: str | None, group: str = "vision") -> GpuUser:
    """A job on a card."""
    return GpuUser(id=number, account=account, group=group, name=name, memory_mb=20_000)


def cards() -> list[GpuView]:
    """Eight cards: busy, shared, hot, drained, in foreign use, free."""
    hot = {"state": "hot", "temperature_c": 81.0, "utilization": 0.0, "memory_used_mb": 5, "power_w": 96.0}
    return [
        card(0, utilization=0.97, memory_used_mb=41_200, temperature_c=68.0, power_w=281.0,
             jobs=[user(141, "ada", "resnet-lr3e-4")]),
        card(1, utilization=0.94, memory_used_mb=40_900, temperature_c=72.0, power_w=274.0,
             jobs=[user(141, "ada", "resnet-lr3e-4")]),
        card(2, **hot),
        card(3, utilization=0.61, memory_used_mb=22_000, temperature_c=57.0, power_w=188.0,
             jobs=[user(143, "ada", "eval"), user(None, None, None, "nlp")]),
        card(4, utilization=0.88, memory_used_mb=30_100, temperature_c=66.0, power_w=240.0,
             jobs=[user(None, None, None, "nlp")]),
        card(5, state="drained", temperature_c=31.0, power_w=18.0),
        card(6, memory_used_mb=3_300, foreign_mb=3_297, utilization=0.12, temperature_c=44.0, power_w=71.0),
        card(7),
    ]  # fmt: skip


def queue() -> list[JobDetail]:
    """A queue with something of everything, in the engine's order."""
    quota = {"code": "QUOTA_REACHED", "scope": "group", "name": "vision", "resource": "gpus", "limit": 4, "used": 4,
             "wanted": 2}  # fmt: skip
    busy = {"code": "GPUS_BUSY", "wanted": 4, "free": 1, "matching": 8}
    heat = {"code": "GPU_HOT", "gpu": "GPU-00000002", "index": 2, "temperature_c": 81.0, "threshold_c": 75.0,
            "resume_c": 70.0, "throttled": False}  # fmt: skip
    delay = {"code": "WOULD_DELAY", "job": "151", "start_at": NOW + 2700, "until": NOW + 7200}
    waiting = [
        job(151, name="gang-of-four", gpus=4, gpu_type="a6000", position=1, reasons=[busy, heat],
            expected_start=NOW + 2700, submitted_at=NOW - 4000),
        others(152, "nlp", gpus=2, position=2, reasons=[busy | {"wanted": 2}], expected_start=NOW + 3600),
        job(153, name="resnet-lr1e-3", gpus=2, position=3, reasons=[quota], submitted_at=NOW - 1800),
        job(154, name="[red]not markup[/red] \x1b[31mnor colour", position=4, reasons=[delay]),
        others(155, "robotics", gpus=1, gpu_share=True, position=5, reasons=[delay]),
        job(156, name="resnet-lr3e-3", gpus=2, position=6, reasons=[quota], submitted_at=NOW - 1700),
        job(157, name="just-submitted", gpus=0, cpu_cores=16, submitted_at=NOW - 2),
        job(158, name="paused-sweep", state="held", gpus=1, submitted_at=NOW - 90_000),
    ]  # fmt: skip
    started = [
        running(141, [0, 1], 4380, name="resnet-lr3e-4", time_limit_s=14_400),
        running(143, [3], 192, name="eval", gpu_share=True, gpus=1, gpu_memory_mb=12_288),
        others(144, "nlp", state="running", gpus=1, gpu_indices=[4], started_at=NOW - 9000, submitted_at=NOW - 9100,
               time_limit_s=43_200),
        others(145, "nlp", state="running", gpus=1, gpu_share=True, gpu_indices=[3], started_at=NOW - 700,
               submitted_at=NOW - 900),
        job(146, name="prepare-data", state="scheduled", gpus=0, attempt=1),
    ]  # fmt: skip
    ended = {"started_at": NOW - 3000, "submitted_at": NOW - 3100, "attempt": 1}
    finished = [
        job(140, name="resnet-lr1e-4", state="completed", cause="exit", exit_code=0, ended_at=NOW - 60, **ended),
        job(139, name="typo", state="failed", cause="exit", exit_code=2, ended_at=NOW - 2990, **ended),
        job(138, name="too-long", state="failed", cause="time-limit", signal=15, ended_at=NOW - 900, **ended),
        job(137, name="changed-my-mind", state="cancelled", cause="cancelled", ended_at=NOW - 2000),
    ]
    return [*started, *waiting, *finished]


def figures(**what: Any) -> Stats:
    """The box's own figures."""
    blank = Stats(
        version="0.1.0", policy="fair-share", now=NOW, uptime_s=90_000.0,
        jobs={"running": 4, "scheduled": 1, "pending": 7, "held": 1, "completed": 118, "failed": 6, "cancelled": 3},
        gpus_total=8, gpus_busy=4, gpus_hot=1, cpu_cores_total=64, cpu_cores_busy=21, memory_mb_total=257_000,
        memory_mb_busy=98_304, passes=40_112, last_pass_at=NOW - 2, last_pass_age_s=2.0, last_pass_s=0.003,
        host_cpu=0.43, load1=27.5, host_memory_used_mb=121_000, host_memory_total_mb=257_000, disk_free_mb=1_200_000,
        disk_total_mb=3_600_000,
    )  # fmt: skip
    return replace(blank, **what)


def busy(me: Me | None = ADA) -> FakeApi:
    """The engine of that afternoon."""
    fake = FakeApi(me=me, gpus=cards(), jobs=queue(), stats=figures())
    fake.logs[141, "stdout"] = (
        b"".join(
            b"epoch %2d/90  loss %.4f  acc %.3f  lr 3e-4\n"
            % (epoch, 6.9 / (epoch + 1) ** 0.5, 1 - 0.999 / (epoch + 1) ** 0.3)
            for epoch in range(40)
        )
        + b"epoch 40/90   0%\r\x1b[32mepoch 40/90  61%\x1b[0m |######    |"
    )
    fake.whys[151] = waits_for_four(fake)
    fake.logs[141, "stderr"] = b"warning: [bold]this is not markup[/bold] \x1b]0;nor a title\x07\n"
    return fake


def waits_for_four(fake: FakeApi) -> Why:
    """What the engine says of job 151: who holds its cards, and that three of them would do now."""
    row = fake.rows[151]
    mine = {"codes": ["GPUS_BUSY"], "group": "vision", "cpu_cores": 4, "memory_mb": 16_384, "ending": False}
    return Why(
        id=151, state="pending", reasons=row.reasons, position=1, pending=7, expected_start=row.expected_start,
        basis="promised", reserved_gpus=[0, 1, 5, 6],
        holders=[
            Holder(**mine, id=141, account="ada", gpus=[0, 1], since=NOW - 4380, until=NOW + 2700, basis="history"),
            Holder(**mine | {"group": "nlp"}, id=None, account=None, gpus=[4], since=NOW - 9000, until=NOW + 34_200,
                   basis="time limit"),
        ],
        helps=[{"start_at": NOW, "changes": [{"code": "FEWER_GPUS", "gpus": 1, "wanted": 4}]}],
    )  # fmt: skip


def app(fake: FakeApi, *, pace: Pace = QUICK, **what: Any) -> RcqApp:
    """The UI over a fake engine, at 14:05; two minutes of history lie behind it."""
    ui = RcqApp(fake, clock=lambda: NOW, pace=pace, workdir="/home/ada/work", **what)
    for at, view in enumerate(fake.cards):
        history = ui.histories.setdefault(view.uuid, History())
        for second in range(120):
            history.add(NOW - 120 + second, wave(second, at, view.utilization or 0.0))
    return ui


def wave(second: int, card_index: int, level: float) -> float:
    """A made-up but steady load: an epoch's teeth around the level."""
    tooth = ((second + 7 * card_index) % 24) / 24
    return min(1.0, max(0.0, level * (0.72 + 0.35 * tooth)))
