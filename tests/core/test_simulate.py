"""The simulator's schedules, judged from outside by a sweep of its own."""

import random
from pathlib import Path

import pytest
from worlds import card, key

from engine.core.measures import measure
from engine.core.model import GroupName, JobId
from engine.core.policy import Order, Policy
from engine.core.simulate import simulate
from engine.core.snapshot import GroupTerms, Host
from engine.core.trace import Box, TraceJob
from engine.daemon.trace import CARD_MEMORY_MB, TraceError, read_trace

DATA = Path(__file__).parents[3] / "shared" / "data"


def box(cards, cores=128):
    groups = {GroupName(name): GroupTerms() for name in ("vision", "language")}
    gpus = tuple(card(at, "simulated", memory_mb=CARD_MEMORY_MB) for at in range(cards))
    return Box(gpus=gpus, host=Host(cpu_cores=cores, memory_mb=768 * 1024), groups=groups)


def job(name, submit_s, runtime_s, **shape):
    return TraceJob(
        job=JobId(name), key=key(**{"time_limit_s": int(runtime_s), **shape}), submit_s=submit_s, runtime_s=runtime_s
    )


def assert_legal(schedule, trace, cards, host):
    """Every job once, whole, not before it came; never more of a card, core or byte than there is."""
    assert sorted(ran.job.job for ran in schedule) == sorted(of.job for of in trace)
    events = []
    for ran in schedule:
        assert ran.start_s >= ran.job.submit_s
        assert ran.end_s - ran.start_s == pytest.approx(ran.job.runtime_s)
        assert len(set(ran.gpus)) == len(ran.gpus) == ran.job.key.shape.gpus
        events += [(ran.end_s, 0, ran), (ran.start_s, 1, ran)]
    used, cores, memory = {f"GPU-{at}": 0 for at in range(cards)}, 0, 0
    for _, starts, ran in sorted(events, key=lambda event: event[:2]):
        shape, sign = ran.job.key.shape, 1 if starts else -1
        cores, memory = cores + sign * shape.cpu_cores, memory + sign * shape.memory_mb
        assert cores <= host.cpu_cores and memory <= host.memory_mb
        for uuid in ran.gpus:
            used[uuid] += sign * (shape.gpu_memory_mb if shape.share else CARD_MEMORY_MB)
            assert 0 <= used[uuid] <= CARD_MEMORY_MB


def test_a_small_trace_by_hand():
    trace = [job("a", 0, 100, gpus=2), job("b", 10, 50, gpus=1), job("c", 20, 30, gpus=1), job("d", 30, 10, gpus=2)]
    schedule = list(simulate(trace, box(2), Policy(order=Order.AGING)))
    assert {ran.job.job: (ran.start_s, ran.end_s) for ran in schedule} == {
        "a": (0, 100), "b": (100, 150), "c": (100, 130), "d": (150, 160),
    }  # fmt: skip
    found = measure(schedule, 2, CARD_MEMORY_MB)
    assert found.wait_mean_s == pytest.approx((0 + 90 + 80 + 120) / 4)
    assert found.bsld_mean == pytest.approx((1 + 140 / 50 + 110 / 30 + 130 / 10) / 4)
    assert found.utilization == pytest.approx(1.0)


@pytest.mark.parametrize("order", list(Order))
def test_a_crowd_of_whole_and_shared_cards_gives_a_legal_schedule(order):
    chance = random.Random(20260301)
    trace = []
    for number in range(120):
        share = chance.random() < 0.3
        gpus = 1 if share else chance.choice((0, 1, 1, 2, 4, 8))
        part = chance.choice((10, 25, 50)) * CARD_MEMORY_MB // 100 if share else 0
        shape = {"gpus": gpus, "share": share, "gpu_memory_mb": part, "cpu_cores": chance.randint(1, 32)}
        trace.append(job(f"j{number}", chance.uniform(0, 800), chance.randint(5, 300), memory_mb=50_000, **shape))
    machine = box(8)
    assert_legal(list(simulate(trace, machine, Policy(order=order))), trace, 8, machine.host)


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize(("name", "rows"), [("philly_mix", 400), ("openb_share", 500)])
def test_the_beginning_of_a_real_trace_gives_a_legal_schedule(name, rows, order):
    path = DATA / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"the real traces are not beside the checkout ({path})")
    trace = [of for _, of in zip(range(rows), read_trace(path), strict=False)]
    machine = box(8)
    schedule = list(simulate(trace, machine, Policy(order=order)))
    assert_legal(schedule, trace, 8, machine.host)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("job_id,submit_s,gpus\n", "runtime_s"),
        ("job_id,submit_s,runtime_s,gpus\na,0,x,1\n", ":2:"),
        ("job_id,submit_s,runtime_s,gpus\na,0,5,1\nb,0,0,1\n", ":3:"),
        ("job_id,submit_s,runtime_s,gpus\na,nan,5,1\n", ":2:"),
    ],
)
def test_a_bad_trace_is_refused_with_its_line(tmp_path, text, said):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(TraceError, match=said):
        list(read_trace(path))
