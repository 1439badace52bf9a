"""One job out of a template and its parameters, and every combination of values.

Pure. `{name}` and `{name:FORMAT}` stand for a parameter, `{{` and `}}` for braces, as in `str.format`. Must not know
what jobs are made of beyond texts, lists and maps.
"""

import difflib
import itertools
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Parameters = Mapping[str, Any]
_FORMATTER = string.Formatter()


def grid(**values: Iterable[Any]) -> list[dict[str, Any]]:
    """Every combination, the last name changing fastest: `grid(lr=[0.1, 0.01], seed=range(3))` has six."""
    lists = {name: list(one) for name, one in values.items()}
    return [dict(zip(lists, chosen, strict=True)) for chosen in itertools.product(*lists.values())]


def filled(text: str, parameters: Parameters) -> str:
    """The text with its parameters put in. Raises ValueError for one that is not there or
    cannot be shown so, and for stray braces.
    """
    try:
        pieces = list(_FORMATTER.parse(text))
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}. {_BRACES}") from None
    return "".join(literal + _put(text, name, form or "", how, parameters) for literal, name, form, how in pieces)


def filled_all(value: Any, parameters: Parameters) -> Any:
    """The same for every text in lists and in the values of maps; what is no text stays."""
    if isinstance(value, str):
        return filled(value, parameters)
    if isinstance(value, Mapping):
        return {name: filled_all(one, parameters) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [filled_all(one, parameters) for one in value]
    return value


_BRACES = "Write {{ and }} for braces that stand for no parameter."


def _put(text: str, name: str | None, form: str, how: str | None, parameters: Parameters) -> str:
    if name is None:
        return ""
    if name not in parameters:
        near = difflib.get_close_matches(name, parameters, 1)
        hint = f"did you mean {{{near[0]}}}?" if near else f"there are {', '.join(parameters) or 'none'}."
        raise ValueError(f"{text!r} names the parameter {{{name}}}: {hint} {_BRACES}")
    form = filled(form, parameters)
    try:
        return format(_FORMATTER.convert_field(parameters[name], how), form)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{text!r} cannot show {name}={parameters[name]!r}: {error}") from None
