"""A job's facts and reasons, its log's end, and the lines around the queue."""

from dataclasses import replace

from engine.protocol.people import Me
from engine.protocol.responses import Holder, JobDetail, Stats, Why
from rcq_tui.viewmodel.details import cancel_question, fact_lines, facts, headline, places, standing, why_lines
from rcq_tui.viewmodel.strip import account_words, box_words, engine_words
from rcq_tui.viewmodel.text import width

NOW = 1_772_373_900.0
JOB = JobDetail(
    id=7, job_id="k-1", name="train", account="ada", group="vision", service="alphafold", state="running", cause=None,
    exit_code=None, signal=None, priority=5, gpus=1, gpu_type=None, gpu_memory_mb=2048, gpu_share=False, cpu_cores=2,
    memory_mb=4096, time_limit_s=7200, preemptible=True, command_line="sh \x1b[2J", submitted_at=NOW - 90,
    started_at=NOW - 60, ended_at=None, attempt=1, gpu_indices=[4], workdir="/w", tags={"k[b]": "v\n"},
)  # fmt: skip
STATS = Stats(
    version="1", policy="aging", now=NOW, uptime_s=1, jobs={"running": 2, "pending": 99_000}, gpus_total=4, gpus_busy=1,
    gpus_hot=0, cpu_cores_total=8, cpu_cores_busy=1, memory_mb_total=1024, memory_mb_busy=0, passes=1,
    last_pass_at=NOW - 3, last_pass_age_s=3, last_pass_s=0.1,
)  # fmt: skip


def plain(line: list[tuple[str, str]]) -> str:
    return "".join(text for text, _ in line)


def test_the_strip_tells_watts_where_there_is_room_and_they_are_known() -> None:
    assert "power" not in plain(box_words(STATS, 140))
    known = replace(STATS, power_w=811.7)
    assert "   power 812 W   " in plain(box_words(known, 140))
    assert "   power 812/1200 W   " in plain(box_words(replace(known, power_budget_w=1200.0), 140))
    assert "   power ?/1200 W   " in plain(box_words(replace(STATS, power_budget_w=1200.0), 140))
    assert plain(box_words(known, 140)).count("power") == 1
    assert "power" not in plain(box_words(known, 80))


def test_facts_are_clean_and_complete() -> None:
    found = dict(facts(JOB, NOW))
    assert found["owner"] == "ada (vision)"
    assert found["GPUs"] == "1 (4), 2G each"
    assert found["priority"] == "5, preemptible"
    assert found["ends by"] == "16:04"
    assert dict(places(JOB, NOW)) == {"command": "sh ", "folder": "/w", "tags": "k[b]=v␊"}
    assert [width(plain(line)) <= 80 for line in fact_lines(facts(JOB, NOW), 80)].count(False) == 0
    shown = " ".join(plain(line) for line in fact_lines(facts(JOB, NOW), 140))
    assert all(label in shown for label in found)


def test_standing_in_words() -> None:
    assert standing(JOB, NOW) == "running for 1m00s"
    assert standing(replace(JOB, state="pending", started_at=None), NOW) == "pending, waits for 1m30s"
    done = replace(JOB, state="failed", cause="exit", exit_code=2, ended_at=NOW)
    assert standing(done, NOW) == "failed after 1m00s: exit 2"
    never = replace(done, state="cancelled", cause="cancelled", started_at=None, exit_code=None)
    assert standing(never, NOW) == "cancelled before it started"
    assert plain(headline(JOB, NOW)) == "▶ job 7  train  running for 1m00s"
    assert ("name", "train") in cancel_question(JOB, NOW)


def test_why_tells_place_promise_score_and_every_reason() -> None:
    why = Why(
        id=7, state="pending", position=3, pending=12, score=14.85, base=10, fair=1.35, wait=1.1,
        expected_start=NOW + 60, basis="promised", reserved_gpus=[0, 2], claimed_gpus=[2],
        helps=[{"start_at": NOW, "changes": [{"code": "FEWER_CORES", "cpu_cores": 1, "wanted": 4}]}],
        holders=[Holder(codes=["CORES_BUSY"], id=4, account="bo\x1bb", group="vision", gpus=[], cpu_cores=7,
                        memory_mb=0, since=NOW - 60, until=NOW + 60, basis="time limit", ending=False)],
        reasons=[{"code": "CORES_BUSY", "wanted": 4, "free": 1, "total": 8}, {"code": "GPU_DRAINED", "index": 1}],
    )  # fmt: skip
    assert [plain(line) for line in why_lines(why, NOW)] == [
        "Position 3 of 12   score 14.85 = base 10 × fair 1.35 × wait 1.10",
        "Jobs on GPU 2 were told to stop for it; it starts when they are gone.",
        "Promised to start at 14:06 (in 1m00s) on GPU 0, 2; runs that end sooner or later than expected move it.",
        "• Needs 4 CPU cores; 1 of 8 is free.",
        "• GPU 1 is drained: an admin took it out of use.",
        "+ With 1 CPU core instead of 4 it starts now.",
        "  Job 4 of bo (vision) has 7 cores since 14:04, until 14:06 by its time limit.",
    ]
    assert "next pass" in plain(why_lines(Why(id=7, state="pending", reasons=[]), NOW)[0])
    assert "released" in plain(why_lines(Why(id=7, state="held", reasons=[]), NOW)[0])


def test_lines_around_the_queue() -> None:
    assert plain(account_words(Me(account="ada", group="vision", role="admin", via="peer"))) == "ada · vision · admin"
    assert plain(box_words(STATS, 200)).endswith("▶ 2 running   ○ 99,000 pending")
    assert width(plain(box_words(STATS, 30))) <= 30
    handed = replace(STATS, jobs={**STATS.jobs, "scheduled": 4})
    assert plain(box_words(handed, 200)).endswith("▶ 2 running   ○ 99,000 pending   ◔ 4 scheduled")
    assert engine_words(STATS, NOW)[0] == "engine 1 · aging · pass 3s ago"
    assert engine_words(replace(STATS, last_pass_at=NOW - 61), NOW) == (
        "engine stalled: last pass 1m01s ago. Run: rcq doctor", "bad",
    )  # fmt: skip
    assert "no pass yet" in engine_words(replace(STATS, last_pass_at=None), NOW)[0]


def test_an_element_says_which_array_it_is_of() -> None:
    element = replace(JOB, array="0-99%4", array_parent=7, array_index=3)
    assert dict(places(element, NOW))["array"] == "7[3] of 0-99%4"
    assert "train[3]" in plain(headline(element, NOW))
    assert dict(cancel_question(element, NOW))["name"] == "train[3]"
