"""`--output` and `--error` of a Slurm script as what bash does for them, with Slurm's file names (`%x-%j.out`). Pure.

Must not know options.
"""

import re
import shlex

_CODE = re.compile(r"%(\d{0,2})(.?)", re.DOTALL)
_VARIABLE = {
    "j": "$RCQ_JOB_ID",
    "A": "${SLURM_ARRAY_JOB_ID:-$RCQ_JOB_ID}",
    "a": "${RCQ_ARRAY_INDEX:-0}",
    "x": "$RCQ_JOB_NAME",
    "u": "$USER",
    "N": "${HOSTNAME%%.*}",
    "n": "0",
    "t": "0",
}
_NUMBERS = frozenset("jAant")


def word(pattern: str) -> str:
    """The file's name as a word of bash, which fills in what only the job knows. Raises ValueError."""
    if pattern.startswith("\\") or not pattern:
        raise ValueError(f"{pattern!r} is no file name that is understood; write it without a backslash")
    parts: list[str] = []
    at = 0
    for code in _CODE.finditer(pattern):
        parts += [_quoted(pattern[at : code.start()]), _filled(pattern, code[1], code[2])]
        at = code.end()
    return "".join([*parts, _quoted(pattern[at:])])


def line(output: str | None, error: str | None, *, append: bool) -> str:
    """One line of bash after which the job writes there; before, it says so in the job's own log. Raises ValueError."""
    arrow = ">>" if append else ">"
    steps: list[str] = []
    if output is not None:
        steps.append(f"echo 'rcq: this job writes to '{_whole(output)}', as its script says'")
    elif error is not None:
        steps.append(f"echo 'rcq: this job writes errors to '{_whole(error)}', as its script says' >&2")
    out = "" if output is None else f" {arrow}{word(output)}"
    if error is None or error == output:
        return "; ".join([*steps, f"exec{out} 2>&1 || exit"])
    return "; ".join([*steps, f"exec{out} 2{arrow}{word(error)} || exit"])


def _whole(pattern: str) -> str:
    """The same with the directory in which the job runs."""
    return word(pattern) if pattern.startswith("/") else f'"$PWD"/{word(pattern)}'


def _quoted(text: str) -> str:
    return shlex.quote(text) if text else ""


def _filled(pattern: str, width: str, letter: str) -> str:
    if letter == "%" and not width:
        return "%"
    if letter not in _VARIABLE:
        known = " ".join(f"%{one}" for one in _VARIABLE)
        raise ValueError(f"{pattern!r}: %{width}{letter} is not known here; there are {known} and %%")
    if width and letter in _NUMBERS:
        return f'"$(printf %0{int(width)}d "{_VARIABLE[letter]}")"'
    return f'"{_VARIABLE[letter]}"'
