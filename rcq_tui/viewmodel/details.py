"""A job and its reasons as facts and sentences for the job screen, and as words for questions about it.

Pure: `now` is an argument. Must not know what draws them.
"""

from collections.abc import Sequence
from dataclasses import asdict

from engine.protocol.responses import JobDetail, JobRow, Why
from rcq_tui.viewmodel import notices
from rcq_tui.viewmodel.arrays import title
from rcq_tui.viewmodel.files import files_removed
from rcq_tui.viewmodel.formats import counted, duration, exact, memory, moment
from rcq_tui.viewmodel.helps import claim_sentence, helps_of, holder_sentence, paused_sentence, start_sentence
from rcq_tui.viewmodel.measures import measure_facts
from rcq_tui.viewmodel.queue import ending, gpus, spent
from rcq_tui.viewmodel.scores import patience_sentence, run_sentence, score_words
from rcq_tui.viewmodel.slurmwords import in_cluster
from rcq_tui.viewmodel.states import FINISHED, WAITING, colour, shown, symbol
from rcq_tui.viewmodel.text import clean, pad
from rcq_tui.viewmodel.words import sentence

Fact = tuple[str, str]
"""A label and its value."""

Piece = tuple[str, str]
Line = list[Piece]


def headline(job: JobRow, now: float, *, ascii_only: bool = False) -> Line:
    """Symbol, id, name and how it goes."""
    state = shown(job.state, job.paused_since)
    sign = symbol(state, ascii_only=ascii_only)
    return [
        (f"{sign} job {job.id}", colour(state)),
        (f"  {clean(title(job.name, None, job.array_index))}" if job.name else "", "title"),
        (f"  {standing(job, now)}", colour(state)),
    ]


def brief(job: JobDetail, now: float) -> Line:
    """What is told of it, who, what it takes, and until when, in a line."""
    owner = f"{clean(job.account)} ({clean(job.group)})" if job.account else f"({clean(job.group)})"
    told = [owner, "no GPU" if job.gpus == 0 else f"GPUs {gpus(job)}", counted(job.cpu_cores, "core")]
    if job.memory_mb:
        told.append(memory(job.memory_mb))
    told.append(f"limit {duration(job.time_limit_s)}")
    if job.started_at is not None and job.ended_at is None:
        told.append(f"ends by {_limit(job, now)}")
    if job.attempt > 1:
        told.append(f"attempt {job.attempt}")
    if job.tags:
        told.append(", ".join(f"{clean(name)}={clean(value)}" for name, value in sorted(job.tags.items())))
    told_of = [(f"! {notices.summary(job.notices)}  ", "warn")] if job.notices else []
    return [*told_of, ("  ".join(told), "quiet")]


def standing(job: JobRow, now: float) -> str:
    """The state in words, with its time: `running for 3m12s`, `failed after 12s: exit 1`."""
    took = duration(spent(job, now))
    if job.state in FINISHED:
        how = ending(job)
        said = f": {how}" if how and how != job.state else ""
        return f"{job.state} after {took}{said}" if job.started_at is not None else f"{job.state} before it started"
    if job.state == "running" and job.paused_since is not None:
        return f"paused for {duration(now - job.paused_since)}, started {took} ago"
    verb = "for" if job.started_at is not None else "since"
    return f"{clean(job.state)} for {took}" if verb == "for" else f"{clean(job.state)}, waits for {took}"


def facts(job: JobDetail, now: float) -> list[Fact]:
    """What was asked for and what came of it, shortest first; the command and the folders are `places`."""
    owner = f"{clean(job.account)} ({clean(job.group)})" if job.account else f"({clean(job.group)})"
    cards = "none" if job.gpus == 0 else gpus(job)
    if job.gpu_memory_mb:
        cards += f", {memory(job.gpu_memory_mb)} each"
    if job.gpu_power_w:
        cards += f", held to {job.gpu_power_w} W"
    return [
        ("owner", owner),
        ("GPUs", cards),
        ("cores", str(job.cpu_cores)),
        ("memory", memory(job.memory_mb) if job.memory_mb else "-"),
        ("time limit", duration(job.time_limit_s)),
        ("priority", f"{job.priority}{', preemptible' if job.preemptible else ''}"),
        ("submitted", exact(job.submitted_at)),
        ("started", exact(job.started_at)),
        ("ended", exact(job.ended_at)) if job.ended_at else ("ends by", _limit(job, now)),
        ("service", clean(job.service) or "-"),
        ("attempt", str(job.attempt)),
        ("own key", clean(job.job_id) or "-"),
    ]


def _limit(job: JobRow, now: float) -> str:
    if job.started_at is None:
        return "-"
    still_s = job.paused_s + (0.0 if job.paused_since is None else now - job.paused_since)
    return moment(job.started_at + job.time_limit_s + still_s, now)


def places(job: JobDetail, now: float) -> list[Fact]:
    """What its end told, its array, the command, where it runs, where its files are, and its tags."""
    command = clean(job.command_line) or ("a script" if job.script else "-")
    tags = ", ".join(f"{clean(name)}={clean(value)}" for name, value in sorted(job.tags.items()))
    pairs = [
        ("message", clean(job.message)),
        ("array", "" if job.array is None else f"{job.array_parent}[{job.array_index}] of {clean(job.array)}"),
        ("command", command),
        ("cluster", in_cluster(asdict(job), now)),
        ("folder", clean(job.workdir)),
        ("files", files_removed(asdict(job)) or clean(job.directory)),
        ("tags", tags),
    ]
    return [(label, value) for label, value in pairs if value]


def fact_lines(pairs: Sequence[Fact], cells: int) -> list[Line]:
    """Facts in as many columns as fit, read downwards."""
    across = max(1, min(4, cells // 34))
    down = -(-len(pairs) // across)
    each = cells // across
    rows: list[Line] = []
    for at in range(down):
        rows.append([])
        for label, value in pairs[at::down]:
            rows[-1] += [(pad(label, 11), "quiet"), (pad(value, each - 12) + " ", "text")]
    return rows


def measured(job: JobDetail, now: float) -> list[Fact]:
    """What was measured of it; nothing where nothing was."""
    told = None if job.measures is None else asdict(job.measures)
    ran_s = 0.0 if job.started_at is None else (job.ended_at or now) - job.started_at
    return measure_facts(told, job.gpu_memory_mb, ran_s)


def notice_lines(job: JobRow) -> list[Line]:
    """What its owner is told of it while it runs, one line each."""
    return [[("! ", "warn"), (notices.sentence(one), "warn")] for one in job.notices]


def place_lines(pairs: Sequence[Fact], cells: int) -> list[Line]:
    """Facts on a line each."""
    wide = max([11, *(len(label) + 1 for label, _ in pairs)])
    return [[(pad(label, wide), "quiet"), (pad(value, max(0, cells - wide)), "text")] for label, value in pairs]


def why_lines(why: Why, now: float) -> list[Line]:
    """Where the job stands, when it starts, every reason, what would help and who holds what; one line each."""
    lines: list[Line] = []
    if why.position is not None:
        lines.append(
            [
                (f"Position {why.position}" + (f" of {why.pending}" if why.pending else ""), "text"),
                (_order(why), "quiet"),
            ]
        )
    if why.paused_since is not None:
        lines.append([(paused_sentence(why.paused_since, now), "warn")])
    if why.message and why.state in WAITING:
        lines.append([(f"{clean(why.message)}.", "quiet")])
    told = asdict(why)
    lines += [[(line, "ok")] for line in (claim_sentence(told), start_sentence(told, now)) if line]
    lines += [[("• ", "quiet"), (sentence(reason, now), "text")] for reason in why.reasons]
    lines += [[("+ ", "ok"), (line, "text")] for line in helps_of(told, now)]
    lines += [[(line, "quiet")] for line in (run_sentence(told), patience_sentence(told)) if line]
    lines += [[("  ", "quiet"), (holder_sentence(one, now), "quiet")] for one in told["holders"]]
    if why.state == "pending" and not why.reasons:
        lines.append([("It waits for the next pass to look at it.", "text")])
    if why.state == "held":
        lines.append([("On hold: it does not start until it is released (H).", "text")])
    return lines


def _order(why: Why) -> str:
    if why.score is None:
        return ""
    return f"   score {score_words(asdict(why))}"


def cancel_question(job: JobRow, now: float) -> list[Fact]:
    """What is about to be cancelled."""
    owner = f"{clean(job.account)} ({clean(job.group)})" if job.account else f"({clean(job.group)})"
    return [
        ("job", str(job.id)),
        ("name", clean(title(job.name, job.command_line, job.array_index)) or "-"),
        ("owner", owner),
        ("state", standing(job, now)),
        ("GPUs", gpus(job)),
    ]


def redo_question(job: JobRow) -> list[Fact]:
    """What is to be submitted once more."""
    return [
        ("job", str(job.id)),
        ("name", clean(title(job.name, job.command_line, job.array_index)) or "-"),
        ("GPUs", gpus(job)),
        ("time limit", duration(job.time_limit_s)),
    ]
