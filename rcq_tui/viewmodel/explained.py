"""Why a job is where it is, as lines: the answer to `GET /v1/jobs/{id}/why` in words.

Must not know where the lines go.
"""

from collections.abc import Mapping
from typing import Any

from rcq_tui.viewmodel import notices
from rcq_tui.viewmodel.helps import claim_sentence, helps_of, holder_sentence, paused_sentence, start_sentence
from rcq_tui.viewmodel.scores import patience_sentence, run_sentence, score_words
from rcq_tui.viewmodel.states import FINISHED
from rcq_tui.viewmodel.text import clean, under
from rcq_tui.viewmodel.words import sentences


def explained(why: Mapping[str, Any], now: float) -> list[str]:
    """The answer as lines."""
    lines = [_standing(why)]
    if why.get("message"):
        lines.append(f"What is told of it: {clean(why['message'])}.")
    if why.get("paused_since") is not None:
        lines.append(paused_sentence(why["paused_since"], now))
    lines += [notices.sentence(one) for one in why.get("notices") or ()]
    lines += filter(None, (claim_sentence(why), start_sentence(why, now)))
    if why["reasons"]:
        lines += under("It does not start now because:", sentences(why["reasons"], now))
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


def _standing(why: Mapping[str, Any]) -> str:
    place = "" if why["position"] is None else f", position {why['position']} of {why['pending']}"
    verb = "has ended:" if why["state"] in FINISHED else "is"
    return f"Job {why['id']} {verb} {clean(why['state'])}{place}."
