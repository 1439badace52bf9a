"""Where the bars of a plan stand: on a card those that overlap stand under each other.

Pure. Must not know how bars are drawn; light enough for the command line.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rcq_tui.viewmodel.text import clean, cut

Told = Mapping[str, Any]
"""A part of the plan, as the API tells it."""

KINDS = ("running", "slot", "promised", "forecast")
"""In the order in which they get the upper lanes."""
_NODE_CELLS = 14


def lanes(items: Sequence[Told], slack_s: float) -> list[list[Told]]:
    """Items that overlap by no more than so many seconds share a lane, or rounding would open one; what runs comes
    first.
    """
    found: list[list[Told]] = []
    order = sorted(items, key=lambda item: (_rank(item), item["start"], item["id"] or 0))
    for item in order:
        for lane in found:
            if all(_apart(item, other, slack_s) for other in lane):
                lane.append(item)
                break
        else:
            found.append([item])
    return found


def on_card(planned: Told, index: int) -> list[Told]:
    """The items that have the card."""
    return [item for item in planned["items"] if index in item["gpus"]]


def card_names(planned: Told) -> dict[int, str]:
    """What people call each card, by its index: `4`; in a cluster its machine and which one of that, `n2:0`."""
    found: dict[int, str] = {}
    seen: Counter[str] = Counter()
    for card in planned["cards"]:
        node = card.get("node")
        found[card["index"]] = str(card["index"]) if node is None else f"{cut(clean(node), _NODE_CELLS)}:{seen[node]}"
        seen[node] += 1
    return found


def _rank(item: Told) -> int:
    """Kinds that this version does not know come last."""
    return KINDS.index(item["kind"]) if item["kind"] in KINDS else len(KINDS)


def _apart(one: Told, other: Told, slack_s: float) -> bool:
    return bool(one["end"] <= other["start"] + slack_s or other["end"] <= one["start"] + slack_s)
