"""`rcq submit --dry-run` in words: whether and when the job would start. Pure.

Must not know how the answer was asked for.
"""

from rcq_tui.cli.rows import Row
from rcq_tui.viewmodel.formats import moment
from rcq_tui.viewmodel.helps import helps_of, start_sentence
from rcq_tui.viewmodel.text import under
from rcq_tui.viewmodel.words import sentences


def previewed(answer: Row, now: float) -> list[str]:
    """What would become of the job, as lines."""
    if answer["starts_now"] and answer.get("place"):
        return [f"It would go to Slurm now{_room_at(answer, now)}; nothing was submitted."]
    if answer["starts_now"]:
        return ["It would start now; nothing was submitted."]
    place = f"position {answer['position']} of {answer['pending']}"
    starts = [line] if (line := start_sentence(answer, now)) else []
    reasons = under("It would not start now because:", sentences(answer["reasons"], now))
    helps = under("What would help:", helps_of(answer, now))
    return [f"It would wait, at {place}; nothing was submitted.", *starts, *reasons, *helps]


def _room_at(answer: Row, now: float) -> str:
    start = answer["expected_start"]
    return "" if start is None or start <= now else f", which is expected to have room at {moment(start, now)}"
