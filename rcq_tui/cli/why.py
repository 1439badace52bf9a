"""`rcq why`: why a job does not start, and where it stands."""

import time

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.ids import job_id
from rcq_tui.cli.options import add_json, parser
from rcq_tui.cli.rows import Row, reason_sentences
from rcq_tui.viewmodel.formats import moment, until
from rcq_tui.viewmodel.states import FINISHED
from rcq_tui.viewmodel.text import clean


def run(argv: list[str]) -> int:
    """Explain one job's place."""
    options = parser(
        "why", "Say everything that keeps a job from starting, with the numbers.", "rcq why 12\nrcq why 12 --json"
    )
    options.add_argument("id", metavar="ID")
    add_json(options)
    chosen = options.parse_args(argv)
    answer = engine().request("GET", f"/v1/jobs/{job_id(chosen.id)}/why")
    if chosen.json:
        print_json(answer)
    else:
        print("\n".join(explained(answer, time.time())))
    return 0


def explained(why: Row, now: float) -> list[str]:
    """The answer as lines."""
    lines = [_standing(why)]
    if why["expected_start"] is not None:
        lines.append(_promise(why, now))
    if why["reasons"]:
        lines += ["It does not start now because:", *(f"  - {line}" for line in reason_sentences(why["reasons"], now))]
    elif why["state"] == "pending":
        lines.append("Nothing stands in its way that is known yet; the next pass of the scheduler looks at it.")
    if why["score"] is not None:
        lines.append(_score(why))
    if why["state"] in FINISHED:
        lines.append(f"How it ended: rcq show {why['id']}. What it wrote: rcq logs {why['id']} (--stderr).")
    return lines


def _standing(why: Row) -> str:
    place = "" if why["position"] is None else f", position {why['position']} of {why['pending']}"
    verb = "has ended:" if why["state"] in FINISHED else "is"
    return f"Job {why['id']} {verb} {clean(why['state'])}{place}."


def _promise(why: Row, now: float) -> str:
    cards = ", ".join(map(str, why["reserved_gpus"]))
    where = f" on GPU {cards}" if cards else ""
    start = why["expected_start"]
    return f"It is promised a start {until(start, now)} at the latest ({moment(start, now)}){where}."


def _score(why: Row) -> str:
    parts = [why["base"], why["fair"], why["wait"]]
    if None in parts:
        return f"Its score is {why['score']:.2f}."
    return f"Its score is {why['score']:.2f} = base {parts[0]:g} × fair {parts[1]:.2f} × wait {parts[2]:.2f}."
