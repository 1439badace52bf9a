"""`rcq replay`: plans the passes of the decision log again and says where that decides anything else.

Reads the database and changes nothing in it; an engine may be at work on it. Must not know how a pass decides.
"""

import argparse
import json
import os
import re
import sys
import time
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from config.load import SettingsError, load, load_if_there
from config.paths import PathsError, appliance, config_file, personal
from engine.core import record as records
from engine.core.decisions import Plan
from engine.core.record import NotRecorded, Record
from engine.core.replay import differences, planned_again
from engine.daemon.printable import printable
from engine.daemon.replaywords import moment, sides, story, world
from engine.protocol.errors import RcqError
from engine.store.decisions import Logged, logged
from engine.store.errors import Missing

SHOWN = 50
"""Differences that are printed; `--json` has all of them."""
AGO_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(slots=True, frozen=True, kw_only=True)
class Found:
    """One difference. pass_id: of the record; at: of its pass, Unix seconds; job: where one is meant."""

    pass_id: int
    at: float
    what: str
    job: str | None
    decided: str
    now: str


@dataclass(slots=True, kw_only=True)
class Replayed:
    """How it went. first_at, last_at: of the passes; plan_s, plan_max_s: seconds that planning again took.

    versions: how many passes each version of rcq had planned.
    """

    passes: int = 0
    first_at: float | None = None
    last_at: float | None = None
    plan_s: float = 0.0
    plan_max_s: float = 0.0
    versions: dict[str, int] = field(default_factory=dict)
    differences: list[Found] = field(default_factory=list)


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 when every pass is decided as it was, 1 when not."""
    asked = _parser().parse_args(argv)
    try:
        path = asked.database or database()
        if asked.show is not None:
            return _show(path, asked.show, as_json=asked.json)
        replayed = replay(logged(path, since=asked.since, last=asked.last))
    except (SettingsError, PathsError, RcqError) as error:
        print(f"rcq replay: {printable(str(error))}", file=sys.stderr)
        return 1
    print(json.dumps({"database": str(path), **asdict(replayed)}, indent=2) if asked.json else _text(replayed))
    return 1 if replayed.differences else 0


def replay(log: Iterable[Logged]) -> Replayed:
    """Plan each recorded pass again."""
    replayed = Replayed()
    for one in log:
        replayed.passes += 1
        replayed.first_at = one.at if replayed.first_at is None else replayed.first_at
        replayed.last_at = one.at
        try:
            replayed.differences += _found(one, read(one), replayed)
        except Unusable as error:
            unusable = Found(pass_id=one.id, at=one.at, what="record", job=None, decided="a plan", now=str(error))
            replayed.differences.append(unusable)
    return replayed


class Unusable(RcqError):
    """A record from which no pass can be planned; the message says why."""


def read(one: Logged) -> Record:
    """The record in a row of the log. Raises Unusable."""
    try:
        return records.read(zlib.decompress(one.steady).decode(), zlib.decompress(one.own).decode())
    except (zlib.error, ValueError) as error:
        raise Unusable(f"cannot be read: {printable(str(error))}") from error


def database() -> Path:
    """The database of the machine's engine where it can be read, else of one's own.

    Raises PathsError where neither can, SettingsError.
    """
    settings = load(config_file()) if os.environ.get("RCQ_CONFIG") else load_if_there(config_file())
    own = personal(state_dir=settings.engine.state_dir).database
    places = (own,) if settings.engine.state_dir else (appliance().database, own)
    for place in places:
        if os.access(place, os.R_OK):
            return place
    raise PathsError(
        f"There is no database that can be read: looked for {' and '.join(map(str, places))}. The decision log takes "
        "read access to the engine's database: become its user (or root), or name a copy with --database FILE."
    )


def _found(one: Logged, record: Record, replayed: Replayed) -> list[Found]:
    made_by = record.steady.version
    replayed.versions[made_by] = replayed.versions.get(made_by, 0) + 1
    began = time.perf_counter()
    again: Plan | NotRecorded
    try:
        again = planned_again(record)
    except NotRecorded as error:
        again = error
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise Unusable(f"cannot be planned again: {type(error).__name__}: {printable(str(error))}") from error
    took = time.perf_counter() - began
    replayed.plan_s += took
    replayed.plan_max_s = max(replayed.plan_max_s, took)
    return [
        Found(pass_id=one.id, at=one.at, what=of.what, job=of.job, decided=decided, now=now)
        for of in differences(record, again)
        for decided, now in (sides(of),)
    ]


def _show(path: Path, number: int, *, as_json: bool) -> int:
    """One pass in words, and whether it is still decided so. Raises Missing, Unusable."""
    log = list(logged(path, only=number))
    if not log:
        raise Missing(f"{path} has no record {number}. `rcq replay --json` tells of which passes it has some.")
    record, replayed = read(log[0]), replay(log)
    told = story(record)
    if as_json:
        head = {"id": number, "at": log[0].at, "version": record.steady.version, "world": world(record)}
        print(json.dumps({**head, **told, "differences": asdict(replayed)["differences"]}, indent=2))
        return 1 if replayed.differences else 0
    lines = [f"pass {number} at {moment(log[0].at)}, rcq {printable(record.steady.version)}: {world(record)}"]
    for kind, of in told.items():
        lines += [f"{kind}:", *(f"  {line}" for line in of)] if of else []
    lines += _difference_lines(replayed) or ["planned again: the same"]
    print("\n".join(lines))
    return 1 if replayed.differences else 0


def _text(replayed: Replayed) -> str:
    if replayed.first_at is None or replayed.last_at is None:
        return "There are no passes to replay: nothing was started in that time."
    count = len(replayed.differences)
    verdict = {0: "no difference", 1: "1 difference"}.get(count, f"{count} differences")
    span = f"from {moment(replayed.first_at)} to {moment(replayed.last_at)}"
    mean_ms = replayed.plan_s / replayed.passes * 1e3
    lines = _difference_lines(replayed)
    lines.append(f"Replayed {replayed.passes} passes {span}: {verdict}.")
    lines.append(f"Planning took {mean_ms:.1f} ms on average and {replayed.plan_max_s * 1e3:.1f} ms at most.")
    mine = version("rcq")
    others = [f"{count} by rcq {printable(of)}" for of, count in sorted(replayed.versions.items()) if of != mine]
    if others:
        lines.append(f"This is rcq {mine}; planned were {', '.join(others)}: those may well differ.")
    return "\n".join(lines)


def _difference_lines(replayed: Replayed) -> list[str]:
    lines = []
    for one in replayed.differences[:SHOWN]:
        what = f"job {one.job}" if one.job is not None else one.what
        lines.append(f"pass {one.pass_id} at {moment(one.at)}, {what}: decided: {one.decided}; now: {one.now}")
    if (left := len(replayed.differences) - SHOWN) > 0:
        lines.append(f"and {left} more: `rcq replay --json` has them all")
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rcq replay",
        description="Plan the passes of the decision log again and say where that decides anything else. "
        "Exit code 0: all as they were; 1: not. Needs read access to the engine's database.",
    )
    parser.add_argument("--since", type=_since, default=float("-inf"), metavar="T", help="passes from then on: a time "
                        "(2026-11-22T08:00), Unix seconds, or how long ago (90m, 12h, 7d)")  # fmt: skip
    parser.add_argument("--last", type=_count, metavar="N", help="the last N passes only")
    parser.add_argument("--database", type=Path, metavar="FILE", help="the database to read, or a copy of it")
    parser.add_argument("--show", type=_count, metavar="ID", help="tell one pass in words")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return count


def _since(text: str) -> float:
    if ago := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text):
        return time.time() - float(ago[1]) * AGO_S[ago[2]]
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: try 2026-11-22T08:00, 12h or 7d") from None


if __name__ == "__main__":
    sys.exit(main())
