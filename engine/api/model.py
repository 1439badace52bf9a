"""From a stranger's job to `JobFields`: one spelling of each field, units, and the rules that span fields.

Pure and safe to call from any thread. Must not know HTTP, files or who submits.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from engine.api.complaints import MAX_DETAILS, complaint, invalid, wrong
from engine.api.files import read_files
from engine.api.foreground import foreground_problem
from engine.api.gate import read_gate
from engine.api.schema import JOB, JOB_NAMES, MAX_NAME, MAX_TEXT_BYTES
from engine.api.snapshots import read_snapshot
from engine.protocol.arrays import parse_array
from engine.protocol.errors import Refused
from engine.protocol.fields import ALIASES, UNMOUNTABLE, JobFields

_check_json = JOB.validator.validate_json
_check_python = JOB.validator.validate_python
_KEY_END = re.compile(rb'"\s*:')
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""How a surrogate is escaped; pairs are fine, which only a parser can tell."""
_CONTROL = re.compile(r"[\x01-\x1f\x7f]")
_GATE = frozenset({"after", "begin", "cron"})
_SIMPLE = frozenset(
    ("job_id", "name", "command", "args", "group", "service", "gpus", "gpu_memory_mb", "cpu_cores", "memory_mb")
) | {"time_limit_s", "priority", "preemptible", "idle_ok", "anywhere", "environment", "retries", "tags", "submitted_at"}
"""Fields that the schema alone judges, beside the command: most jobs have no others."""
NOT_ANYWHERE = ("gpu_share", "gpu_power_w", "foreground")
"""What this host alone can do."""
_NESTED = frozenset({"files", "snapshot"})
"""Fields with objects in them."""
_FRACTIONS = frozenset({"memory_gb", "max_runtime", "expected_time", "max_runtime_minutes", "estimated_hours"})


class _Repeated(dict[str, Any]):
    """A JSON object in which a key stood twice."""

    names: list[str]


def parse_line(line: bytes) -> JobFields | Refused:
    """One job from one JSON object, or why not: BAD_FORMAT, BAD_ENCODING or VALIDATION_ERROR."""
    try:
        given = _check_json(line)
    except ValidationError as error:
        return _complain(line, error)
    if _may_repeat(line, given) and (twice := repeated(load_json(line.decode()))):
        return invalid([{"field": name, "message": "is given twice"} for name in twice])
    # A NUL that is not escaped is no JSON.
    return _job(given, careful=b"\\u0000" in line or len(line) > MAX_TEXT_BYTES)


def parse_object(value: object, *, careful: bool = True) -> JobFields | Refused:
    """One job from a value that was read from JSON by `load_json`, or from a mapping; or why not.

    careful: false if `may_hold_trouble` says no of the text that it was read from.
    """
    if isinstance(value, dict) and not _is_once(value) and (twice := repeated(value)):
        return invalid([{"field": name, "message": "is given twice"} for name in twice])
    try:
        given = _check_python(value)
    except ValidationError as error:
        return complaint(error, JOB_NAMES)
    return _job(given, careful=careful)


def may_hold_trouble(text: bytes) -> bool:
    """Whether a job written as this text might hold a NUL (raw or as its escape) or texts that are too long in all."""
    return len(text) > MAX_TEXT_BYTES or b"\\u0000" in text or b"\0" in text


def load_json(text: str) -> Any:
    """JSON as Python values; objects that repeat a key are remembered as such for `parse_object`.

    Raises ValueError (also for an escaped half of a character, which no file and no answer could hold), RecursionError.
    """
    value = _decoder.decode(text)
    if _HALF.search(text):
        from_json(text)
    return value


def job_id_of(line: bytes) -> str | None:
    """The submitter's own key on a line that was refused, where it can be told."""
    try:
        value = from_json(line)
    except ValueError:
        return None
    key = value.get("job_id") if isinstance(value, dict) else None
    return key if isinstance(key, str) and len(key) <= MAX_NAME else None


def bad_encoding(error: UnicodeDecodeError) -> Refused:
    """BAD_ENCODING, with the place of the first byte that is not UTF-8."""
    return Refused(
        "BAD_ENCODING",
        f"Not UTF-8 at byte {error.start + 1}; save the text as UTF-8 and send it again.",
        [{"field": "", "message": error.reason, "byte": error.start + 1}],
    )


def _complain(line: bytes, error: ValidationError) -> Refused:
    try:
        line.decode()
    except UnicodeDecodeError as broken:
        return bad_encoding(broken)
    return complaint(error, JOB_NAMES)


def _may_repeat(line: bytes, given: Mapping[str, Any]) -> bool:
    # Every key, repeated or not, brings at least one colon: with as many colons as distinct keys none is repeated.
    keys = len(given) + len(given.get("environment") or ()) + len(given.get("tags") or ())
    return line.count(b":") != keys and len(_KEY_END.findall(line)) != keys


def _is_once(value: dict[str, Any]) -> bool:
    """Whether no key can have stood twice, without a look at parts that few jobs have."""
    parts = (value, value.get("environment"), value.get("tags"))
    return value.keys().isdisjoint(_NESTED) and not any(isinstance(part, _Repeated) for part in parts)


def repeated(value: dict[str, Any]) -> list[str]:
    """Fields that stand twice in an object that `load_json` read."""
    parts = {"": value, "environment.": value.get("environment"), "tags.": value.get("tags")}
    if isinstance(files := value.get("files"), list):
        parts |= {f"files.{at}.": one for at, one in enumerate(files)}
    if isinstance(snapshot := value.get("snapshot"), dict):
        parts |= {"snapshot.": snapshot, "snapshot.environment.": snapshot.get("environment")}
    return [where + name for where, part in parts.items() if isinstance(part, _Repeated) for name in part.names]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    marked = _Repeated(value)
    times = Counter(name for name, _ in pairs)
    marked.names = [name for name, count in times.items() if count > 1][:MAX_DETAILS]
    return marked


_decoder = json.JSONDecoder(object_pairs_hook=_object)


def _job(given: dict[str, Any], *, careful: bool) -> JobFields | Refused:
    if None in given.values():
        given = {name: value for name, value in given.items() if value is not None}
    if not careful and "command" in given and given["command"][0] and given.keys() <= _SIMPLE:
        return JobFields(**given)
    if not ALIASES.keys().isdisjoint(given):
        renamed = canonical(given)
        if isinstance(renamed, Refused):
            return renamed
        given = renamed
    if not _GATE.isdisjoint(given):
        waits = read_gate(given)
        if isinstance(waits, Refused):
            return waits
        given |= waits
    if "files" in given:
        files = read_files(given["files"])
        if isinstance(files, Refused):
            return files
        given |= {"files": files}
    if "snapshot" in given:
        snapshot = read_snapshot(given["snapshot"], given)
        if isinstance(snapshot, Refused):
            return snapshot
        given |= {"snapshot": snapshot}
    if kind := given.get("gpu_type"):
        given["gpu_type"] = " ".join(kind.lower().split())
    problem = _problem(given) or (_text_problem(given) if careful else None)
    return problem or JobFields(**given)


def canonical(given: Mapping[str, Any]) -> dict[str, Any] | Refused:
    """The fields under their own names and in their own units; VALIDATION_ERROR if one is given in two spellings."""
    found: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    for spelling, value in given.items():
        name, factor = ALIASES.get(spelling, (spelling, 1))
        if name in found:
            return wrong(spelling, f"says the same as {spelled[name]}; give one of the two")
        spelled[name] = spelling
        # Rounded first, so that 1.1 hours are 3960 s and not one more by the error of binary fractions; never to none.
        found[name] = max(1, math.ceil(round(value * factor, 6))) if spelling in _FRACTIONS else value
    return found


def _problem(given: Mapping[str, Any]) -> Refused | None:
    if ("command" in given) == ("script" in given):
        told = "give one of command and script, not both" if "command" in given else "give a command or a script"
        return wrong("command", told)
    if "command" in given and not given["command"][0]:
        return wrong("command.0", "must name a program")
    return (
        _card_problem(given)
        or _workdir_problem(given)
        or (_array_problem(given) if "array" in given else None)
        or (foreground_problem(given) if "foreground" in given else None)
    )


def _card_problem(given: Mapping[str, Any]) -> Refused | None:
    if given.get("gpu_share") and not (given.get("gpus") and given.get("gpu_memory_mb")):
        return wrong("gpu_share", "needs gpus and gpu_memory_mb: the part of a card that is enough")
    if given.get("gpu_power_w") and (given.get("gpu_share") or not given.get("gpus")):
        return wrong("gpu_power_w", "needs whole cards, as it is a limit of the whole card: ask for gpus, not shared")
    if given.get("anywhere") and (field := next((name for name in NOT_ANYWHERE if given.get(name)), None)):
        return wrong("anywhere", f"does not go with {field}, which no job on Slurm can have; leave one of the two out")
    if given.get("gpu_type") == "":
        return wrong("gpu_type", "must hold a word of the card's model name")
    return None


def _workdir_problem(given: Mapping[str, Any]) -> Refused | None:
    if _CONTROL.search(given.get("workdir", "")):
        return wrong("workdir", "must not hold line breaks or other control characters")
    odd = UNMOUNTABLE & set(given.get("workdir", "")) if "image" in given else None
    if not odd:
        return None
    return wrong("workdir", f"holds {' '.join(sorted(odd))!r}, with which no container can be given it; choose another")


def _array_problem(given: Mapping[str, Any]) -> Refused | None:
    try:
        last = parse_array(given["array"]).indices[-1]
    except ValueError as error:
        return wrong("array", str(error))
    if len(f"{given.get('job_id', '')}[{last}]") > MAX_NAME:
        return wrong(
            "job_id", f"with its index the key of an element is over {MAX_NAME} characters; choose a shorter one"
        )
    return None


def _text_problem(given: Mapping[str, Any]) -> Refused | None:
    environment: Mapping[str, str] = given.get("environment", {})
    command = [*given.get("command", ()), *given.get("args", ())]
    texts: dict[str, Iterable[str]] = {
        "command": command,
        "script": (given.get("script", ""),),
        "workdir": (given.get("workdir", ""),),
        "environment": environment.values(),
    }
    for name, values in texts.items():
        if any("\0" in value for value in values):
            return wrong(name, "must not hold NUL characters")
    sizes = {"command": _size(command), "environment": _size(environment) + _size(environment.values())}
    for name, size in sizes.items():
        if size > MAX_TEXT_BYTES:
            return wrong(name, f"holds {size} bytes; {MAX_TEXT_BYTES} is the most (put long data into a file)")
    return None


def _size(texts: Iterable[str]) -> int:
    return sum(len(text.encode()) + 1 for text in texts)
