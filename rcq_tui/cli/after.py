"""Whom a job waits for, as people type it: `12`, `12:any`, `7[]`, `12,13:failed`, and Slurm's `afterok:12:13`. Pure.

Must not know options, nor whether the jobs exist.
"""

import re
from typing import Any

WHENS = ("ok", "failed", "any")
_OF_SLURM = {"afterok": "ok", "afternotok": "failed", "afterany": "any"}
_ONE = re.compile(r"([0-9]{1,18}(?:\[[^\]]*\])?)(?::([a-z]+))?")
_COMMA = re.compile(r",(?![^\[]*\])")
"""Not one between brackets."""
_ADVICE = "write for example 12, 12:any or 12,13:failed; ok is meant unless failed or any is written"


def conditions(text: str) -> list[dict[str, Any]]:
    """The protocol's `after`, but with elements of an array (`7[3-5]`, `7[]`) as text in place of an id.

    Raises ValueError saying what may be written.
    """
    found: list[dict[str, Any]] = []
    for part in _COMMA.split(text.replace(" ", "")):
        head, _, rest = part.partition(":")
        if head in _OF_SLURM:
            found += [_condition(number, _OF_SLURM[head], text) for number in rest.split(":")]
        elif (one := _ONE.fullmatch(part)) is not None and one[2] in (None, *WHENS):
            named = one[1] if "[" in one[1] else int(one[1])
            found.append({"id": named, "when": one[2] or "ok"})
        else:
            raise _wrong(text)
    return found


def _condition(number: str, when: str, text: str) -> dict[str, Any]:
    if not (number.isascii() and number.isdigit()):
        raise _wrong(text)
    return {"id": int(number), "when": when}


def _wrong(text: str) -> ValueError:
    return ValueError(f"{text!r} names no jobs to wait for; {_ADVICE}")
