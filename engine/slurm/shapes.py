"""Values as Slurm's JSON has them, plain as 22.05 prints them or with `set` and `infinite` as later versions do.

Pure. Must not know what the values mean.
"""

from collections.abc import Mapping, Sequence

from engine.slurm.errors import SlurmUnread

NO_VALUES = frozenset({0xFFFFFFFE, 0xFFFFFFFF, 0xFFFE, 0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF})
"""Slurm's marks for a number that is not set, or has no bounds."""
Json = Mapping[str, object]


def number(value: object) -> int | None:
    """A number; `None` where none is set. Raises SlurmUnread."""
    if isinstance(value, Mapping):
        if value.get("infinite") or not value.get("set", True):
            return None
        value = value.get("number")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SlurmUnread(f"Slurm's answer has {value!r} where a number belongs")
    return None if value in NO_VALUES else int(value)


def moment(value: object) -> int | None:
    """Unix seconds; `None` where Slurm has 0."""
    return number(value) or None


def words(value: object) -> tuple[str, ...]:
    """A list of words, which older versions print as one. Raises SlurmUnread."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(value.replace("+", " ").replace(",", " ").split())
    if isinstance(value, Sequence) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise SlurmUnread(f"Slurm's answer has {value!r} where words belong")


def text(value: object) -> str:
    """A text; empty where there is none. Raises SlurmUnread."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SlurmUnread(f"Slurm's answer has {value!r} where a text belongs")
    return value


def mapping(value: object) -> Json:
    """A mapping; empty where there is none."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[Json]:
    """The mappings in a list, or in a mapping by name; empty where there are none."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [one for one in value if isinstance(one, Mapping)]


def complaints(told: object) -> str:
    """A list of errors as Slurm's JSON has it, in words: `Failed while looking for jobs: Unspecified error`."""
    found = []
    for one in told if isinstance(told, list) else [told]:
        parts = [text(one.get(key)) for key in ("description", "error")] if isinstance(one, dict) else [str(one)]
        found.append(": ".join(part for part in parts if part) or str(one))
    return "; ".join(dict.fromkeys(found))[:400]
