"""A machine of the cluster in one line, in half of one, or in a few cells where there are many; all of them in words.

What is drawn is what is allocated: Slurm does not tell how busy a card is. Pure. Must not know what draws the lines.
"""

from collections import Counter
from collections.abc import Sequence

from engine.protocol.cluster import NodeView
from rcq_tui.viewmodel.bars import meter
from rcq_tui.viewmodel.carduse import job_words
from rcq_tui.viewmodel.formats import duration, memory
from rcq_tui.viewmodel.pieces import Line, cells_of, fitted
from rcq_tui.viewmodel.states import colour, symbol
from rcq_tui.viewmodel.text import clean, pad

SHORT_CELLS = 38
"""A short line's least width."""
TINY_CELLS = 19
"""The same where there is room for a sign, the name and the cards alone."""

_LONG = 70
_NARROW_BAR = 5
_OLD_S = 60.0
_BROKEN = frozenset({"down", "error", "fail", "failing", "not_responding", "no_respond", "invalid_reg", "unknown"})
"""Words of Slurm's for a machine that has a fault, rather than being kept out of use on purpose."""


def standing(node: NodeView) -> str:
    """`ok`, `drained` or `missing`: its sign and colour are those of a card."""
    if node.state == "open":
        return "ok"
    words = set(node.slurm_state.lower().replace("*", "").replace("+", " ").split())
    return "missing" if words & _BROKEN else "drained"


def gpus_of(node: NodeView) -> tuple[int, int]:
    """How many of its cards somebody holds, and how many it has."""
    return sum(cards.ours + cards.others for cards in node.cards), sum(cards.total for cards in node.cards)


def cards_words(node: NodeView) -> str:
    """`1 of 2 a100 free, 0 of 4 h100 free`, or `2 a100` where none is to be had now; empty without cards."""
    if node.state != "open":
        return ", ".join(f"{cards.total} {clean(cards.type)}" for cards in node.cards)
    told = [
        f"{max(0, cards.total - cards.ours - cards.others)} of {cards.total} {clean(cards.type)} free"
        for cards in node.cards
    ]
    return ", ".join(told)


def use_words(node: NodeView) -> str:
    """Who is on it: `141 ada resnet, 142 bob`, and what others than rcq hold; why it is closed comes first."""
    parts = [why_words(node)] if node.why else []
    parts += [job_words(user.who, with_name=len(node.jobs) == 1) for user in node.jobs]
    if others := others_words(node):
        parts.append(others)
    return ", ".join(parts)


def why_words(node: NodeView) -> str:
    """Why it takes no jobs, as briefly as it can be said: `drained: the fan`."""
    return clean(node.why).removeprefix("is ").replace(" in Slurm", "", 1)


def others_words(node: NodeView) -> str:
    """What Slurm jobs hold that are not rcq's: `2 GPUs, 8 cores of others`."""
    gpus = sum(cards.others for cards in node.cards)
    cores = node.cpu_cores_others
    told = [f"{gpus} GPU{'s' * (gpus != 1)}"] if gpus else []
    told += [f"{cores} core{'s' * (cores != 1)}"] if cores else []
    return f"{', '.join(told)} of others" if told else ""


def row(node: NodeView, cells: int, *, ascii_only: bool = False) -> Line:
    """The machine in one line of so many cells."""
    if cells < SHORT_CELLS:
        return _tiny(node, cells, ascii_only)
    line = [*_head(node, _name_cells(cells), ascii_only), *_gpu_part(node, _bar(cells), ascii_only)]
    if cells >= _LONG:
        bar = _bar(cells)
        line += _part(node.cpu_cores_allocated, node.cpu_cores, bar, 8, ascii_only)
        bar = bar if bar > _NARROW_BAR else 0
        line += _part(node.memory_mb_allocated, node.memory_mb, bar, 10, ascii_only, in_memory=True)
        load = "-" if node.cpu_load is None else f"{node.cpu_load:.1f}"
        line.append((pad(load, 6, right=True) + "  ", "text"))
    else:
        line.append((pad(f"{node.cpu_cores_allocated}/{node.cpu_cores}c", 8, right=True) + " ", "text"))
    room = max(0, cells - cells_of(line))
    return [*line, (pad(use_words(node) or _idle(node), room), role(node))]


def row_titles(cells: int) -> Line:
    """The heading over lines of so many cells."""
    if cells < SHORT_CELLS:
        return fitted([("  node     GPUs", "quiet")], cells)
    name, bar = _name_cells(cells), _bar(cells)
    parts = ["  ", pad("node", name), pad("GPUs allocated" if bar > _NARROW_BAR else "GPUs", bar + 7)]
    if cells >= _LONG:
        parts += [pad("cores allocated" if bar > _NARROW_BAR else "cores", bar + 9)]
        parts += [pad("memory allocated", bar + 11) if bar > _NARROW_BAR else pad("memory", 10, right=True) + " "]
        parts += [pad("load", 6, right=True), "  "]
    else:
        parts += [pad("cores", 8, right=True), " "]
    return fitted([("".join(parts) + "jobs", "quiet")], cells)


def summary(nodes: Sequence[NodeView], cells: int) -> Line:
    """All of them in a line: `12 nodes: 10 open, 2 closed; 31 of 80 GPUs, 200 of 960 cores allocated`."""
    states = Counter(node.state for node in nodes)
    held, total = (sum(counts) for counts in zip(*map(gpus_of, nodes), strict=True)) if nodes else (0, 0)
    cores, all_cores = sum(node.cpu_cores_allocated for node in nodes), sum(node.cpu_cores for node in nodes)
    line: Line = [(f"{len(nodes)} node{'s' * (len(nodes) != 1)}: {states['open']} open", "text")]
    if states["closed"]:
        line.append((f", {states['closed']} closed", "warn"))
    line.append((f"   allocated: {held} of {total} GPUs, {cores} of {all_cores} cores", "quiet"))
    oldest = max((node.age_s for node in nodes), default=0.0)
    if oldest > _OLD_S:
        line.append((f"   as of {duration(oldest)} ago", "warn"))
    return fitted(line, cells)


def _head(node: NodeView, cells: int, ascii_only: bool) -> Line:
    state = standing(node)
    name = pad(clean(node.name), cells - 1) + " "
    return [(f"{symbol(state, ascii_only=ascii_only)} ", colour(state)), (name, "title")]


def _gpu_part(node: NodeView, bar: int, ascii_only: bool) -> Line:
    held, total = gpus_of(node)
    return _part(held, total, bar, 6, ascii_only)


def _part(held: int, total: int, bar: int, cells: int, ascii_only: bool, *, in_memory: bool = False) -> Line:
    """A gauge of what is allocated, and its numbers."""
    if not total:
        return [(" " * bar + pad("-", cells, right=True) + " ", "quiet")]
    filled, rest = meter(held / total, bar, ascii_only=ascii_only)
    numbers = f"{memory(held)}/{memory(total)}" if in_memory else f"{held}/{total}"
    return [(filled, "busy"), (rest, "track"), (pad(numbers, cells, right=True) + " ", "text")]


def _tiny(node: NodeView, cells: int, ascii_only: bool) -> Line:
    held, total = gpus_of(node)
    told = f"{held}/{total}" if total else f"{node.cpu_cores_allocated}/{node.cpu_cores}c"
    room = max(4, cells - len(told) - 4)
    return fitted([*_head(node, room, ascii_only), (told + " ", "text" if node.state == "open" else "quiet")], cells)


def _name_cells(cells: int) -> int:
    return 9 if cells < _LONG else 11 if cells < 110 else 17


def _bar(cells: int) -> int:
    return _NARROW_BAR if cells < 100 else 8 if cells < 130 else 12


def _idle(node: NodeView) -> str:
    return "free" if not node.cpu_cores_allocated else ""


def role(node: NodeView) -> str:
    """The role of the colour of what is said of it."""
    if node.state != "open":
        return "bad" if standing(node) == "missing" else "warn"
    return "text" if node.jobs else "quiet"
