"""`rcq submit --dry-run` in words: whether and when the job would start. Pure.

Must not know how the answer was asked for.
"""

from rcq_tui.cli.rows import Row, reason_sentences, under
from rcq_tui.viewmodel.helps import helps_of, start_sentence


def previewed(answer: Row, now: float) -> list[str]:
    """What would become of the job, as lines."""
    if answer["starts_now"]:
        return ["It would start now; nothing was submitted."]
    place = f"position {answer['position']} of {answer['pending']}"
    starts = [line] if (line := start_sentence(answer, now)) else []
    reasons = under("It would not start now because:", reason_sentences(answer["reasons"], now))
    helps = under("What would help:", helps_of(answer, now))
    return [f"It would wait, at {place}; nothing was submitted.", *starts, *reasons, *helps]
