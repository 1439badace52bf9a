"""Every reason of the scheduling core has words, with both of its numbers."""

from dataclasses import asdict

import pytest

from engine.core import reasons as core
from engine.core.model import GpuUuid, JobId
from rcq_tui.viewmodel.text import width
from rcq_tui.viewmodel.words import SHORT_CELLS, leading, sentence, short, summary

NOW = 1_700_000_000.0

GPU = GpuUuid("GPU-1")
EXAMPLES: list[tuple[core.Reason, str, str]] = [
    (
        core.NotEnoughGpus(wanted=1, free=0, matching=0),
        "Needs 1 GPU; there is no card that matches.",
        "needs 1 GPU, 0 free",
    ),
    (
        core.NotEnoughGpus(wanted=2, free=1, matching=4),
        "Needs 2 GPUs; 1 of the 4 cards that match is free.",
        "needs 2 GPUs, 1 free",
    ),
    (
        core.GpuTooHot(gpu=GPU, index=2, temperature_c=81.4, threshold_c=75, resume_c=70, throttled=False),
        "GPU 2 is too hot: 81°C, and no job starts at 75°C or above; back below 70°C.",
        "GPU 2 hot: 81 of 75°C",
    ),
    (
        core.GpuTooHot(
            gpu=GPU, index=2, temperature_c=91.0, threshold_c=75, resume_c=70, throttled=True, critical_c=90.0
        ),
        "GPU 2 is critically hot: 91°C (critical from 90°C), and no job starts at 75°C or above; back below 70°C.",
        "GPU 2 hot: 91 of 75°C",
    ),
    (
        core.GpuTooHot(
            gpu=GPU,
            index=2,
            temperature_c=71.0,
            threshold_c=75,
            resume_c=70,
            throttled=False,
            margin_c=3.0,
            margin_min_c=5.0,
        ),
        "GPU 2 is too hot: 3°C are left before it slows itself down, and no job starts at 5°C or less.",
        "GPU 2 hot: 3°C left",
    ),
    (
        core.GpuTooHot(
            gpu=GPU, index=2, temperature_c=71.0, threshold_c=75, resume_c=70, throttled=True, throttle=("hw-thermal",)
        ),
        "GPU 2 is slowed down by its driver: hw-thermal, at 71°C (threshold 75°C).",
        "GPU 2 throttled: 71°C",
    ),
    (core.GpuDrained(gpu=GPU, index=3), "GPU 3 is drained: an admin took it out of use.", "GPU 3 drained"),
    (
        core.GpuQuarantined(gpu=GPU, index=3),
        "GPU 3 is quarantined: the health monitor took it out of use.",
        "GPU 3 quarantined",
    ),
    (
        core.GpuQuarantined(gpu=GPU, index=3, cause="off-bus"),
        "GPU 3 is quarantined: it fell off the bus; reseat it or restart the host.",
        "GPU 3 fell off the bus",
    ),
    (
        core.GpuQuarantined(gpu=GPU, index=3, cause="missing"),
        "GPU 3 is missing: it has not been read for too long.",
        "GPU 3 not read",
    ),
    (
        core.GpuSettling(gpu=GPU, index=3, used_mb=2048),
        "A job has just left GPU 3, and its memory was not seen free yet; 2G at last sight.",
        "GPU 3: memory not free yet",
    ),
    (
        core.GpuSettling(gpu=GPU, index=3, used_mb=None),
        "A job has just left GPU 3, and its memory was not seen free yet.",
        "GPU 3: memory not free yet",
    ),
    (
        core.GpuForeign(gpu=GPU, index=0, foreign_mb=3277, tolerated_mb=500),
        "GPU 0 has 3.2G in use that nobody is known to hold; 500M are tolerated.",
        "GPU 0: 3.2G by somebody",
    ),
    (
        core.GpuForeign(gpu=GPU, index=0, foreign_mb=3277, tolerated_mb=500, processes=1),
        "GPU 0 carries 3.2G of 1 process that rcq did not start; 500M are tolerated.",
        "GPU 0: 3.2G by others",
    ),
    (
        core.GpuForeign(gpu=GPU, index=0, foreign_mb=3072, tolerated_mb=500, processes=1, users=("eve",)),
        "GPU 0 carries 3G of 1 process of eve, which rcq did not start; 500M are tolerated.",
        "GPU 0: 3G by eve",
    ),
    (
        core.GpuForeign(gpu=GPU, index=0, foreign_mb=3072, tolerated_mb=500, processes=2, users=("b\x1b[2Job", "eve")),
        "GPU 0 carries 3G of 2 processes of bob, eve, which rcq did not start; 500M are tolerated.",
        "GPU 0: 3G by bob, eve",
    ),
    (
        core.GpuMemoryTaken(gpu=GPU, index=2, wanted_mb=20_480, free_mb=11_264),
        "GPU 2 has room in the books, but only 11G are really free; this job needs 20G.",
        "GPU 2: only 11G free",
    ),
    (
        core.PowerShort(wanted_w=650.0, free_w=325.0, budget_w=1200.0),
        "Its cards may draw 650 W more; 325 of the host's 1200 W are free.",
        "needs 650 W, 325 free",
    ),
    (
        core.CoresBusy(wanted=16, free=4, total=32),
        "Needs 16 CPU cores; 4 of 32 are free.",
        "needs 16 cores, 4 free",
    ),
    (
        core.MemoryBusy(wanted=65536, free=12288, total=131072),
        "Needs 64G of host memory; 12G of 128G are free.",
        "needs 64G, 12G free",
    ),
    (
        core.QuotaReached(scope="group", name="vision", resource="gpus", limit=4, used=4, wanted=1),
        "Group vision holds 4 of at most 4 GPUs; this job needs 1 GPU more.",
        "group vision: 4 of 4 GPUs",
    ),
    (
        core.WouldDelay(job=JobId("17"), start_at=NOW + 600, until=NOW + 7200),
        "May run until 00:13, past 22:23 when job 17 is promised its start.",
        "would delay job 17",
    ),
    (
        core.Booked(slot="3", gpu=GPU, index=1, start_at=NOW + 600, end_at=NOW + 1200, until=NOW + 900),
        "GPU 1 is booked from 22:23 to 22:33; this job may run until 22:28.",
        "GPU 1 is booked",
    ),
    (
        core.SlurmQueue(slurm_id=812, state="PENDING", reason="Resources (Nodes are DOWN)", expected_start=None),
        "Waits in Slurm's queue as job 812: Resources (Nodes are DOWN).",
        "Slurm: Resources (Nodes are…",
    ),
    (
        core.SlurmQueue(slurm_id=812, state="PENDING", reason="Resources", expected_start=NOW + 600),
        "Waits in Slurm's queue as job 812: Resources (waits for free nodes; it is next); Slurm expects to start it at "
        "22:23.",
        "Slurm: Resources",
    ),
    (
        core.SlurmQueue(slurm_id=812, state="PENDING", reason="ReqNodeNotAvail, UnavailableNodes:n\x1b[2J2"),
        "Waits in Slurm's queue as job 812: ReqNodeNotAvail, UnavailableNodes:n2 (nodes that it needs are down, "
        "drained or reserved).",
        "Slurm: ReqNodeNotAvail, Una…",
    ),
    (
        core.SlurmQueue(slurm_id=812, state="PENDING", reason="QOSMaxGRESPerUser"),
        "Waits in Slurm's queue as job 812: QOSMaxGRESPerUser (a limit of its quality of service is reached).",
        "Slurm: QOSMaxGRESPerUser",
    ),
    (
        core.SlurmQueue(slurm_id=812, state="PENDING", reason="OfNextYear"),
        "Waits in Slurm's queue as job 812: OfNextYear.",
        "Slurm: OfNextYear",
    ),
    (
        core.ClusterCards(closed=2, taken=1, nodes=("n\x1b[2J2",)),
        "Of those that match, it may not have 2 GPUs of nodes that take no jobs now (n2) and 1 GPU that other Slurm "
        "jobs hold.",
        "3 Slurm GPUs not to be had",
    ),
    (
        core.SlurmAway(since=NOW - 60, detail="squeue did not end within 20 s"),
        "Slurm does not answer since 22:12: nothing is lost, and it is tried again (squeue did not end within 20 s).",
        "Slurm does not answer",
    ),
    (
        core.ArrayFull(parent=JobId("7"), limit=4, running=4),
        "4 of array 7's jobs are running; at most 4 may at once.",
        "array: 4 of 4 run",
    ),
    (
        core.NotBefore(begin_at=NOW + 600),
        "Was submitted to begin in 10m00s (22:23).",
        "its begin time has not come",
    ),
    (
        core.Dependency(job=JobId("17"), when="ok", state="running"),
        "Waits for job 17 to complete; that job is running.",
        "after job 17 (ok)",
    ),
    (
        core.Impossible(resource="gpus", wanted=9, most=4),
        "Can never start here: needs 9 GPUs, and this host has 4 at most.",
        "never: 9 GPUs of 4",
    ),
    (
        core.Impossible(resource="gpu_power_w", wanted=1075, most=800),
        "Can never start here: needs 1075 W for its cards and those at rest, and this host has 800 at most.",
        "never: 1075 W of 800",
    ),
    (
        core.ClusterUnknown(),
        "Nothing is known of Slurm's nodes yet; it goes there when Slurm tells of them. rcq doctor looks why.",
        "no word of nodes from Slurm",
    ),
    (
        core.ClusterQueueFull(waiting=5, most=5),
        "5 jobs of rcq wait in Slurm's queue already; at most 5 may at once.",
        "5 jobs before it in Slurm",
    ),
    (
        core.ClusterQueueFull(waiting=1, most=1),
        "1 job of rcq waits in Slurm's queue already; at most 1 may at once.",
        "1 job before it in Slurm",
    ),
    (
        core.ClusterOutOfUse(nodes=2),
        "It may run on Slurm, but the 2 nodes that could hold it are out of use there.",
        "2 Slurm nodes out of use",
    ),
    (
        core.ClusterOutOfUse(nodes=1),
        "It may run on Slurm, but the only node that could hold it is out of use there.",
        "1 Slurm node out of use",
    ),
    (
        core.GoesToCluster(at=NOW + 600, after_s=1800.0),
        "Goes to Slurm from 22:23 on unless it starts here sooner.",
        "goes to Slurm after 30m00s",
    ),
]


def told(reason: core.Reason) -> dict[str, object]:
    return {"code": reason.code, **asdict(reason)}


def test_every_code_of_the_core_is_shown_here() -> None:
    assert {reason.code for reason, _, _ in EXAMPLES} == core.REASON_CODES


@pytest.mark.parametrize(("reason", "full", "brief"), EXAMPLES, ids=lambda value: getattr(value, "code", ""))
def test_words(reason: core.Reason, full: str, brief: str) -> None:
    at = sentence(told(reason), NOW)
    assert at.replace("Wed ", "") == full
    assert short(told(reason)) == brief


def test_a_reason_without_its_numbers_or_of_a_newer_engine_still_shows() -> None:
    assert sentence({"code": "NEW_ONE", "wanted": 300, "free": 120}, NOW) == "NEW_ONE: wanted 300, free 120."
    assert sentence({"code": "CORES_BUSY", "needed": 3}, NOW) == "CORES_BUSY: needed 3."
    assert short({"code": "CORES_BUSY", "needed": 3}) == "CORES_BUSY: needed 3"
    assert short({}) == "UNKNOWN"


@pytest.mark.parametrize("scope", ["account", "group", "service"])
@pytest.mark.parametrize("resource", ["gpus", "gpus:rtx a6000", "gpu_memory_mb", "cpu_cores", "memory_mb", "jobs"])
def test_short_keeps_its_width_and_its_numbers_whatever_the_names(scope: str, resource: str) -> None:
    reason = {
        "code": "QUOTA_REACHED",
        "scope": scope,
        "name": "a-group-with-a-very-long-name" * 3,
        "resource": resource,
        "limit": 4096,
        "used": 4096,
        "wanted": 1024,
    }
    assert width(short(reason)) <= SHORT_CELLS
    assert " of 4" in short(reason)


def test_names_in_reasons_are_cleaned() -> None:
    reason = {
        "code": "QUOTA_REACHED",
        "scope": "group",
        "name": "\x1b[2Jx",
        "resource": "jobs",
        "limit": 1,
        "used": 1,
        "wanted": 1,
    }
    assert "\x1b" not in sentence(reason, NOW) + short(reason)


BUSY = {"code": "GPUS_BUSY", "wanted": 1, "free": 0, "matching": 4}
HOT = {
    "code": "GPU_HOT",
    "index": 1,
    "temperature_c": 80,
    "threshold_c": 75,
    "resume_c": 70,
    "throttled": False,
}
QUOTA = {
    "code": "QUOTA_REACHED",
    "scope": "account",
    "name": "ada",
    "resource": "gpus",
    "limit": 1,
    "used": 1,
    "wanted": 1,
}


def test_leading_names_heat_only_if_heat_alone_is_in_the_way() -> None:
    assert leading([BUSY, HOT]) is HOT
    assert leading([{**BUSY, "wanted": 3}, HOT])["code"] == "GPUS_BUSY"  # type: ignore[index]
    assert leading([BUSY, HOT, QUOTA]) is QUOTA
    assert leading([]) is None


def test_summary_counts_what_it_leaves_out() -> None:
    assert summary([BUSY, HOT]) == "GPU 1 hot: 80 of 75°C +1"
    assert summary([]) == ""
    assert width(summary([QUOTA | {"name": "x" * 50}] + [BUSY] * 12)) <= SHORT_CELLS
