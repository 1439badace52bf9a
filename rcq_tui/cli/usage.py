"""`rcq usage`: what groups and their people have used, against what they may, and what the numbers rest on."""

import time

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.columns import Column, table, terminal_width
from rcq_tui.cli.options import add_json, parser
from rcq_tui.cli.pasttime import past
from rcq_tui.viewmodel.usage import Report, rows, sources, titles


def run(argv: list[str]) -> int:
    """Show usage."""
    now = time.time()
    options = parser(
        "usage",
        "Show what groups and their people have used, against what they may. Admins see all groups, others their own.",
        "rcq usage\nrcq usage --group vision\nrcq usage --since 7d\nrcq usage --since 2026-11-01 --json",
    )
    options.add_argument("--group", metavar="G", help="only this group")
    options.add_argument(
        "--since", metavar="T", type=lambda text: past(text, now), help="count what ran from then on: 7d, 2026-11-01"
    )
    add_json(options)
    chosen = options.parse_args(argv)
    asked = {name: value for name in ("group", "since") if (value := getattr(chosen, name)) is not None}
    report = engine().request("GET", "/v1/usage", query=asked)
    if chosen.json:
        print_json(report)
    else:
        print("\n".join(described(report, terminal_width())))
    return 0


def described(report: Report, room: int | None) -> list[str]:
    """The table, and under it where each column comes from."""
    names, words = titles(report), sources(report)
    columns = [Column(name, right=at > 0, least=8 if at == 0 else None) for at, name in enumerate(names)]
    wide = max(len(name) for name, _ in words)
    return [*table(columns, rows(report), room), "", *(f"{name:<{wide}}  {told}" for name, told in words)]
