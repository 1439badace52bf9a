"""What the engine may ask for: one strict schema. What is not named here, or is not exactly so, is refused whole.

Must not know systemd or who may run. Standard library only.
"""

import json
import re
from dataclasses import dataclass, field, fields
from typing import Any

MOST_WORDS, MOST_BYTES = 4096, 1 << 20
JOB = re.compile(r"[0-9]{1,16}")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
# Absolute, nowhere else than it says, and one line: systemd writes it into a unit file as it is, and reads it back.
PLACE = re.compile(r"/|(?:/(?!\.\.?(?:/|$))[^/\0-\x1f\x7f]+)+(?<!\\)")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}")
NODE = re.compile(r"/dev/nvidia(?:[0-9]{1,3}|-caps/nvidia-cap[0-9]{1,5})")
DEEDS = frozenset({"watch", "start", "task", "adopt", "stop", "kill", "freeze", "thaw", "forget"})
BOUNDS = {"attempt": 1 << 31, "limit_s": 1e8, "grace_s": 3600.0, "memory_mb": 1 << 30, "cpus": 4096, "tasks": 1 << 22}


class Refused(Exception):
    """The request is not carried out; the message says why."""


class NotNow(Refused):
    """The machine has no room for it; the same request is right later."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, about a job's unit; what begins one reads it all. Seconds, MiB.

    user: the Unix user's name. environment: no secret, systemd shows it to all. cpus: cores' worth of time; cores:
    which cores, any if empty. devices: nodes of cards. cleanup: run as the user after the end. pids: of `adopt`, each
    with its start in clock ticks. scope: an adopted job.
    """

    do: str = ""
    job: str = "1"
    attempt: int = 0
    user: str = "root"
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    limit_s: float = 1e8
    grace_s: float = 30.0
    memory_mb: int = 0
    cpus: int = 0
    cores: list[int] = field(default_factory=list)
    tasks: int = 16_384
    devices: list[str] = field(default_factory=list)
    cleanup: list[str] = field(default_factory=list)
    pids: list[list[int]] = field(default_factory=list)
    scope: bool = False


TYPES: dict[str, Any] = {one.name: one.type for one in fields(Request)}


def read(text: bytes) -> Request:
    """The request that a JSON document is. Raises Refused."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("that is no JSON") from None
    if not isinstance(raw, dict) or len(text) > MOST_BYTES:
        raise Refused("a request is a map of at most a mebibyte")
    for name, value in raw.items():
        if name not in TYPES or not _is(str(TYPES[name]).replace("<class '", "").replace("'>", ""), value):
            raise Refused(f"field {name!r} is unknown or of the wrong type")
    one = Request(**raw)
    rules = {
        "do": one.do in DEEDS,
        "job": JOB.fullmatch(one.job),
        "user": NAME.fullmatch(one.user),
        "workdir": PLACE.fullmatch(one.workdir),
        "environment": all(VARIABLE.fullmatch(name) for name in one.environment),
        "devices": all(NODE.fullmatch(node) for node in one.devices),
        "cores": all(0 <= core < BOUNDS["cpus"] for core in one.cores),
        "pids": all(len(pair) == 2 and pair[0] > 1 for pair in one.pids),
        **{name: 0 <= getattr(one, name) <= most for name, most in BOUNDS.items()},
    }
    if wrong := [name for name, holds in rules.items() if not holds]:
        raise Refused(f"field {wrong[0]!r} has a value that is not allowed")
    return one


def _is(kind: str, value: object) -> bool:
    """Whether a JSON value is of that type, as annotated; true and false are no numbers."""
    if kind.startswith("list["):
        return isinstance(value, list) and len(value) <= MOST_WORDS and all(_is(kind[5:-1], one) for one in value)
    if kind.startswith("dict["):
        return isinstance(value, dict) and len(value) <= MOST_WORDS and all(_is("str", one) for one in value.values())
    if kind == "str":
        return isinstance(value, str) and "\0" not in value and value == value.encode(errors="replace").decode()
    return isinstance(value, bool) == (kind == "bool") and isinstance(value, int | float if kind == "float" else int)
