"""The submit form without its looks: what is asked, and texts to a job's fields.

Pure. Must not know widgets or the engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.protocol.fields import JobFields
from rcq_tui.cli.units import mebibytes, seconds


@dataclass(slots=True, frozen=True, kw_only=True)
class Question:
    """One line of the form. field: of `JobFields`. start: what stands there at first. yes_no: a box to tick."""

    field: str
    label: str
    hint: str = ""
    start: str = ""
    yes_no: bool = False


QUESTIONS: tuple[Question, ...] = (
    Question(field="script", label="Command", hint="run by bash: pipes and $VARIABLES work"),
    Question(field="name", label="Name", hint="shown in the queue; empty: the command"),
    Question(field="workdir", label="Folder", hint="where the command runs"),
    Question(field="gpus", label="GPUs", hint="how many cards, 0 for none", start="1"),
    Question(field="gpu_type", label="GPU type", hint="words of the model name, such as a6000; empty: any"),
    Question(field="gpu_memory_mb", label="GPU memory", hint="needed on each card, such as 20G; empty: any card"),
    Question(field="gpu_share", label="Share a card", hint="this memory of one card is enough", yes_no=True),
    Question(field="cpu_cores", label="CPU cores", start="1"),
    Question(field="memory_mb", label="Memory", hint="of the host, such as 16G; empty: none set aside"),
    Question(field="time_limit_s", label="Time limit", hint="such as 2h30m; a short one starts sooner"),
    Question(field="priority", label="Priority", hint="1 to 10, 10 is first", start="5"),
    Question(field="preemptible", label="Preemptible", hint="may be stopped and queued again", yes_no=True),
)

_NUMBERS = {"gpus", "cpu_cores", "priority"}
_SIZES = {"gpu_memory_mb", "memory_mb"}


def read_form(texts: Mapping[str, str], ticks: Mapping[str, bool]) -> tuple[JobFields, dict[str, str]]:
    """The job that the form asks for, and what is wrong with which field; the job counts only if nothing is."""
    job, wrong = JobFields(), {}
    for field, text in texts.items():
        stripped = text.strip()
        if not stripped:
            continue
        try:
            setattr(job, field, _value(field, stripped))
        except ValueError as error:
            wrong[field] = str(error)
    if not job.script:
        wrong["script"] = "say what to run"
    job.gpu_share, job.preemptible = ticks.get("gpu_share", False), ticks.get("preemptible", False)
    return job, wrong


def _value(field: str, text: str) -> str | int:
    if field in _NUMBERS:
        return _whole(text)
    if field in _SIZES:
        return mebibytes(text)
    return seconds(text) if field == "time_limit_s" else text


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is no whole number")
    return int(text)
