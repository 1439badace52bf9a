"""`rcq simulate`: replays a trace on virtual time with the engine's own plan() and prints how it went.

Must not know how a pass decides.
"""

import argparse
import csv
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from config.load import SettingsError, load
from engine.core.measures import Measures, measure
from engine.core.model import GpuUuid
from engine.core.placement.possible import impossible
from engine.core.policy import Order, Policy
from engine.core.simulate import Box, Ran, TraceJob, simulate
from engine.core.snapshot import Gpu, GroupTerms, Host
from engine.daemon.policy import policy_of
from engine.daemon.trace import CARD_MEMORY_MB, OPTIONAL, REQUIRED, TraceError, read_trace


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    asked = _parser().parse_args(argv)
    try:
        trace = list(read_trace(asked.trace))
        policy = _policy(asked)
    except (TraceError, SettingsError) as error:
        print(f"rcq simulate: {error}", file=sys.stderr)
        return 1
    box = _box(asked, trace)
    refused = [job for job in trace if impossible(job.key.shape, box.gpus, box.host)]
    possible = [job for job in trace if not impossible(job.key.shape, box.gpus, box.host)]
    if not possible:
        print(f"rcq simulate: {asked.trace}: no job of it fits this box", file=sys.stderr)
        return 1
    schedule = list(simulate(possible, box, policy))
    if asked.schedule:
        _write_schedule(asked.schedule, schedule)
    _print(asked, policy, measure(schedule, len(box.gpus), CARD_MEMORY_MB), len(refused))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rcq simulate",
        description="Replay a trace of jobs on virtual time with the engine's own plan, and print how it went.",
        epilog=f"Columns of a trace: {', '.join(REQUIRED)}; optional: {', '.join(OPTIONAL)}.",
    )
    parser.add_argument("trace", type=Path, help="CSV file with a header")
    parser.add_argument("--gpus", type=_count, default=8, help="cards of the simulated box (default 8)")
    parser.add_argument("--cores", type=_count, default=128, help="its CPU cores (default 128)")
    parser.add_argument("--memory-gb", type=_count, default=768, help="its memory, GiB (default 768)")
    parser.add_argument("--policy", choices=[order.value for order in Order], help="order of pending jobs")
    parser.add_argument("--config", type=Path, help="settings to take the policy from")
    parser.add_argument("--schedule", type=Path, help="write job_id,start_s,end_s rows to this CSV file")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return count


def _policy(asked: argparse.Namespace) -> Policy:
    policy = policy_of(load(asked.config)) if asked.config else Policy()
    return replace(policy, order=Order(asked.policy)) if asked.policy else policy


def _box(asked: argparse.Namespace, trace: list[TraceJob]) -> Box:
    cards = tuple(
        Gpu(uuid=GpuUuid(f"GPU-sim-{at:02d}"), index=at, model="simulated", memory_mb=CARD_MEMORY_MB)
        for at in range(asked.gpus)
    )
    return Box(
        gpus=cards,
        host=Host(cpu_cores=asked.cores, memory_mb=asked.memory_gb * 1024),
        groups={job.key.owner.group: GroupTerms() for job in trace},
    )


def _write_schedule(path: Path, schedule: list[Ran]) -> None:
    """All of it or nothing: written beside the target and moved into place."""
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("job_id", "start_s", "end_s"))
        rows.writerows((ran.job.job, _seconds(ran.start_s), _seconds(ran.end_s)) for ran in schedule)
    part.replace(path)


def _seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _print(asked: argparse.Namespace, policy: Policy, found: Measures, refused: int) -> None:
    figures = {
        "trace": str(asked.trace),
        "policy": policy.order.value,
        "gpus": asked.gpus,
        "refused": refused,
        **{name: round(value, 4) for name, value in asdict(found).items()},
    }
    if asked.json:
        print(json.dumps(figures, indent=2))
        return
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:<{width}}  {value:>14,}" if isinstance(value, int | float) else f"{name:<{width}}  {value:>14}")


if __name__ == "__main__":
    sys.exit(main())
