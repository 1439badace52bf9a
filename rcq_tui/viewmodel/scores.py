"""Words for a waiting job's place in the order: its score and what that is made of, how long it is expected to run.

Pure. Must not know where they are shown.
"""

from collections.abc import Mapping
from typing import Any

from rcq_tui.viewmodel.formats import counted, duration

Told = Mapping[str, Any]
"""What `why` answers."""


def score_words(told: Told) -> str:
    """`14.85 = base 10 × fair 1.35 × wait 1.10 × short 1.00`; the number alone where it has no factors."""
    score: float = told["score"]
    base, fair, wait, short = (told.get(name) for name in ("base", "fair", "wait", "short"))
    if base is None or fair is None or wait is None:
        return f"{score:.2f}"
    factors = f"{score:.2f} = base {base:g} × fair {fair:.2f} × wait {wait:.2f}"
    return factors if short is None else f"{factors} × short {short:.2f}"


def run_sentence(told: Told) -> str:
    """How long it is expected to run, and what that rests on; empty where it is not told."""
    if told.get("run_s") is None:
        return ""
    runs = told.get("runs", 0)
    basis = "its time limit"
    if runs and told.get("alike"):
        basis = f"as {counted(runs, 'earlier run')} of this kind took"
    elif runs:
        basis = f"{counted(runs, 'earlier job')} of its owner used such a part of their limits"
    return f"It is expected to run {duration(told['run_s'])}: {basis}."


def patience_sentence(told: Told) -> str:
    """After how long a wait it goes to the head; empty where it is not told."""
    patience_s = told.get("patience_s")
    return f"After {duration(patience_s)} of waiting it goes to the head of the queue." if patience_s else ""
