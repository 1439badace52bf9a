"""A machine of the cluster in a few lines: what it is, its gauges, its cards by type, and rcq's jobs in it.

Pure: `now` is an argument. Must not know what draws the lines.
"""

from collections.abc import Sequence

from engine.protocol.cluster import NodeUser, NodeView
from rcq_tui.viewmodel.bars import meter
from rcq_tui.viewmodel.carduse import job_words, time_left
from rcq_tui.viewmodel.formats import counted, memory
from rcq_tui.viewmodel.noderows import cards_words, gpus_of, others_words, role, standing
from rcq_tui.viewmodel.pieces import Line, fitted
from rcq_tui.viewmodel.states import colour, symbol
from rcq_tui.viewmodel.text import clean


def block(node: NodeView, now: float, cells: int, *, ascii_only: bool = False) -> list[Line]:
    """The machine in a few lines: what it is, its gauges, its cards by type, and rcq's jobs in it."""
    state = standing(node)
    head: Line = [
        (f"{symbol(state, ascii_only=ascii_only)} {clean(node.name)}", colour(state)),
        (f"  {clean(node.slurm_state)}", "quiet"),
        (f"  {clean(node.why)}" if node.why else "", role(node)),
    ]
    bar = min(40, max(8, cells - 44))
    load = "" if node.cpu_load is None else f", load {node.cpu_load:.1f}"
    free = "" if node.memory_free_mb is None else f", {memory(node.memory_free_mb)} free by its kernel"
    held, total = gpus_of(node)
    lines = [head]
    if total:
        cards = f"{held} of {total} allocated: {cards_words(node)}"
        lines.append(_gauge("GPUs", (held, total), cards, bar, ascii_only))
    cores = f"{node.cpu_cores_allocated} of {node.cpu_cores} allocated{load}"
    lines.append(_gauge("cores", (node.cpu_cores_allocated, node.cpu_cores), cores, bar, ascii_only))
    ram = f"{memory(node.memory_mb_allocated)} of {memory(node.memory_mb)} allocated{free}"
    lines.append(_gauge("memory", (node.memory_mb_allocated, node.memory_mb), ram, bar, ascii_only))
    sign = symbol("running", ascii_only=ascii_only)
    lines += [[(f"  {sign} ", "busy"), (user_words(user, now), "text")] for user in node.jobs]
    if others := others_words(node):
        lines.append([("    ", "quiet"), (others, "quiet")])
    return [fitted(line, cells) for line in lines]


def page(
    nodes: Sequence[NodeView], now: float, cells: int, *, ascii_only: bool = False
) -> tuple[list[Line], dict[str, int]]:
    """All of them, a blank line between two; and by name in which line each begins."""
    lines: list[Line] = []
    begins: dict[str, int] = {}
    for node in nodes:
        lines += [[]] if lines else []
        begins[node.name] = len(lines)
        lines += block(node, now, cells, ascii_only=ascii_only)
    return lines, begins


def user_words(user: NodeUser, now: float) -> str:
    """`141 ada resnet: 2 GPUs, 8 cores, 1h12m left`."""
    held = [counted(user.gpus, "GPU")] if user.gpus else []
    held.append(counted(user.cpu_cores, "core"))
    if left := time_left(user.who, now):
        held.append(left)
    return f"{job_words(user.who, with_name=True)}: {', '.join(held)}"


def _gauge(label: str, of: tuple[int, int], words: str, bar: int, ascii_only: bool) -> Line:
    held, total = of
    filled, rest = meter(held / total if total else None, bar, ascii_only=ascii_only)
    return [(f"  {label:<7}", "quiet"), (filled, "busy"), (rest, "track"), (f" {words}", "text")]
