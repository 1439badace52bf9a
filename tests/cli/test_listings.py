"""Tables and texts at a fixed width, filters and JSON."""

import json
from collections.abc import Callable
from dataclasses import asdict

import pytest
from scripted_engine import Engine, Result, card, detail, job

from engine.protocol.cluster import NodeView
from rcq_tui.cli.columns import Column, table

Rcq = Callable[..., Result]
NOW = 1_000_600.0

REASON = {
    "code": "QUOTA_REACHED",
    "scope": "group",
    "name": "vision",
    "resource": "gpus",
    "limit": 4,
    "used": 4,
    "wanted": 2,
}
HOT = {
    "code": "GPU_HOT", "gpu": "GPU-1", "index": 3, "temperature_c": 91.0, "threshold_c": 75.0, "resume_c": 70.0,
    "throttled": False,
}  # fmt: skip

ROWS = [
    job(id=9, state="running", started_at=1_000_300.0, gpu_indices=[0, 3]),
    job(id=12, position=1, expected_start=1_000_660.0, reasons=[REASON, HOT]),
    job(id=13, position=2, account=None, name=None, command_line=None, redacted=True, gpus=1, gpu_type="a100"),
    job(id=14, state="held", gpus=0, name="a name that is much too long for the room there is in this table"),
    job(
        id=8, state="failed", cause="exit", exit_code=3, started_at=1_000_010.0, ended_at=1_000_020.0, gpus=1,
        gpu_share=True, gpu_memory_mb=8192, name=None, command_line="evil \x1b[31mred\x1b[0m",
    ),
]  # fmt: skip

QUEUE = """\
STATE      POS  ID  WHO       WHAT                     GPUS     WAITED/RAN  WHY / WHEN
▶ running        9  alice     train                    2: 0,3        5m00s  until 14:51
○ pending    1  12  alice     train                    2            10m00s  in 1m00s; group vision:…
○ pending    2  13  (vision)  (private)                1 a100       10m00s
‖ held          14  alice     a name that is much to…  -            10m00s
✗ failed         8  alice     evil red                 8G of 1         10s  exit 3
… there are more than these 5: --limit N shows more
"""


@pytest.fixture(autouse=True)
def _fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)


def test_queue_at_a_fixed_width(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", {"items": ROWS, "cursor": "next"})
    result = rcq("queue", "--limit", "5")
    assert result.code == 0
    assert result.out == QUEUE


def test_queue_without_a_terminal_cuts_nothing(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    engine.on("GET", "/v1/jobs", {"items": ROWS, "cursor": None})
    out = rcq("queue").out
    assert "a name that is much too long for the room there is in this table" in out
    assert "…" not in out


def test_queue_as_json_is_what_the_engine_said(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", {"items": ROWS, "cursor": None})
    assert json.loads(rcq("queue", "--json").out) == {"items": ROWS, "cursor": None}


def test_queue_filters(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", {"items": [], "cursor": None})
    rcq("queue", "--state", "Running,failed", "--mine", "--account", "a b", "--group", "g", "--limit", "7")
    expected = {"state": "running,failed", "mine": "1", "account": "a b", "group": "g", "limit": "7"}
    assert engine.requests[-1].query == expected
    rcq("queue", "--all", "--state", "all")
    assert engine.requests[-1].query["state"].split(",")[-1] == "preempted"
    assert "mine" not in engine.requests[-1].query


def test_queue_follows_pages(rcq: Rcq, engine: Engine) -> None:
    pages = [
        {"items": [job(id=number) for number in range(1000)], "cursor": "c1"},
        {"items": [job(id=number) for number in range(1000, 1500)], "cursor": None},
    ]
    engine.on("GET", "/v1/jobs", *pages)
    shown = json.loads(rcq("queue", "--limit", "1800", "--json").out)
    assert len(shown["items"]) == 1500
    assert [(request.query["limit"], request.query.get("cursor")) for request in engine.requests] == [
        ("1000", None),
        ("800", "c1"),
    ]


GPUS = """\
GPU  MODEL             STATE  UTIL      MEMORY  TEMP               POWER  JOBS
  0  NVIDIA RTX A6000  ● ok    93%  20G of 48G  68°C of 75  281W of 300W  9 alice, (biology)
  1  NVIDIA RTX A6000  ▲ hot     -    - of 48G  - of 75           - of -  2G foreign

GPU 1: too hot to start a job on: it comes back below 70°C.
GPU 1: 2G are in use and nobody is known to hold them: no job starts here.
"""


BOOKED = """\
GPU  MODEL             STATE  UTIL      MEMORY  TEMP               POWER  JOBS  BOOKED
  0  NVIDIA RTX A6000  ● ok    93%  20G of 48G  68°C of 75  281W of 300W  -     until 16:00 alice
  1  NVIDIA RTX A6000  ● ok    93%  20G of 48G  68°C of 75  281W of 300W  -     Tue 09:00 to Tue 10:00 (vision)
  2  NVIDIA RTX A6000  ● ok    93%  20G of 48G  68°C of 75  281W of 300W  -     -
"""


def test_gpus_that_are_booked_tell_until_or_from_when_and_who(
    rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    now = {"account": "alice", "group": "vision", "start_at": 1_000_000.0, "end_at": 1_008_000.0}
    later = {"account": None, "group": "vision", "start_at": 1_155_600.0 - 86_400, "end_at": 1_159_200.0 - 86_400}
    for slot in (now, later):
        slot["starts_in_s"], slot["ends_in_s"] = slot["start_at"] - 1_000_000.0, slot["end_at"] - 1_000_000.0
    cards = [card(slot=now), card(index=1, slot=later), card(index=2)]
    engine.on("GET", "/v1/nodes", {"items": []})
    engine.on("GET", "/v1/gpus", {"items": cards})
    assert rcq("gpus").out == BOOKED


def test_gpus_at_a_fixed_width(rcq: Rcq, engine: Engine) -> None:
    users = [
        {"id": 9, "account": "alice", "group": "vision", "name": "train", "memory_mb": 100},
        {"id": None, "account": None, "group": "biology", "name": None, "memory_mb": None},
    ]
    cards = [
        card(jobs=users),
        card(
            index=1, state="hot", temperature_c=None, power_w=None, power_limit_w=None, utilization=None,
            memory_used_mb=None, foreign_mb=2048,
        ),
    ]  # fmt: skip
    engine.on("GET", "/v1/nodes", {"items": []})
    engine.on("GET", "/v1/gpus", {"items": cards})
    result = rcq("gpus")
    assert result.out == GPUS
    assert json.loads(rcq("gpus", "--json").out) == {"items": cards}


def test_nodes_say_since_when_slurm_is_away(rcq: Rcq, engine: Engine) -> None:
    slurm = {"name": "slurm", "state": "ok", "since": 999_000.0, "detail": None, "waiting": 0, "running": 0}
    node = NodeView(
        name="n1", state="open", slurm_state="idle", why=None, age_s=1.0, cpu_cores=8, cpu_cores_allocated=0,
        cpu_cores_ours=0, cpu_cores_others=0, memory_mb=1024, memory_mb_allocated=0, memory_mb_ours=0,
    )  # fmt: skip
    engine.on("GET", "/v1/nodes", {"items": [asdict(node)]})
    engine.on("GET", "/v1/stats", {"now": 1_000_000.0, "backends": [slurm]})
    assert len(rcq("nodes").out.splitlines()) == 2
    engine.on("GET", "/v1/stats", {"now": 1_000_000.0, "backends": [{**slurm, "state": "away", "detail": "squeue"}]})
    assert rcq("nodes").out.splitlines()[2:] == ["", "Slurm away since 13:30: nothing is lost, jobs wait (squeue)"]


def test_gpus_watch_needs_a_terminal(rcq: Rcq, engine: Engine) -> None:
    assert rcq("gpus", "--watch").code == 2
    assert engine.requests == []


SHOW = """\
job          12
name         train
state        ○ pending
position     3
owner        alice (group vision)
command      python train.py
workdir      /home/alice
priority     5
gpus         2
cores        4
memory       8G
time limit   1h00m
submitted    1970-01-12 13:46:40
waited       10m00s
files        /state/jobs/12
environment  A=1
tag          expect=failed
waits        Group vision holds 4 of at most 4 GPUs; this job needs 2 GPUs more.
script
  #!/bin/bash
  echo hi
"""


def test_show(rcq: Rcq, engine: Engine) -> None:
    shown = detail(
        reasons=[REASON], tags={"expect": "failed"}, environment={"A": "1\x1b[0m"}, position=3,
        command=None, script="#!/bin/bash\necho hi\n",
    )  # fmt: skip
    engine.on("GET", "/v1/jobs/12", shown)
    result = rcq("show", "12")
    assert result.out == SHOW
    assert json.loads(rcq("show", "12", "--json").out) == shown


HOLDER = {
    "codes": ["GPUS_BUSY"], "id": 7, "account": "bob", "group": "vision", "gpus": [0, 3], "cpu_cores": 4,
    "memory_mb": 0, "since": 1_000_000.0, "until": 1_003_600.0, "basis": "history", "ending": False,
}  # fmt: skip
WHY = """\
Job 12 is pending, position 3 of 40.
Promised to start at 13:57 (in 1m00s) on GPU 1, 2; runs that end sooner or later than expected move it.
It does not start now because:
  - Group vision holds 4 of at most 4 GPUs; this job needs 2 GPUs more.
  - GPU 3 is too hot: 91°C, and no job starts at 75°C or above; back below 70°C.
Who holds it:
  - Job 7 of bob (vision) has GPU 0, 3 since 13:46, until 14:46 as such jobs did before.
  - A job (nlp) has GPU 1 since 13:46, is stopping, gone by 13:57.
What would help:
  - With group vision's cap of 4 GPUs raised by 2 it starts now.
  - With 1 GPU instead of 2 it starts in 30s (13:57).
Its score is 88.00 = base 10 × fair 2.00 × wait 1.10 × short 4.00.
It is expected to run 5m00s: as 12 earlier runs of this kind took.
After 1d0h of waiting it goes to the head of the queue.
"""


def test_why(rcq: Rcq, engine: Engine) -> None:
    answer = {
        "id": 12, "state": "pending", "reasons": [REASON, HOT], "position": 3, "pending": 40, "score": 88.0,
        "base": 10.0, "fair": 2.0, "wait": 1.1, "short": 4.0, "patience_s": 86_400.0, "run_s": 300.0, "runs": 12,
        "alike": True, "expected_start": 1_000_660.0, "reserved_gpus": [1, 2],
        "basis": "promised", "later_than": None, "claimed_gpus": [],
        "holders": [HOLDER, {**HOLDER, "id": None, "account": None, "group": "nlp", "gpus": [1], "ending": True,
                             "until": 1_000_630.0}],
        "helps": [
            {"start_at": 1_000_600.0, "changes": [{"code": "RAISE_QUOTA", "scope": "group", "name": "vision",
                                                   "resource": "gpus", "limit": 4, "by": 2, "each": False}]},
            {"start_at": 1_000_630.0, "changes": [{"code": "FEWER_GPUS", "gpus": 1, "wanted": 2}]},
        ],
    }  # fmt: skip
    engine.on("GET", "/v1/jobs/12/why", answer)
    result = rcq("why", "12")
    assert result.out == WHY
    assert json.loads(rcq("why", "12", "--json").out) == answer


def test_why_before_the_first_pass_says_nothing_false(rcq: Rcq, engine: Engine) -> None:
    answer = {
        "id": 12, "state": "pending", "reasons": [], "position": None, "pending": 1, "score": None, "base": None,
        "fair": None, "wait": None, "expected_start": None, "reserved_gpus": [],
    }  # fmt: skip
    engine.on("GET", "/v1/jobs/12/why", answer)
    assert "next pass" in rcq("why", "12").out


def test_stats(rcq: Rcq, engine: Engine) -> None:
    stats = {
        "version": "0.1.0", "policy": "fair-share", "now": NOW, "uptime_s": 3700.0,
        "jobs": {"pending": 3, "running": 2, "held": 0},
        "gpus_total": 4, "gpus_busy": 3, "gpus_hot": 1, "cpu_cores_total": 16, "cpu_cores_busy": 6,
        "memory_mb_total": 65536, "memory_mb_busy": 8192, "passes": 41, "last_pass_at": NOW,
        "last_pass_age_s": 0.4, "last_pass_s": 0.0021,
    }  # fmt: skip
    engine.on("GET", "/v1/stats", stats)
    assert rcq("stats").out.splitlines() == [
        "engine  0.1.0, policy fair-share, up 1h01m",
        "jobs    3 pending, 2 running",
        "gpus    3 of 4 busy, 1 hot",
        "cores   6 of 16 leased",
        "memory  8G of 64G leased",
        "passes  41, the last 0s ago, took 2.1 ms",
    ]
    assert json.loads(rcq("stats", "--json").out) == stats
    engine.on("GET", "/v1/stats", stats | {"power_w": 811.7, "power_budget_w": 1200.0})
    assert rcq("stats").out.splitlines()[5] == "power   812 of 1200 W"
    host = {
        "host_cpu": 0.375,
        "load1": 12.25,
        "host_memory_used_mb": 2048,
        "host_memory_total_mb": 8192,
        "disk_free_mb": 1536,
        "disk_total_mb": 10_240,
    }
    engine.on("GET", "/v1/stats", stats | host)
    slurm = {"name": "slurm", "state": "ok", "running": 1, "waiting": 2, "nodes_open": 3, "nodes_total": 4}
    home = {"name": "process", "state": "ok", "running": 1, "waiting": 0, "nodes_open": None, "nodes_total": None}
    engine.on("GET", "/v1/stats", stats | {"backends": [home, slurm]})
    assert rcq("stats").out.splitlines()[5:7] == [
        "runs    process: 1 running",
        "        Slurm: 1 running, 2 in its queue, 3 of 4 nodes open",
    ]
    engine.on("GET", "/v1/stats", stats | {"backends": [home, {**slurm, "nodes_open": 0, "nodes_total": 0}]})
    assert rcq("stats").out.splitlines()[6].endswith("2 in its queue, no node known")
    engine.on("GET", "/v1/stats", stats | host)
    told = "host    CPU 38%, load 12.2, memory 2G of 8G used, disk 1.5G of 10G free"
    assert rcq("stats").out.splitlines()[5] == told
    engine.on("GET", "/v1/stats", stats | {"power_w": 811.7, "power_budget_w": None})
    assert rcq("stats").out.splitlines()[5] == "power   812 W"
    engine.on("GET", "/v1/stats", stats | {"power_w": None, "power_budget_w": 1200.0})
    assert rcq("stats").out.splitlines()[5] == "power   ? of 1200 W"


def test_a_table_never_outgrows_its_room() -> None:
    columns = (Column("A"), Column("LONG", least=4), Column("N", right=True), Column("LAST", least=4))
    rows = [["x", "日本語のとても長い名前", "12", "the end of it"], ["y", "short", "3", ""]]
    for room in range(20, 60):
        assert max(len(line) + line.count("日本語のとても長い名前") * 11 for line in table(columns, rows, room)) <= room
    assert table(columns, [], 40) == ["A  LONG  N  LAST"]


def test_why_of_a_job_that_has_ended_says_where_to_look(rcq: Rcq, engine: Engine) -> None:
    nothing = dict.fromkeys(("position", "score", "base", "fair", "wait", "expected_start"))
    answer = {"id": 5, "state": "failed", "reasons": [], "pending": 0, "reserved_gpus": [], **nothing}
    engine.on("GET", "/v1/jobs/5/why", answer)
    assert rcq("why", "5").out.splitlines() == [
        "Job 5 has ended: failed.",
        "How it ended: rcq show 5. What it wrote: rcq logs 5 (--stderr).",
    ]


def test_a_paused_job_is_shown_as_such(engine: Engine, rcq: Rcq) -> None:
    row = job(id=9, state="running", started_at=1_000_300.0, gpu_indices=[0], paused_since=1_000_540.0, paused_s=20.0)
    engine.on("GET", "/v1/jobs", {"items": [row], "cursor": None})
    line = rcq("queue").out.splitlines()[1]
    assert line.startswith("▮ paused")
    assert "paused for 1m00s" in line
