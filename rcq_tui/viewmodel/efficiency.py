"""What a job used of what it asked for, as gauges with words. Pure. Must not know what draws them."""

from collections.abc import Callable

from engine.protocol.responses import JobDetail
from rcq_tui.viewmodel.bars import gauge
from rcq_tui.viewmodel.formats import duration, memory, percent
from rcq_tui.viewmodel.measures import HINT_AFTER_S, energy
from rcq_tui.viewmodel.states import FINISHED
from rcq_tui.viewmodel.text import pad

Line = list[tuple[str, str]]
_Draw = Callable[[str, float | None, str, str], Line]
"""A gauge: label, part, words, role."""

_LABEL = 12
_LOW, _HIGH = 0.3, 0.95
"""Shares of cards' time: below one they were mostly idle, above the other of the memory it was tight."""


def efficiency_lines(job: JobDetail, now: float, cells: int, *, ascii_only: bool = False) -> list[Line]:
    """Of the attempt that runs, or of the last one; nothing before it started."""
    if job.started_at is None:
        return []
    ran_s = max(0.0, (job.ended_at or now) - job.started_at - _still_s(job, now))
    bar = max(8, min(24, cells // 4))

    def line(label: str, part: float | None, said: str, role: str) -> Line:
        drawn = gauge(part, bar, ascii_only=ascii_only)
        return [(pad(label, _LABEL), "quiet"), (drawn, f"{role}.bar"), (f"  {said}", "text")]

    lines = _measured(job, ran_s, line)
    part = ran_s / job.time_limit_s if job.time_limit_s else None
    said = f"{duration(ran_s)} of its limit of {duration(job.time_limit_s)}"
    if job.state in FINISHED and job.state == "completed" and part is not None and part < _LOW:
        said += ": with a shorter limit such jobs start sooner"
    return [*lines, line("time", part, said, "busy")]


def _still_s(job: JobDetail, now: float) -> float:
    return job.paused_s + (0.0 if job.paused_since is None else (job.ended_at or now) - job.paused_since)


def _measured(job: JobDetail, ran_s: float, line: _Draw) -> list[Line]:
    told = job.measures
    if told is None:
        return []
    lines: list[Line] = []
    judged = ran_s >= HINT_AFTER_S
    if told.gpu_utilization is not None:
        low = judged and told.gpu_utilization < _LOW
        said = f"{percent(told.gpu_utilization)} busy" + (": its cards mostly wait for it" if low else "")
        lines.append(line("GPU use", told.gpu_utilization, said, "warn" if low else "ok"))
    if told.gpus:
        idle = judged and told.gpus_used < told.gpus
        said = f"{told.gpus} asked, {told.gpus_used} used"
        lines.append(line("GPUs", told.gpus_used / told.gpus, said, "warn" if idle else "ok"))
    if told.peak_gpu_memory_mb is not None:
        lines.append(_memory(job, told.peak_gpu_memory_mb, line))
    lines.append([(pad("energy", _LABEL), "quiet"), (energy(told.energy_kwh), "text")])
    return lines


def _memory(job: JobDetail, peak: int, line: _Draw) -> Line:
    said = f"{memory(peak)} at most on one card"
    if not job.gpu_memory_mb:
        return [(pad("GPU memory", _LABEL), "quiet"), (said, "text")]
    part = peak / job.gpu_memory_mb
    role = "warn" if part > _HIGH else "ok"
    return line("GPU memory", part, f"{said}, {memory(job.gpu_memory_mb)} asked", role)
