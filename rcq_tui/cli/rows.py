"""Jobs and cards as cells of a table: the one place where commands ask the view models for words.

Pure: `now` is an argument. Every text of a stranger is cleaned here. Must not know where the rows come from.
"""

from typing import Any

from rcq_tui.viewmodel import notices, words
from rcq_tui.viewmodel.arrays import title
from rcq_tui.viewmodel.formats import degrees, duration, memory, moment, percent, until
from rcq_tui.viewmodel.states import shown, symbol
from rcq_tui.viewmodel.text import clean

Row = dict[str, Any]


def job_cells(row: Row, now: float) -> list[str]:
    """State, position, id, who, what, GPUs, waited or ran, why or when."""
    return [
        state(row),
        "" if row["position"] is None else str(row["position"]),
        str(row["id"]),
        who(row),
        what(row),
        gpus(row),
        spent(row, now),
        why_or_when(row, now),
    ]


def state(row: Row) -> str:
    """Symbol and name: `▶ running`."""
    name = shown(row["state"], row.get("paused_since"))
    return f"{symbol(name)} {clean(name)}"


def who(row: Row) -> str:
    """The account, or of a redacted row the group in brackets."""
    return clean(row["account"]) if row["account"] else f"({clean(row['group'])})"


def what(row: Row) -> str:
    """The name, else the command line; of an array's element with its index."""
    if row["redacted"]:
        return "(private)"
    return clean(title(row["name"], row["command_line"], row.get("array_index")))


def gpus(row: Row) -> str:
    """`2: 0,3` with its cards, `2 a100` while it has none, `8G of 1` for a share, `-` for none."""
    if not row["gpus"]:
        return "-"
    count = f"{memory(row['gpu_memory_mb'])} of 1" if row["gpu_share"] else str(row["gpus"])
    if row["gpu_indices"] and not row.get("place"):
        return f"{count}: {','.join(map(str, row['gpu_indices']))}"
    return f"{count} {clean(row['gpu_type'])}" if row["gpu_type"] else count


def node(row: Row) -> str:
    """The machine of the cluster that it is on; `slurm` while it waits there, `-` on this host."""
    return clean(row.get("node")) or clean(row.get("place")) or "-"


def waited_s(row: Row, now: float) -> float:
    """Seconds between submission and start (or end, or now)."""
    until_when = row["started_at"] or row["ended_at"] or now
    return max(0.0, float(until_when) - float(row["submitted_at"]))


def ran_s(row: Row, now: float) -> float | None:
    """Seconds it has run; `None` if it never started."""
    if row["started_at"] is None:
        return None
    return max(0.0, float(row["ended_at"] or now) - float(row["started_at"]))


def spent(row: Row, now: float) -> str:
    """How long it waited, or ran once it has started."""
    ran = ran_s(row, now)
    return duration(waited_s(row, now) if ran is None else ran)


def why_or_when(row: Row, now: float) -> str:
    """Waiting: the promised start (`~`: only foreseen), the first reason. Then: notices, its limit. Ended: how."""
    if row["state"] == "pending":
        start = until(row["expected_start"], now) if row["expected_start"] else ""
        start = f"~{start}" if start and row.get("basis") == "forecast" else start
        return "; ".join(part for part in (start, words.summary(row["reasons"])) if part)
    if row["state"] == "scheduled":
        start = f"~{until(row['expected_start'], now)}" if row["expected_start"] else ""
        told = (notices.summary(row.get("notices") or ()), start, words.summary(row["reasons"]))
        return "; ".join(part for part in told if part)
    if row["state"] == "running" and row["started_at"]:
        since = row.get("paused_since")
        limit_at = row["started_at"] + row["time_limit_s"] + row.get("paused_s", 0.0)
        ends = f"until {moment(limit_at, now)}" if since is None else f"paused for {duration(now - since)}"
        return "; ".join(part for part in (notices.summary(row.get("notices") or ()), ends) if part)
    return ending(row)


def ending(row: Row) -> str:
    """`exit 0`, `signal 9`, `time-limit`; empty before the end and for those who may not know."""
    if row["exit_code"] is not None and row["cause"] in {"exit", None}:
        return f"exit {row['exit_code']}"
    if row["cause"] == "signal" and row["signal"] is not None:
        return f"signal {row['signal']}"
    return clean(row["cause"])


def gpu_cells(card: Row) -> list[str]:
    """Index, model, state, utilisation, memory, temperature against its threshold, power, who uses it."""
    return [
        str(card["index"]),
        clean(card["model"]),
        f"{symbol(card['state'])} {clean(card['state'])}",
        percent(card["utilization"]),
        f"{memory(card['memory_used_mb'])} of {memory(card['memory_mb'])}",
        f"{degrees(card['temperature_c'])} of {card['threshold_c']:.0f}" + (" throttled" if card["throttled"] else ""),
        f"{_watts(card['power_w'])} of {_watts(card['power_limit_w'])}",
        users(card),
    ]


def users(card: Row) -> str:
    """Who is on the card: `12 alice, (vision)`, and what processes of others hold."""
    names = [
        f"{job['id']} {clean(job['account'])}" if job["id"] is not None else f"({clean(job['group'])})"
        for job in card["jobs"]
    ]
    foreign = [f"{memory(card['foreign_mb'])} foreign"] if card["foreign_mb"] else []
    return ", ".join(names + foreign) or "-"


def _watts(power: float | None) -> str:
    return "-" if power is None else f"{power:.0f}W"
