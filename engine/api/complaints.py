"""What is wrong with a stranger's data, in words: pydantic's findings become details of `VALIDATION_ERROR`.

Must not know HTTP and never repeats a value that was sent: it may be a password or an environment.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from engine.api.schema import ENVIRONMENT_KEY, IMAGE, NAME, PRINTABLE, UPLOAD
from engine.protocol.errors import Refused

MAX_DETAILS = 20
"""A line with a hundred thousand wrong fields is told about the first of them only."""
_SUBJECT = re.compile(r"^(?:Input|String|List|Dictionary|Value|Data) should ")
_PATTERNS = {
    PRINTABLE: "must not hold control characters, line breaks or characters that cannot be seen",
    ENVIRONMENT_KEY: "must be letters, digits and underscores and not begin with a digit",
    NAME: "must be 1 to 64 letters, digits and _ . @ -, and begin with a letter, a digit or _",
    IMAGE: "must be the name of an image or a file, not begin with a space or -, nor hold control characters",
    UPLOAD: "must be the id of an upload, as POST /v1/uploads answers it",
    "^/": "must be an absolute path, beginning with /",
}
_COMMAND_AS_TEXT = (
    'must be a list of text, such as ["python", "train.py"]; for a line that a shell shall read use "script"'
)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, if any comes near."""
    if len(name) > 64:  # the comparison's time grows with the square of the length
        return None
    found = get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def unknown(name: str, known: Iterable[str]) -> str:
    """What to say about a field that is not accepted."""
    if name == "id":
        return "is given by the engine; for a key of your own use job_id"
    near = nearest(name, known)
    return f"unknown field; did you mean {near}?" if near else "unknown field"


def invalid(details: list[dict[str, Any]]) -> Refused:
    """VALIDATION_ERROR whose message repeats the first of the details (`field`, `message`)."""
    told = "; ".join(f"{one['field']}: {one['message']}" if one["field"] else one["message"] for one in details[:3])
    more = f" (and {len(details) - 3} more)" if len(details) > 3 else ""
    return Refused("VALIDATION_ERROR", told + more, details)


def wrong(field: str, message: str) -> Refused:
    """VALIDATION_ERROR about a single field."""
    return invalid([{"field": field, "message": message}])


def complaint(error: ValidationError, known: Iterable[str]) -> Refused:
    """BAD_FORMAT if it is no JSON or no object at all, else VALIDATION_ERROR. known: the accepted field names."""
    found = error.errors(include_url=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        # "line 1" of a single line would be taken for the line of the file that it came from.
        what = str(found[0]["ctx"]["error"]).replace(" at line 1 column ", " at column ")
        return Refused("BAD_FORMAT", f"This is not JSON: {what}.")
    if not found[0]["loc"] and found[0]["type"] in {"dict_type", "model_type", "model_attributes_type"}:
        return Refused("BAD_FORMAT", f"Expected a JSON object{_example(list(known))}.")
    return invalid(details_of(found[:MAX_DETAILS], known))


def _example(known: list[str]) -> str:
    """What such an object looks like: a job, a batch of jobs, or whatever has these fields."""
    job = '{"command": ["nvidia-smi"]}'
    if "command" in known:
        return f", such as {job}"
    return f', such as {{"jobs": [{job}]}}' if known == ["jobs"] else f" with the fields {', '.join(known)}"


def details_of(found: Iterable[Mapping[str, Any]], known: Iterable[str]) -> list[dict[str, Any]]:
    """Pydantic's findings as `{"field", "message"}`, values left out."""
    return [{"field": _field(one["loc"]), "message": _message(one, known)} for one in found]


def _field(path: tuple[int | str, ...]) -> str:
    return ".".join(str(step)[:100] for step in path if step != "[key]")


def _message(one: Mapping[str, Any], known: Iterable[str]) -> str:
    kind, path = one["type"], one["loc"]
    if kind == "extra_forbidden":
        return unknown(str(path[-1]), known)
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(one["ctx"]["pattern"], f"must match {one['ctx']['pattern']}")
    if kind == "list_type" and path == ("command",):
        return _COMMAND_AS_TEXT
    if kind == "missing":
        return "is missing"
    said = _SUBJECT.sub("must ", str(one["msg"])).removeprefix("Value error, ")
    return said.split(" after validation")[0]
