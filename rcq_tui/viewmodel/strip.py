"""The box in one line, the engine in a few words, and what the queue shows and leaves out.

Pure: `now` is an argument. Must not know what draws the lines.
"""

from dataclasses import asdict

from engine.protocol.people import Me
from engine.protocol.responses import Stats
from rcq_tui.viewmodel.formats import duration, memory
from rcq_tui.viewmodel.hoststrip import disk_alarm
from rcq_tui.viewmodel.pieces import Line, Piece
from rcq_tui.viewmodel.slurmwords import backend_sentence
from rcq_tui.viewmodel.states import colour, symbol
from rcq_tui.viewmodel.text import clean, width

_WIDE = 100


def account_words(me: Me | None) -> Line:
    """Who is logged in."""
    if me is None:
        return [("not logged in", "quiet")]
    role = f" · {clean(me.role)}" if me.role != "user" else ""
    return [(clean(me.account), "title"), (f" · {clean(me.group)}{role}", "quiet")]


def box_words(stats: Stats, cells: int, *, ascii_only: bool = False) -> Line:
    """The box in one line: cards, cores, memory, and how many jobs are in which state."""
    busy = f"{stats.gpus_busy}/{stats.gpus_total}"
    line: Line = [("GPUs ", "quiet"), (busy, "text")]
    if stats.gpus_hot:
        line.append((f" {symbol('hot', ascii_only=ascii_only)} {stats.gpus_hot} hot", "bad"))
    if away := away_words(stats):
        said = away if cells >= _WIDE else away.partition(": ")[0]
        line.append((f"   {symbol('hot', ascii_only=ascii_only)} {said}", "bad"))
    if alarm := disk_alarm(stats):
        line.append((f"   {symbol('hot', ascii_only=ascii_only)} {alarm}", "bad"))
    if cells >= _WIDE:
        line += [("   cores ", "quiet"), (f"{stats.cpu_cores_busy}/{stats.cpu_cores_total}", "text")]
        line += [("   memory ", "quiet"), (f"{memory(stats.memory_mb_busy)}/{memory(stats.memory_mb_total)}", "text")]
        if power := power_words(stats):
            line += [("   power ", "quiet"), (power, "text")]
    for state in ("running", "pending", "scheduled", "held", "completed", "failed", "cancelled"):
        number = stats.jobs.get(state, 0)
        if number or state in {"running", "pending"}:
            sign = symbol(state, ascii_only=ascii_only)
            line.append((f"   {sign} {number:,} {state}", colour(state) if number else "quiet"))
    return _within(line, cells)


def away_words(stats: Stats) -> str:
    """`Slurm away since 14:02: nothing is lost, jobs wait`; empty while all who run jobs can be asked."""
    told = (backend_sentence(asdict(one) | {"detail": None}, stats.now) for one in stats.backends)
    return next(filter(None, told), "")


def power_words(stats: Stats) -> str:
    """What the cards draw, and of how much they may, in watts; empty where neither is known."""
    drawn = "?" if stats.power_w is None else f"{stats.power_w:.0f}"
    if stats.power_budget_w is not None:
        return f"{drawn}/{stats.power_budget_w:.0f} W"
    return f"{drawn} W" if stats.power_w is not None else ""


def _within(line: Line, cells: int) -> Line:
    """The pieces from the left that fit whole."""
    kept: Line = []
    for text, role in line:
        cells -= width(text)
        if cells < 0:
            break
        kept.append((text, role))
    return kept


def engine_words(stats: Stats, now: float, stalled_s: float = 60.0) -> Piece:
    """The engine: version, order and the age of its last pass; alarming when there was none for too long."""
    if stats.last_pass_at is None:
        return f"engine {clean(stats.version)} · no pass yet", "warn"
    age = max(0.0, now - stats.last_pass_at)
    if age > stalled_s:
        return f"engine stalled: last pass {duration(age)} ago. Run: rcq doctor", "bad"
    if away := away_words(stats):
        return away, "bad"
    return f"engine {clean(stats.version)} · {clean(stats.policy)} · pass {duration(age)} ago", "quiet"
