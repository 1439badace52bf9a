"""`rcq nodes`: the machines of the Slurm cluster."""

from typing import Any

from engine.protocol.cluster import NodeView
from rcq_tui.cli.call import engine
from rcq_tui.cli.columns import Column, table, terminal_width
from rcq_tui.cli.exports import add_format, export, is_table
from rcq_tui.cli.options import parser
from rcq_tui.client.decode import decode_items
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.formats import memory
from rcq_tui.viewmodel.noderows import cards_words, gpus_of, standing, use_words
from rcq_tui.viewmodel.slurmwords import backend_sentence
from rcq_tui.viewmodel.states import symbol
from rcq_tui.viewmodel.text import clean

COLUMNS = (
    Column("NODE"),
    Column("STATE"),
    Column("GPUS", right=True),
    Column("CORES", right=True),
    Column("MEMORY", right=True),
    Column("LOAD", right=True),
    Column("CARDS", least=10),
    Column("JOBS", least=10),
)
"""GPUs, cores and memory: allocated of all."""


def run(argv: list[str]) -> int:
    """List the machines."""
    options = parser(
        "nodes",
        "List the machines of the Slurm cluster that this engine hands jobs to: what is allocated in each, and who of "
        "rcq is there.",
        "rcq nodes\nrcq nodes --json\nrcq nodes --format csv --columns name,state,why",
    )
    add_format(options)
    chosen = options.parse_args(argv)
    as_table = is_table(chosen)
    wire = engine()
    answer = wire.request("GET", "/v1/nodes")
    if not as_table:
        return export(chosen, [answer], "cluster.NodeView")
    print("\n".join([*lines(answer["items"]), *_away(wire)]))
    return 0


def lines(items: list[dict[str, Any]]) -> list[str]:
    """The table, or a line that says that there is no cluster."""
    nodes = decode_items(NodeView, {"items": items})
    if not nodes:
        return ["no nodes: this engine hands nothing to Slurm, or was not told of its nodes yet; rcq doctor says which"]
    return table(COLUMNS, [_cells(node) for node in nodes], terminal_width())


def _away(wire: Wire) -> list[str]:
    """Since when Slurm does not answer, if so: the table is as of then."""
    stats = wire.request("GET", "/v1/stats")
    told = (backend_sentence(one, stats["now"]) for one in stats.get("backends") or [])
    return [line for said in told if said for line in ("", said)]


def _cells(node: NodeView) -> list[str]:
    held, total = gpus_of(node)
    return [
        clean(node.name),
        f"{symbol(standing(node))} {clean(node.slurm_state)}",
        f"{held} of {total}" if total else "-",
        f"{node.cpu_cores_allocated} of {node.cpu_cores}",
        f"{memory(node.memory_mb_allocated)} of {memory(node.memory_mb)}",
        "-" if node.cpu_load is None else f"{node.cpu_load:.1f}",
        cards_words(node) or "-",
        use_words(node) or "-",
    ]
