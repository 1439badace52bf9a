"""`rcq usage`: what groups and their people have used, against what they may, and what the numbers rest on.

With `--month`, `--until` or `--csv`: what was used in that time alone.
"""

import argparse
import time
from typing import Any

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.columns import Column, table, terminal_width
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.monthly import month, report, this_month
from rcq_tui.cli.options import parser
from rcq_tui.cli.values import end_of, past_of
from rcq_tui.viewmodel.usage import Report, rows, sources, titles


def run(argv: list[str]) -> int:
    """Show usage."""
    now = time.time()
    chosen = _parser().parse_args(argv)
    if chosen.month or chosen.until is not None or chosen.format == "csv":
        span = engine(REPORT_S).request("GET", "/v1/usage/span", query={"group": chosen.group, **_span(chosen, now)})
        if chosen.format != "json":
            return report(span, chosen)
        print_json(span)
        return 0
    asked = {name: value for name in ("group", "since") if (value := getattr(chosen, name)) is not None}
    usage = engine().request("GET", "/v1/usage", query=asked)
    if chosen.format == "json":
        print_json(usage)
    else:
        print("\n".join(described(usage, terminal_width())))
    return 0


REPORT_S = 120.0
"""Years of many small jobs take a while."""


def described(report: Report, room: int | None) -> list[str]:
    """The table, and under it where each column comes from."""
    names, words = titles(report), sources(report)
    columns = [Column(name, right=at > 0, least=8 if at == 0 else None) for at, name in enumerate(names)]
    wide = max(len(name) for name, _ in words)
    return [*table(columns, rows(report), room), "", *(f"{name:<{wide}}  {told}" for name, told in words)]


def _span(chosen: argparse.Namespace, now: float) -> dict[str, Any]:
    """The time that is asked for; this month unless another is named."""
    if chosen.month:
        since, until = chosen.month
        if chosen.since is not None or chosen.until is not None:
            raise UsageError("--month is a time already; leave --since and --until out")
        if since >= now:
            raise UsageError("that month is still to come")
        return {"since": since, "until": None if until > now else until}
    if chosen.since is None and chosen.until is not None:
        raise UsageError("--until needs --since: from when to count")
    return {"since": this_month(now) if chosen.since is None else chosen.since, "until": chosen.until}


def _parser() -> argparse.ArgumentParser:
    options = parser(
        "usage",
        "Show what groups and their people have used, against what they may. Admins see all groups, others their own. "
        "With --month, --until or --csv: what was used in that time, by group, account and service.",
        "rcq usage\nrcq usage --group vision\nrcq usage --since 7d\nrcq usage --since 2026-11-01 --json\n"
        "rcq usage --month 2026-10\nrcq usage --month 2026-10 --csv > october.csv",
    )

    options.add_argument("--group", metavar="G", help="only this group")
    options.add_argument("--since", metavar="T", type=past_of, help="count what ran from then on: 7d, 2026-11-01")
    options.add_argument("--until", metavar="T", type=end_of, help="and before then")
    options.add_argument("--month", metavar="M", type=month, help="a calendar month in UTC, as quotas count: 2026-10")
    forms = options.add_mutually_exclusive_group()
    for form, told in (("json", "print one JSON document"), ("csv", "a line for each group, account and service")):
        forms.add_argument(f"--{form}", dest="format", action="store_const", const=form, help=told)
    options.set_defaults(columns=None, times=None, raw=False)
    return options
