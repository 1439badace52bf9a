"""What the docstrings of requests and answers say of their fields: `name: meaning.` becomes the field's description.

Pure: reads and completes JSON schemas. Must not know any route.
"""

import re
from typing import Any

_NAMED = re.compile(r"(?:^|(?<=[.;:]\s)|(?<=\n))(\w+(?:, \w+)*): ")
_RUST_CHARACTER = re.compile(r"\\x\{([0-9a-f]{4})\}")


def meanings(text: str, names: set[str]) -> dict[str, str]:
    """What a docstring tells of these fields; those that it does not tell of are left out."""
    found = [match for match in _NAMED.finditer(text) if set(match[1].split(", ")) <= names]
    ends = [*(match.start() for match in found[1:]), len(text)][: len(found)]
    told: dict[str, str] = {}
    for match, end in zip(found, ends, strict=True):
        meaning = " ".join(text[match.end() : end].split())
        told |= dict.fromkeys(match[1].split(", "), meaning[:1].upper() + meaning[1:])
    return told


def describe(schema: dict[str, Any], more: str | None = None) -> None:
    """Give the fields of an object's schema what its own description says of them, or else `more`."""
    fields: dict[str, Any] = schema.get("properties", {})
    for text in (schema.get("description", ""), more or ""):
        for name, meaning in meanings(text, set(fields)).items():
            fields[name].setdefault("description", meaning)


def portable(value: Any) -> Any:
    """The same schema with patterns as JSON Schema writes them: `\\u2028` where pydantic's engine has `\\x{2028}`.

    A map whose keys follow a pattern takes no others.
    """
    if isinstance(value, list):
        return [portable(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: portable(one) for key, one in value.items()}
    if isinstance(pattern := found.get("pattern"), str):
        found["pattern"] = _written(pattern)
    if isinstance(patterns := found.get("patternProperties"), dict):
        found["patternProperties"] = {_written(pattern): one for pattern, one in patterns.items()}
        found.setdefault("additionalProperties", False)
    return found


def _written(pattern: str) -> str:
    return _RUST_CHARACTER.sub(r"\\u\1", pattern)
