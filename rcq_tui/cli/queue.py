"""`rcq queue`: lists jobs, filtered, as a table or as data."""

import time
from typing import TYPE_CHECKING, Any

from engine.protocol.listings import SORTS, SPANS, STATES
from rcq_tui.cli.call import engine
from rcq_tui.cli.columns import Column, table, terminal_width
from rcq_tui.cli.exports import add_format, export, is_table
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.ids import job_id
from rcq_tui.cli.options import everyday, unfit
from rcq_tui.cli.pages import PAGE, each_page, fetch, how_many, more
from rcq_tui.cli.rows import job_cells, node
from rcq_tui.cli.targets import Target, array_target
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.arrays import collapsed, named_as_one

if TYPE_CHECKING:
    from rcq_tui.cli.everyday import Chosen, Everyday

MOST_ROWS = 5000
"""Rows that are looked at for the lines of a terminal, where many elements of an array make one."""

COLUMNS = (
    Column("STATE"),
    Column("POS", right=True),
    Column("ID", right=True),
    Column("WHO", least=6),
    Column("WHAT", least=8),
    Column("GPUS", least=6),
    Column("WAITED/RAN", right=True),
    Column("WHY / WHEN", least=12),
)


NODE = Column("NODE", least=4)
"""Shown where a job of the list is or was on a cluster."""
_NODE_AT = 6


def run(argv: list[str]) -> int:
    """List jobs."""
    options = _parser().parse_args(argv)
    if not is_table(options):
        return export(options, each_page(engine(), "/v1/jobs", filters(options), options.limit), "responses.JobRow")
    room = terminal_width()
    if options.expand or room is None:
        answer = fetch(engine(), "/v1/jobs", filters(options), options.limit)
    else:
        answer = fetch_lines(engine(), filters(options), options.limit)
    now = time.time()
    rows = [named_as_one(row) for row in answer["items"]]
    columns: tuple[Column, ...] = COLUMNS
    cells = [job_cells(row, now) for row in rows]
    if any(row.get("place") for row in rows):
        columns = (*COLUMNS[:_NODE_AT], NODE, *COLUMNS[_NODE_AT:])
        cells = [[*one[:_NODE_AT], node(row), *one[_NODE_AT:]] for one, row in zip(cells, rows, strict=True)]
    shown = table(columns, cells, room)
    print("\n".join([*shown, *(more(answer) if room is not None else [])]))
    return 0


def fetch_lines(wire: Wire, query: dict[str, Any], limit: int) -> dict[str, Any]:
    """Up to `limit` lines, where elements of an array that wait for the same make one.

    `MOST_ROWS` are looked at for them, or more where more are asked for.
    """
    rows: list[Any] = []
    cursor, size = None, limit
    while True:
        page = wire.request("GET", "/v1/jobs", {**query, "limit": min(PAGE, size), "cursor": cursor})
        rows += page["items"]
        lines, cursor, size = collapsed(rows), page["cursor"], PAGE
        all_alone = len(lines) == len(rows) >= limit
        enough = len(lines) > limit or all_alone or len(rows) >= max(limit, MOST_ROWS)
        if enough or cursor is None:
            return {"items": lines[:limit], "cursor": cursor or lines[limit:] or None}


def filters(options: "Chosen") -> dict[str, Any]:
    """The query of the options. Raises UsageError for a state that there is not."""
    return {
        "state": _states(options.state),
        "account": options.account,
        "group": options.group,
        "mine": 1 if options.mine else None,
        "search": options.search,
        "sort": options.sort,
        "order": "desc" if options.reverse else None,
        "fold": 1 if options.fold else None,
        "since": options.since,
        "until": options.until,
        "by": options.by,
        **_of_array(options.array),
    }


def _of_array(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    target = array_target(text) if "[" in text else Target(job_id(text))
    return {"array": target.number, "elements": target.elements}


def _states(text: str | None) -> str | None:
    if text is None:
        return None
    if text == "all":
        return ",".join(STATES)
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in STATES]
    if unknown or not names:
        raise UsageError(f"there is no state {', '.join(unknown) or text!r}; there are: {', '.join(STATES)}, or all")
    return ",".join(names)


def _parser() -> "Everyday":
    options = everyday(
        "queue",
        "List jobs: those that run, then those that wait in the order of the plan; with --since or --until, those of "
        "that time in any state, the newest first. Other people's jobs are redacted.",
        "rcq queue --mine\nrcq queue --array 7 --state failed\n"
        "rcq queue --state failed,cancelled --limit 200\n"
        "rcq queue --search 'train gpus:>1' --sort ended --reverse --state all\n"
        "rcq queue --since 2026-10-01 --until 2026-11-01 --by ended\n"
        "rcq queue --state all --limit all --format csv > history.csv\n"
        "rcq queue --all --json",
    )
    options.add_argument("--state", metavar="S,…", help=f"only these states: {', '.join(STATES)}, or all")
    whose = options.add_mutually_exclusive_group()
    whose.add_argument("--mine", action="store_true", help="only your own jobs")
    whose.add_argument("--all", action="store_true", help="everybody's jobs (the default)")
    options.add_argument("--account", metavar="A", help="only this account's jobs")
    options.add_argument("--group", metavar="G", help="only this group's jobs")
    options.add_argument("--array", metavar="ID", help="the elements of this job array, ended ones too: 7 or '7[3-5]'")
    options.add_argument(
        "--search", metavar="WORDS", help="only what has all these words, such as 'train state:failed'"
    )
    options.add_argument("--sort", choices=SORTS, help="by what to sort, instead of the plan's order")
    options.add_argument("--reverse", action="store_true", help="the largest first; with --sort")
    options.add_argument("--fold", action="store_true", help="elements of an array in one state as one row")
    options.add_argument("--expand", action="store_true", help="a line for each element of an array, however alike")
    options.add_argument("--since", metavar="T", type=_moment, help="of that time or later: 7d, 2026-10-01T08:00")
    options.add_argument("--until", metavar="T", type=_stop, help="of before that time")
    options.add_argument("--by", choices=SPANS, help="the time that these are about (default: submitted)")
    options.add_argument("--limit", metavar="N", type=how_many, default=50, help="at most so many, or all (50)")
    add_format(options)
    return options


def _moment(text: str) -> float:
    from rcq_tui.cli.pasttime import past

    return past(text, time.time())


def _stop(text: str) -> float:
    from rcq_tui.cli.pasttime import end

    return end(text, time.time())


def at_least_one(text: str) -> int:
    """A whole number of 1 or more. Raises ArgumentTypeError."""
    if not text.isdigit() or int(text) < 1:
        raise unfit(f"{text!r} is not a whole number of 1 or more")
    return int(text)
