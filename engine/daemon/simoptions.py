"""The options of `rcq simulate`, checked as far as they can be without looking at any file.

Must not know what is done with them.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from engine.core.trace import Estimates
from engine.daemon.cuts import Cut, cut_of
from engine.daemon.machine import CORES, MEMORY_GB
from engine.daemon.policies import NAMES, names_of
from engine.daemon.trace import OPTIONAL, REQUIRED

T = TypeVar("T")


@dataclass(slots=True, frozen=True, kw_only=True)
class Asked:
    """What the command line says; `None` is left open. days: so far back goes a what-if. shift: part of the span."""

    trace: Path | None
    whatif: bool
    days: float
    database: Path | None
    gpus: int | None
    cores: int | None
    memory_gb: int | None
    groups: Path | None
    thermal: bool
    policies: tuple[str, ...]
    against: str | None
    estimates: Estimates
    config: Path | None
    swf_cores_per_gpu: float | None
    cut: Cut | None
    shift: Fraction | None
    load: float | None
    schedule: Path | None
    plot: Path | None
    json: bool


def read_options(argv: Sequence[str] | None) -> Asked:
    """The options. Ends the process with code 2 and the reason if they do not go together."""
    parser = _parser()
    asked = Asked(**vars(parser.parse_args(argv)))
    if asked.whatif == (asked.trace is not None):
        parser.error("name a trace to replay, or give --whatif to replay the engine's own past")
    if asked.database and not asked.whatif:
        parser.error("--database names the past that --whatif replays; give --whatif too")
    if asked.groups and asked.whatif:
        parser.error("--whatif takes terms and quotas from the database; --groups goes with a trace")
    if asked.schedule and len(asked.policies) > 1:
        parser.error("--schedule writes one schedule; name one policy with it")
    if asked.whatif and (asked.cut or asked.shift or asked.load):
        parser.error("--whatif replays all that happened; --cut, --shift and --load go with a trace")
    return asked


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rcq simulate",
        description="Replay a trace of jobs on virtual time with the engine's own plan, and print how it went.",
        epilog=f"A trace is a CSV file with a header or a Standard Workload Format file (.swf, .swf.gz). Columns of "
        f"a CSV trace: {', '.join(REQUIRED)}; optional: {', '.join(OPTIONAL)}.",
    )
    parser.add_argument("trace", type=Path, nargs="?", help="CSV or SWF file")
    past = parser.add_argument_group("the engine's own past instead of a trace")
    past.add_argument("--whatif", action="store_true", help="replay the jobs of the engine's database")
    past.add_argument("--days", type=_above_0, default=30.0, help="so far back from the last submission (default 30)")
    past.add_argument("--database", type=Path, metavar="FILE", help="this database; it is only read")
    box = parser.add_argument_group("the machine")
    box.add_argument("--gpus", type=_count, help="cards (default: 8; for --whatif those there are)")
    box.add_argument("--cores", type=_count, help=f"CPU cores (default {CORES}; for --whatif this host's)")
    box.add_argument("--memory-gb", type=_count, help=f"memory, GiB (default {MEMORY_GB}; for --whatif this host's)")
    box.add_argument("--groups", type=Path, metavar="FILE", help="TOML file with [[groups]]: terms and quotas")
    box.add_argument(
        "--thermal", action="store_true",
        help="cards warm up under load as [[gpu.simulated]] of the settings says; too hot ones wait until they cool",
    )  # fmt: skip
    how = parser.add_argument_group("the policy")
    how.add_argument(
        "--policy", "--policies", dest="policies", type=_asked(names_of), default=(), metavar="P[,P...]",
        help=f"side by side: {', '.join(NAMES)}, or all (default: the settings')",
    )  # fmt: skip
    how.add_argument("--against", metavar="P", help="tell ratios to this policy (default: the first)")
    how.add_argument(
        "--estimates", type=Estimates, choices=list(Estimates), default=Estimates.HISTORY,
        metavar="|".join(Estimates), help="what is known of run times beforehand (default %(default)s)",
    )  # fmt: skip
    how.add_argument("--config", type=Path, metavar="FILE", help="settings to take the policy's numbers from")
    cut = parser.add_argument_group("another cut of the trace, the same each time")
    cut.add_argument("--swf-cores-per-gpu", type=_above_0, metavar="N", help="processors that count as one GPU")
    cut.add_argument("--cut", type=_asked(cut_of), metavar="N/D[@SALT]", help="keep this part of the jobs, by hash")
    cut.add_argument("--shift", type=_asked(_part), metavar="N/D", help="begin this part of the span later, in a ring")
    cut.add_argument("--load", type=_above_0, metavar="L", help="move submissions until they offer this load (1: full)")
    out = parser.add_argument_group("what comes out")
    out.add_argument("--schedule", type=Path, metavar="FILE", help="write job_id,start_s,end_s rows to this CSV file")
    out.add_argument("--plot", type=Path, metavar="FILE", help="draw utilisation and waits into this SVG file")
    out.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    return parser


def _asked(read: Callable[[str], T]) -> Callable[[str], T]:
    """A reader whose ValueError is told in its own words."""

    def type_of(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return type_of


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return count


def _above_0(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or value <= 0:
        raise argparse.ArgumentTypeError("must be a number above 0")
    return value


def _part(text: str) -> Fraction:
    part = cut_of(text).part
    if "@" in text or part == 1:
        raise ValueError(f"{text!r} is no part of the span; 1/3 is meant: a part below 1")
    return part
