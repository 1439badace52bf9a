"""Slurm's short forms written out: lists of hosts (`gpu[01-03,7],x`) and of indices (`0-1,3`).

Pure. Must not know nodes or jobs.
"""

import re

GPUS = re.compile(r"(?:gres[:/])?gpu(?::(?P<type>[^:(),]+))?:(?P<count>\d+)(?:\((?P<marks>[^)]*)\))?")
"""`gpu:a100:2(IDX:0-1)`, `gpu:2(S:0)`, `gres:gpu:1`; a type is never a bare number."""
MOST = 100_000
"""No list of hosts is longer; a range beyond that is nobody's."""


def hosts(text: str) -> tuple[str, ...]:
    """The names, in order."""
    found: list[str] = []
    for part in re.findall(r"(?:[^,\[\]]|\[[^\]]*\])+", text):
        found += _expanded(part)
    return tuple(found)


def indices(text: str) -> tuple[int, ...]:
    """The numbers, in order; what is none is left out, as in `N/A`."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdigit() and (not last or last.isdigit()):
            found += range(int(first), min(int(last or first), int(first) + MOST) + 1)
    return tuple(found)


def gpus(gres: str) -> tuple[tuple[str, int, tuple[int, ...]], ...]:
    """Of each kind of card in a list of gres: its type (empty where it has none), how many, which indices it tells."""
    found = []
    for one in GPUS.finditer(gres):
        marks = one["marks"] or ""
        which = marks.removeprefix("IDX:") if marks.startswith("IDX:") else ""
        found.append((one["type"] or "", int(one["count"]), indices(which)))
    return tuple(found)


def _expanded(part: str) -> list[str]:
    match = re.search(r"\[([^\]]*)\]", part)
    if match is None:
        return [part] if part else []
    before, after = part[: match.start()], part[match.end() :]
    names: list[str] = []
    for piece in match[1].split(","):
        first, _, last = piece.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            continue
        numbers = range(int(first), min(int(last or first), int(first) + MOST) + 1)
        names += [f"{before}{number:0{len(first)}d}{rest}" for number in numbers for rest in _expanded(after) or [""]]
    return names
