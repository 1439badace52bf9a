"""How simulated schedules compare, as figures for a program and as a table for people.

Must not know how a schedule came about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from engine.core.measures import Measures
from engine.core.warmth import HeatMeasures

Figures = dict[str, object]

RATIOS = ("wait_mean_s", "wide_wait_max_s", "bsld_mean", "utilization")
"""Measures that are told against those of another policy too."""

COLUMNS = (
    ("wait_mean_s", "wait mean s"), ("wait_median_s", "median"), ("wait_p95_s", "p95"), ("wait_max_s", "max"),
    ("wide_wait_mean_s", "wide mean"), ("wide_wait_max_s", "wide max"), ("bsld_mean", "bsld"),
    ("utilization", "util"),
)  # fmt: skip
RATIO_COLUMNS = dict(zip(RATIOS, ("×mean", "×wide max", "×bsld", "×util"), strict=True))
HEAT_COLUMNS = (
    ("above_h", "card-h above"), ("throttled_h", "throttled"), ("capped_h", "capped"), ("hottest_c", "hottest °C"),
    ("energy_kwh", "kWh"), ("speed", "speed"), ("throughput", "throughput"),
)  # fmt: skip
PLAIN = frozenset((*(name for name, _ in COLUMNS), "jobs", "wide_jobs", "makespan_s"))
"""Measures that the first table shows or every policy has alike; what else there is gets a table of its own."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Row:
    """One policy's measures, and how many jobs it could never start (their quotas are too small).

    heat: how warm the cards got, where that was asked for.
    """

    name: str
    measures: Measures
    never_started: int = 0
    heat: HeatMeasures | None = None


def figures(rows: Sequence[Row], against: str) -> list[Figures]:
    """Every measure of every policy, and its ratios to those of `against`."""
    base = next(row.measures for row in rows if row.name == against)
    return [
        {
            "policy": row.name,
            "never_started": row.never_started,
            **{name: _rounded(value) for name, value in asdict(row.measures).items()},
            **({name: _rounded(value) for name, value in asdict(row.heat).items()} if row.heat else {}),
            "ratios": {name: _rounded(ratio) for name, ratio in _ratios(row.measures, base).items()},
        }
        for row in rows
    ]


def table(rows: Sequence[Row], against: str) -> list[str]:
    """The comparison, a line for each policy; ratios are to `against`."""
    base = next(row.measures for row in rows if row.name == against)
    head = ["policy", *(title for _, title in COLUMNS), *RATIO_COLUMNS.values()]
    body = []
    for row in rows:
        ratios = _ratios(row.measures, base)
        cells = [_number(name, getattr(row.measures, name)) for name, _ in COLUMNS]
        body.append([row.name, *cells, *(_ratio(ratios[name]) for name in RATIOS)])
    left = [f"{row.name}: {row.never_started:,} jobs could never start" for row in rows if row.never_started]
    return [*_aligned([head, *body]), *left]


def accuracy(rows: Sequence[Row]) -> list[str]:
    """How good estimates and promises were, as far as that was measured; one line for each measure."""
    names = [name for name in asdict(rows[0].measures) if name not in PLAIN]
    told = [[name, *(_number(name, getattr(row.measures, name)) for row in rows)] for name in names]
    shown = [line for line in told if set(line[1:]) != {"-"}]
    return _aligned([["accuracy", *(row.name for row in rows)], *shown]) if shown else []


def warmth(rows: Sequence[Row]) -> list[str]:
    """How warm the cards got, a line for each policy; nothing where that was not asked for."""
    body = [[row.name, *(_warm(name, getattr(row.heat, name)) for name, _ in HEAT_COLUMNS)] for row in rows if row.heat]
    return _aligned([["heat", *(title for _, title in HEAT_COLUMNS)], *body]) if body else []


def _warm(name: str, value: float) -> str:
    return f"{value:.3f}" if name in ("speed", "throughput") else f"{value:,.1f}"


def _ratios(measures: Measures, base: Measures) -> dict[str, float | None]:
    """`None` where the other one is 0."""
    found = {name: (getattr(measures, name), getattr(base, name)) for name in RATIOS}
    return {name: mine / its if its else None for name, (mine, its) in found.items()}


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _number(name: str, value: float | None) -> str:
    """Seconds as whole numbers, ratios and slowdowns with their digits."""
    if value is None:
        return "-"
    if name.endswith("_s") or isinstance(value, int):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if name == "bsld_mean" else f"{value:.3f}"


def _rounded(value: object) -> object:
    """Short enough to read; what a measure is made of keeps its form."""
    if isinstance(value, Mapping):
        return {name: _rounded(inner) for name, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Names to the left, numbers to the right."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return [
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
