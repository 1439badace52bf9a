"""`rcq show`: all of one job."""

import sys
import time
from typing import Any

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.options import add_json, everyday
from rcq_tui.cli.rows import Row, ending, ran_s, state, waited_s, who
from rcq_tui.cli.targets import one_job
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel import notices
from rcq_tui.viewmodel.files import files_removed
from rcq_tui.viewmodel.formats import duration, exact, memory, size
from rcq_tui.viewmodel.measures import energy, measure_facts, used
from rcq_tui.viewmodel.slurmwords import in_cluster
from rcq_tui.viewmodel.text import clean, clean_lines
from rcq_tui.viewmodel.words import sentences

MOST_ATTEMPTS = 10
"""So many of the attempts that are over are shown, the last ones; `--json` has all."""


MOST_FILES = 20
"""So many of the staged files are shown."""


def run(argv: list[str]) -> int:
    """Show one job."""
    options = everyday("show", "Show all of one job.", "rcq show 12\nrcq show 12 --json")
    options.add_argument("id", metavar="ID", help="an id, or an element of a job array: '7[3]'")
    options.add_argument("--diff", action="store_true", help="what its code had (--snapshot) that the commit has not")
    add_json(options)
    chosen = options.parse_args(argv)
    wire = engine()
    number = one_job(wire, chosen.id)
    if chosen.diff:
        return _print_diff(wire, number)
    job = wire.request("GET", f"/v1/jobs/{number}")
    if chosen.json:
        print_json(job)
    else:
        print("\n".join(described(job, time.time())))
    return 0


def _print_diff(wire: Wire, number: int) -> int:
    """To a terminal its control characters are made harmless; a file or pipe gets it as it is."""
    pieces = wire.download(f"/v1/jobs/{number}/diff")
    if not sys.stdout.isatty():
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return 0
    from codecs import getincrementaldecoder

    from rcq_tui.cli.logs import Harmless

    harmless, decoder = Harmless(), getincrementaldecoder("utf-8")("replace")
    for piece in pieces:
        sys.stdout.write(harmless.feed(decoder.decode(piece)))
    sys.stdout.write(harmless.feed(decoder.decode(b"", final=True)) + harmless.end())
    return 0


def described(job: Row, now: float) -> list[str]:
    """The job as lines of `name value`; what is absent has no line."""
    facts = [(name, clean(value)) for name, value in _facts(job, now) if value not in (None, "", "-")]
    for title, mapping in (("environment", job["environment"]), ("tag", job["tags"])):
        facts += [(title, f"{clean(name)}={clean(value)}") for name, value in mapping.items()]
    facts += [("file", words) for words in staged_files(job)]
    facts += [("notice", notices.sentence(one)) for one in job.get("notices") or ()]
    facts += [("waits", words) for words in sentences(job["reasons"], now)]
    if len(job["attempts"]) > 1 or job["ended_at"] is None:  # else it says nothing that the job does not
        facts += [("past attempt", attempt(one)) for one in job["attempts"][-MOST_ATTEMPTS:]]
    wide = max(len(name) for name, _ in facts)
    lines = [f"{name:<{wide}}  {value}" for name, value in facts]
    if job["script"]:
        lines += ["script", *(f"  {line}" for line in clean_lines(job["script"]))]
    return lines


def attempt(one: Row) -> str:
    """How an attempt went: `1 preempted at 2026-11-22 08:00:00 after 12m on GPU 0,1: it was stopped for…`."""
    how = ending(one) if one["state"] != one["cause"] else ""
    words = [str(one["attempt"]), clean(one["state"]) + (f" ({how})" if how else ""), f"at {exact(one['ended_at'])}"]
    if one["started_at"] is not None:
        words.append(f"after {duration(max(0.0, one['ended_at'] - one['started_at']))}")
    if one.get("node"):
        words.append(f"on {clean(one['node'])}")
    elif one["gpu_indices"] and not one.get("place"):  # in the cluster's queue it had none of those it was planned on
        words.append(f"on GPU {','.join(map(str, one['gpu_indices']))}")
    if (measured := one.get("measures")) is not None:
        words.append(f"({energy(measured['energy_kwh'])}, GPUs used {used(measured)})")
    return " ".join(words) + (f": {clean(one['message'])}" if one["message"] else "")


def _facts(job: Row, now: float) -> list[tuple[str, Any]]:
    ran = ran_s(job, now)
    return [
        ("job", job["id"]),
        ("job_id", job["job_id"]),
        ("name", job["name"]),
        ("array", _array(job)),
        ("state", state(job)),
        ("ended by", ending(job)),
        ("message", job["message"]),
        ("position", job["position"]),
        ("owner", f"{who(job)} (group {job['group']})"),
        ("service", job["service"]),
        ("command", job["command_line"]),
        ("after", ", ".join(f"{one['id']} ({one['when']})" for one in job["after"])),
        ("begin", exact(job["begin"])),
        ("cron", job["cron"]),
        ("copy of", job["cron_of"]),
        ("again", f"job {job['redo_of']}" if job.get("redo_of") else None),
        ("code", _code(job.get("snapshot"))),
        ("workdir", job["workdir"]),
        ("image", job.get("image")),
        ("foreground", "yes: its output went to a terminal or a pipe" if job.get("foreground") else None),
        ("priority", job["priority"]),
        ("preemptible", "yes" if job["preemptible"] else None),
        ("idle ok", "yes" if job.get("idle_ok") else None),
        ("anywhere", "yes" if job.get("anywhere") else None),
        ("gpus", _request(job)),
        ("on cards", None if job.get("place") else ", ".join(map(str, job["gpu_indices"]))),
        ("cluster", in_cluster(job, now)),
        ("cores", job["cpu_cores"]),
        ("memory", memory(job["memory_mb"]) if job["memory_mb"] else None),
        ("time limit", duration(job["time_limit_s"])),
        ("submitted", exact(job["submitted_at"])),
        ("waited", duration(waited_s(job, now))),
        ("starts", exact(job["expected_start"])),
        ("started", exact(job["started_at"])),
        ("ran", None if ran is None else duration(ran)),
        ("paused", _paused(job, now)),
        ("ended", exact(job["ended_at"])),
        *measure_facts(job.get("measures"), job["gpu_memory_mb"], ran or 0.0),
        ("attempt", job["attempt"] or None),
        ("retries", job["retries"] or None),
        ("files", files_removed(job) or job["directory"]),
    ]


def staged_files(job: Row) -> list[str]:
    """`data.csv (12M)`: the files that were staged for it."""
    files = job.get("files") or []
    lines = [f"{clean(one['name'])} ({size(one['size'])})" for one in files[:MOST_FILES]]
    return lines + ([f"and {len(files) - MOST_FILES} more: --json has all"] if len(files) > MOST_FILES else [])


def _paused(job: Row, now: float) -> str | None:
    """For how long it stands still, or did."""
    since, before_s = job.get("paused_since"), job.get("paused_s", 0.0)
    if since is not None:
        return f"for {duration(now - since)}" + (f", and {duration(before_s)} before" if before_s else "")
    return duration(before_s) if before_s else None


def _array(job: Row) -> str | None:
    parent = job.get("array_parent")
    return None if parent is None else f"{parent}[{job['array_index']}] of {job['array']}"


def _code(snapshot: Row | None) -> str | None:
    """`0123456789ab on main, changed: --diff shows it, run in src, from https://…`."""
    if snapshot is None:
        return None
    told = snapshot["commit"][:12] if snapshot["commit"] else "no commit yet"
    told += f" on {snapshot['branch']}" if snapshot["branch"] else ""
    told += ", changed: --diff shows it" if snapshot["diff"] else ""
    told += f", run in {snapshot['subdir']}" if snapshot["subdir"] else ""
    return told + (f", from {snapshot['remote']}" if snapshot["remote"] else "")


def _request(job: Row) -> str:
    if not job["gpus"]:
        return "none"
    words = [str(job["gpus"])]
    if job["gpu_type"]:
        words.append(job["gpu_type"])
    if job["gpu_memory_mb"]:
        words.append(f"with {memory(job['gpu_memory_mb'])} each" + (", shared" if job["gpu_share"] else ""))
    if job.get("gpu_power_w"):
        words.append(f"held to {job['gpu_power_w']} W each")
    return " ".join(words)
