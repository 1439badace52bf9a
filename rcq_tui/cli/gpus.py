"""`rcq gpus`: the GPUs and who uses them, once or in place until ^C."""

import sys
import time
from typing import Any

from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from engine.protocol.errors import Refused, Unreachable
from rcq_tui.cli.call import engine
from rcq_tui.cli.columns import Column, table, terminal_width
from rcq_tui.cli.exports import add_format, export, is_table
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.options import parser
from rcq_tui.cli.rows import gpu_cells
from rcq_tui.client.decode import decode_items
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.cardnotes import notes
from rcq_tui.viewmodel.nodepage import block
from rcq_tui.viewmodel.noderows import summary
from rcq_tui.viewmodel.pieces import Line
from rcq_tui.viewmodel.slots import in_column
from rcq_tui.viewmodel.text import clean, cut

COLUMNS = (
    Column("GPU", right=True),
    Column("MODEL", least=10),
    Column("STATE"),
    Column("UTIL", right=True),
    Column("MEMORY", right=True),
    Column("TEMP"),
    Column("POWER", right=True),
    Column("JOBS", least=8),
)
BOOKED = Column("BOOKED", least=8)
"""Shown where any card is booked."""
_EVERY_S = 1.0
_WIDE = 120
"""Cells of a line where what it goes to is no terminal."""
_HOME, _REST_OF_LINE, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def run(argv: list[str]) -> int:
    """Show the GPUs."""
    options = parser(
        "gpus",
        "Show the GPUs and who uses them; where jobs go to a Slurm cluster, its machines with what is allocated there.",
        "rcq gpus\nrcq gpus --watch\nrcq gpus --json",
    )
    options.add_argument("--watch", action="store_true", help="refresh in place until ^C")
    add_format(options)
    chosen = options.parse_args(argv)
    as_table = is_table(chosen)
    if chosen.watch and not (as_table and sys.stdout.isatty()):
        raise UsageError("--watch draws on a terminal; leave it out here, or use --json in a loop")
    wire = engine()
    if chosen.watch:
        _watch(wire)
    if not as_table:
        return export(chosen, [wire.request("GET", "/v1/gpus")], "cards.GpuView")
    print("\n".join(_shown(wire)))
    return 0


def _shown(wire: Wire) -> list[str]:
    """The cards of this host, if there are any or there is no cluster; then the machines of the cluster."""
    nodes = machines(wire)
    own = [card for card in wire.request("GET", "/v1/gpus")["items"] if card.get("node") is None]
    if not nodes:
        return lines(own)
    return [*lines(own), "", *node_lines(nodes)] if own else node_lines(nodes)


def machines(wire: Wire) -> list[NodeView]:
    """The machines of the cluster; none where there is no cluster, or the engine is too old to have one."""
    try:
        return decode_items(NodeView, wire.request("GET", "/v1/nodes"))
    except Refused as refused:
        if refused.code != "NOT_FOUND":
            raise
        return []


def node_lines(nodes: list[NodeView]) -> list[str]:
    """A few lines for each machine, all of them in a line first."""
    cells, now = terminal_width() or _WIDE, time.time()
    shown = [summary(nodes, cells), *(line for node in nodes for line in [[], *block(node, now, cells)])]
    return [_text(line) for line in shown]


def _text(line: Line) -> str:
    return "".join(text for text, _ in line).rstrip()


def lines(cards: list[dict[str, Any]]) -> list[str]:
    """The table of the cards and what is special about them, or a line that says that there are none."""
    if not cards:
        return ["no GPUs: `rcq doctor` says whether a driver is missing"]
    now = time.time()
    rows: list[list[str]] = [gpu_cells(card) for card in cards]
    columns: tuple[Column, ...] = COLUMNS
    if any(card["slot"] for card in cards):
        rows = [[*row, in_column(card["slot"], now)] for row, card in zip(rows, cards, strict=True)]
        columns = (*COLUMNS, BOOKED)
    told = [
        f"GPU {card.index}: {note}" for card in decode_items(GpuView, {"items": cards}) for note in notes(card, now)
    ]
    return [*table(columns, rows, terminal_width()), *([""] if told else []), *told]


def _watch(wire: Wire) -> None:
    """Until ^C, also over a restart of the engine."""
    sys.stdout.write("\x1b[2J")
    while True:
        try:
            shown = _shown(wire)
        except Unreachable as error:
            shown = [cut(clean(error), terminal_width() or 80)]
        shown.append(time.strftime("%H:%M:%S, ^C ends"))
        sys.stdout.write(_HOME + "".join(f"{line}{_REST_OF_LINE}\n" for line in shown) + _BELOW)
        sys.stdout.flush()
        time.sleep(_EVERY_S)
