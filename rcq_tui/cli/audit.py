"""`rcq audit`: who changed what, when and from where."""

import argparse

from engine.protocol.errors import EXIT_FAILED
from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.columns import Column, table, terminal_width
from rcq_tui.cli.exports import add_format, export, is_table
from rcq_tui.cli.failures import UsageError, complain
from rcq_tui.cli.options import parser
from rcq_tui.cli.pages import each_page, fetch, how_many, more
from rcq_tui.cli.values import end_of, past_of
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.audit import line
from rcq_tui.viewmodel.text import clean

CHECK_S = 600.0
"""Checking a log of millions of entries takes a while."""
COLUMNS = (
    Column("TIME"),
    Column("WHO", least=8),
    Column("FROM", least=12),
    Column("WHAT"),
    Column("TARGET", least=12),
    Column("CHANGE", least=20),
)


def run(argv: list[str]) -> int:
    """List entries, or check the chain."""
    chosen = _parser().parse_args(argv)
    as_table = is_table(chosen)
    if chosen.verify and chosen.format not in {None, "json"}:
        raise UsageError("--verify has one answer and no rows; use --json")
    if chosen.verify:
        return _verify(engine(CHECK_S), as_json=not as_table)
    asked = {name: getattr(chosen, name) for name in ("account", "action", "target", "since", "until")}
    if not as_table:
        return export(chosen, each_page(engine(), "/v1/audit", asked, chosen.limit), "audit.AuditEntry")
    answer = fetch(engine(), "/v1/audit", asked, chosen.limit)
    if not answer["items"]:
        complain("no entry is like that; `rcq audit` alone shows how WHO, WHAT and TARGET are written")
    room = terminal_width()
    shown = table(COLUMNS, [line(entry) for entry in answer["items"]], room)
    print("\n".join([*shown, *(more(answer) if room is not None else [])]))
    return 0


def _verify(wire: Wire, *, as_json: bool) -> int:
    found = wire.request("GET", "/v1/audit/chain")
    if as_json:
        print_json(found)
    elif found["broken"] is not None:
        print(
            f"entry {found['broken']} is not what was written, or is missing; the {found['entries']} before it are "
            "whole. Compare with a backup: rcq backup --help"
        )
    else:
        newest = f"{found['last_id']}: {clean(found['head'])}"
        print(f"{found['entries']} entries, each as it was written; the newest is {newest}")
    return EXIT_FAILED if found["broken"] is not None else 0


def _parser() -> argparse.ArgumentParser:
    options = parser(
        "audit",
        "Show who changed what, when and from where, newest first. Admins see everything, others what they did and "
        "what is about them or their jobs.",
        "rcq audit --since 7d\nrcq audit --action 'job.*' --account ann\nrcq audit --target 17 --json\n"
        "rcq audit --verify",
    )

    options.add_argument("--account", metavar="A", help="only what this account did")
    options.add_argument("--action", metavar="X", help="only this: job.cancel, or 'job.*' for all that begins so")
    options.add_argument("--target", metavar="T", help="only what was done to it: a job's id, a card's UUID, a name")
    options.add_argument("--since", metavar="WHEN", type=past_of, help="from then on: 7d, 2026-11-01")
    options.add_argument("--until", metavar="WHEN", type=end_of, help="before then: 1d, 2026-11-02T08:00")
    options.add_argument("--limit", metavar="N", type=how_many, default=50, help="at most so many entries, or all (50)")
    options.add_argument(
        "--verify", action="store_true", help="check instead that each entry is what was written (admins)"
    )
    add_format(options)
    return options
