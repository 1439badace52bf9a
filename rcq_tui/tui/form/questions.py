"""What the submit form asks, in the order in which it asks. Must not know widgets, nor how answers are read."""

from dataclasses import dataclass

LINE, LINES, TICK, SECRET = "line", "lines", "tick", "secret"
"""Kinds of answers: one line of text, several, a box to tick, a line that nobody reads over a shoulder."""

CLUSTER = "anywhere"
"""The field that is asked for only where there is a cluster, or where a job has it already."""
TICKED = "yes"
"""The text of a box that is ticked; that of an empty one is empty."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Question:
    """One line of the form. field: of `JobFields`. start: what stands there at first. everyday: shown at once.

    fixed: cannot be changed once the job was submitted.
    """

    field: str
    label: str
    hint: str = ""
    start: str = ""
    kind: str = LINE
    everyday: bool = False
    fixed: bool = False


def _daily(field: str, label: str, hint: str = "", **what: str | bool) -> Question:
    return Question(field=field, label=label, hint=hint, everyday=True, **what)  # type: ignore[arg-type]


QUESTIONS: tuple[Question, ...] = (
    _daily("script", "Command", "^g file, ^e editor", kind=LINES),
    _daily("name", "Name", "empty: the command"),
    _daily("workdir", "Folder", "where it runs; ^g looks for one"),
    _daily("gpus", "GPUs", "how many cards, 0 for none", start="1"),
    _daily("gpu_type", "GPU type", "such as a6000; ^g lists them"),
    _daily("gpu_memory_mb", "GPU memory", "on each card, such as 20G"),
    _daily("gpu_share", "Share a card", "this memory of one card is enough", kind=TICK),
    _daily("cpu_cores", "CPU cores", "how many, 1 at least", start="1"),
    _daily("memory_mb", "Memory", "of the host, such as 16G"),
    _daily("time_limit_s", "Time limit", "such as 2h30m; short starts sooner"),
    _daily("priority", "Priority", "1 to 10, 10 is first", start="5"),
    _daily("preemptible", "Preemptible", "may be stopped and queued again", kind=TICK),
    _daily(CLUSTER, "Anywhere", "on Slurm if there is no room here", kind=TICK),
    Question(field="args", label="Arguments", hint="words appended to the command: $1, $2, …"),
    Question(field="after", label="After", hint="151, 152:any, 153:failed; ^g lists jobs"),
    Question(field="begin", label="Not before", hint="22:00, +2h, tomorrow 9:00; ^g"),
    Question(field="cron", label="Again at", hint="a cron line: 30 2 * * 1-5; ^g"),
    Question(field="array", label="Array", hint="0-99%4: 100 jobs, 4 at once; ^g", fixed=True),
    Question(field="retries", label="Retries", hint="further attempts after a failed one"),
    Question(field="environment", label="Environment", hint="NAME=VALUE …; a name alone: as here", kind=LINES),
    Question(field="image", label="Image", hint="container image or .sif file"),
    Question(field="service", label="Service", hint="kind of work with its own cap; ^g"),
    Question(field="group", label="Group", hint="who pays; empty: yours; ^g"),
    Question(field="tags", label="Tags", hint="KEY=VALUE …"),
    Question(field="gpu_power_w", label="Card's watts", hint="hold each of its cards to so many"),
    Question(field="idle_ok", label="Idle is fine", hint="may hold GPUs that it does not use", kind=TICK),
    Question(field="job_id", label="Your own key", hint="a repeat of it is refused", fixed=True),
)  # fmt: skip

BY_FIELD: dict[str, Question] = {one.field: one for one in QUESTIONS}


def blank(folder: str) -> dict[str, str]:
    """The texts of a form that nobody has touched. folder: where commands run unless told otherwise."""
    return {one.field: folder if one.field == "workdir" else one.start for one in QUESTIONS}
