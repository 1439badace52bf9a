"""The demo's settings with another number or another kind of cards.

Must not know what the engine does with them.
"""

import json
import tomllib
from pathlib import Path
from typing import Any


def derive(shipped: Path, gpus: int | None, real: bool) -> str:
    """The text of a settings file: the shipped one, with so many simulated cards, or with the machine's own."""
    text = shipped.read_text()
    if gpus is None and not real:
        return text
    settings = tomllib.loads(text)
    if real:
        settings["gpu"] = {"provider": "auto"}
    elif gpus is not None:
        settings["gpu"]["simulated"] = resized(settings["gpu"]["simulated"], gpus)
    return written(settings)


def resized(cards: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """The same kinds of cards, `count` in all: the last kinds keep their number, the first grows or shrinks."""
    kept: list[dict[str, Any]] = []
    left = count
    for card in reversed(cards[1:]):
        taken = min(left - 1, card.get("count", 1))
        if taken > 0:
            kept.insert(0, {**card, "count": taken})
            left -= taken
    return [{**cards[0], "count": left}, *kept]


def written(settings: dict[str, dict[str, Any]]) -> str:
    """TOML of groups of plain values and of lists of tables. JSON's scalars and lists are TOML's too."""
    lines: list[str] = []
    for group, values in settings.items():
        tables = {key: value for key, value in values.items() if isinstance(value, list) and value and _is_table(value)}
        lines += [f"[{group}]", *_plain({key: value for key, value in values.items() if key not in tables})]
        for key, entries in tables.items():
            for entry in entries:
                lines += [f"[[{group}.{key}]]", *_plain(entry)]
    return "\n".join(lines) + "\n"


def _is_table(value: list[Any]) -> bool:
    return isinstance(value[0], dict)


def _plain(values: dict[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in values.items()]
