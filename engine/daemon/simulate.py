"""`rcq simulate`: replays a trace, or the engine's own last weeks, on virtual time and prints how it went.

Must not know how a pass decides.
"""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from config.load import SettingsError
from config.paths import PathsError
from engine.core.measures import measure
from engine.core.simulate import simulate
from engine.core.trace import Ran
from engine.core.warmth import HeatMeasures
from engine.daemon.heat import HeatError, warmth_of
from engine.daemon.plot import picture
from engine.daemon.policies import AS_IT_WAS, contender
from engine.daemon.printable import printable
from engine.daemon.scene import Scene, SceneError, scene_of
from engine.daemon.simoptions import Asked, read_options
from engine.daemon.table import Row, accuracy, figures, table, warmth
from engine.daemon.terms import TermsError
from engine.daemon.trace import TraceError
from engine.protocol.errors import RcqError


class Replayed(NamedTuple):
    """A policy's name, its schedule, and how warm the cards got if that was asked for."""

    name: str
    schedule: Sequence[Ran]
    heat: HeatMeasures | None = None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    asked = read_options(argv)
    try:
        scene = scene_of(asked)
        replayed = list(_replays(asked, scene))
        if asked.schedule:
            _write_schedule(asked.schedule, replayed[-1].schedule)
        if asked.plot:
            drawn = [(name, schedule) for name, schedule, _ in replayed]
            asked.plot.write_text(picture(_title(scene), drawn, len(scene.box.gpus)), encoding="utf-8")
    except (TraceError, TermsError, SceneError, HeatError, SettingsError, PathsError, RcqError) as error:
        return _say(str(error))
    except OSError as error:
        return _say(f"{error.filename}: {error.strerror}. Name a file in a directory that you may write to.")
    _print(asked, scene, replayed)
    return 0


def _say(problem: str) -> int:
    print(f"rcq simulate: {printable(str(problem))}", file=sys.stderr)
    return 1


def _replays(asked: Asked, scene: Scene) -> Iterator[Replayed]:
    """Each policy's schedule; first what really happened, where that is known."""
    if scene.happened:
        yield Replayed(AS_IT_WAS, scene.happened)
    for name in scene.policies:
        if sys.stderr.isatty():
            print(f"{name} ...", end="\r", file=sys.stderr, flush=True)
        by = contender(name, scene.policy)
        heat = warmth_of(scene.settings, scene.box.gpus, by.policy.thermal) if asked.thermal else None
        run = simulate(
            scene.jobs,
            scene.box,
            by.policy,
            planner=by.planner,
            estimates=asked.estimates,
            warmth=heat,
            quantile=scene.settings.scheduling.estimate_quantile,
        )
        if not (schedule := list(run)):
            raise SceneError(f"{scene.name}: under {name} no job may ever start. Look at the quotas")
        yield Replayed(name, schedule, heat.measured(schedule) if heat else None)


def _write_schedule(path: Path, schedule: Sequence[Ran]) -> None:
    """All of it or nothing: written beside the target and moved into place."""
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("job_id", "start_s", "end_s"))
        rows.writerows((ran.job.job, _seconds(ran.start_s), _seconds(ran.end_s)) for ran in schedule)
    part.replace(path)


def _seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _title(scene: Scene) -> str:
    return f"{Path(scene.name).name}: {len(scene.jobs):,} jobs on {len(scene.box.gpus)} GPUs"


def _print(asked: Asked, scene: Scene, replayed: Sequence[Replayed]) -> None:
    cards = scene.box.gpus
    card_memory_mb = max(card.memory_mb for card in cards) if cards else 1
    rows = [
        Row(
            name=name,
            measures=measure(schedule, len(cards), card_memory_mb),
            never_started=len(scene.jobs) - len(schedule),
            heat=heat,
        )
        for name, schedule, heat in replayed
    ]
    against = asked.against or rows[0].name
    about: dict[str, object] = {
        "trace": scene.name,
        "gpus": len(cards),
        "jobs": len(scene.jobs),
        "refused": scene.refused,
        "skipped": scene.skipped,
        "estimates": asked.estimates.value,
    }
    if asked.json:
        items = figures(rows, against)
        alone = {name: value for name, value in items[0].items() if name != "ratios"} if len(items) == 1 else {}
        print(json.dumps({**about, **alone, "against": against, "items": items}, indent=2))
    elif len(rows) == 1:
        row = rows[0]
        heat = asdict(row.heat) if row.heat else {}
        _print_list({**about, "policy": row.name, "never_started": row.never_started, **asdict(row.measures), **heat})
    else:
        told = "  ".join(
            f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}" for name, value in about.items()
        )
        compared = (*table(rows, against), f"ratios (×) are to {against}")
        print("\n".join((told, "", *compared, "", *accuracy(rows), "", *warmth(rows))).rstrip())


def _print_list(found: dict[str, object]) -> None:
    width = max(map(len, found))
    for name, value in found.items():
        number = round(value, 4) if isinstance(value, float) else value
        print(
            f"{name:<{width}}  {number:>14,}" if isinstance(number, int | float) else f"{name:<{width}}  {number!s:>14}"
        )


if __name__ == "__main__":
    sys.exit(main())
