"""`rcq why`: why a job does not start, and where it stands."""

import time

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.options import add_json, parser
from rcq_tui.cli.rows import Row, reason_sentences, under
from rcq_tui.cli.targets import one_job
from rcq_tui.viewmodel import notices
from rcq_tui.viewmodel.helps import claim_sentence, helps_of, holder_sentence, paused_sentence, start_sentence
from rcq_tui.viewmodel.scores import patience_sentence, run_sentence, score_words
from rcq_tui.viewmodel.states import FINISHED
from rcq_tui.viewmodel.text import clean


def run(argv: list[str]) -> int:
    """Explain one job's place."""
    options = parser(
        "why", "Say everything that keeps a job from starting, with the numbers.", "rcq why 12\nrcq why 12 --json"
    )
    options.add_argument("id", metavar="ID", help="an id, or an element of a job array: '7[3]'")
    add_json(options)
    chosen = options.parse_args(argv)
    wire = engine()
    answer = wire.request("GET", f"/v1/jobs/{one_job(wire, chosen.id)}/why")
    if chosen.json:
        print_json(answer)
    else:
        print("\n".join(explained(answer, time.time())))
    return 0


def explained(why: Row, now: float) -> list[str]:
    """The answer as lines."""
    lines = [_standing(why)]
    if why.get("message"):
        lines.append(f"What is told of it: {clean(why['message'])}.")
    if why.get("paused_since") is not None:
        lines.append(paused_sentence(why["paused_since"], now))
    lines += [notices.sentence(one) for one in why.get("notices") or ()]
    lines += filter(None, (claim_sentence(why), start_sentence(why, now)))
    if why["reasons"]:
        lines += ["It does not start now because:", *(f"  - {line}" for line in reason_sentences(why["reasons"], now))]
    elif why["state"] == "pending":
        lines.append("Nothing stands in its way that is known yet; the next pass of the scheduler looks at it.")
    lines += under("Who holds it:", [holder_sentence(one, now) for one in why.get("holders") or ()])
    lines += under("What would help:", helps_of(why, now))
    if why["score"] is not None:
        lines.append(f"Its score is {score_words(why)}.")
    lines += filter(None, (run_sentence(why), patience_sentence(why)))
    if why["state"] in FINISHED:
        lines.append(f"How it ended: rcq show {why['id']}. What it wrote: rcq logs {why['id']} (--stderr).")
    return lines


def _standing(why: Row) -> str:
    place = "" if why["position"] is None else f", position {why['position']} of {why['pending']}"
    verb = "has ended:" if why["state"] in FINISHED else "is"
    return f"Job {why['id']} {verb} {clean(why['state'])}{place}."
