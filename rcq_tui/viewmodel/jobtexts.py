"""What a job was given, as lines: its environment, its script or command, its code, its files.

Pure. Must not know what draws them.
"""

import shlex
from collections.abc import Mapping

from engine.protocol.responses import JobDetail
from rcq_tui.viewmodel.files import files_removed
from rcq_tui.viewmodel.formats import exact, size
from rcq_tui.viewmodel.text import clean, clean_lines

Line = list[tuple[str, str]]

_OWNERS_ALONE = "Only its owner sees this: a group's manager sees what a job asks for, not its secrets."


_NO_CODE = "No code was captured for it. rcq submit --snapshot does, so that it can be run again."


def heading(text: str) -> Line:
    """Over a part."""
    return [(text, "title")]


def withheld(job: JobDetail, *fields: str) -> bool:
    """Whether any of these fields is kept from whoever asks."""
    return any(field in job.withheld for field in fields)


def environment_lines(job: JobDetail) -> list[Line]:
    """`NAME=value`, by name; what a job is given besides is said."""
    if withheld(job, "environment"):
        return [[(_OWNERS_ALONE, "quiet")]]
    lines = _pairs(job.environment)
    if not lines:
        lines = [[("It was submitted without an environment of its own.", "quiet")]]
    if job.tags:
        lines += [[], heading("Tags"), *_pairs(job.tags)]
    summary = {} if job.snapshot is None else job.snapshot.environment
    if summary:
        lines += [[], heading("Where it was submitted"), *_pairs(summary)]
    added = "Besides, it gets RCQ_JOB_ID and its like, CUDA_VISIBLE_DEVICES and OMP_NUM_THREADS: see the manual."
    return [*lines, [], [(added, "quiet")]]


def _pairs(pairs: Mapping[str, str]) -> list[Line]:
    return [[(clean(name), "info"), ("=", "quiet"), (clean(value), "text")] for name, value in sorted(pairs.items())]


def command_lines(job: JobDetail) -> list[Line]:
    """The script with the numbers of its lines, else the command and its arguments."""
    if withheld(job, "script") and not job.command:
        return [[(_OWNERS_ALONE, "quiet")]]
    if job.script is not None:
        return [*_numbered(job.script), *_arguments(job)]
    if job.command:
        whole = clean(shlex.join(job.command))
        return [heading("Command"), [(whole, "text")], [], *_words(job.command), *_arguments(job)]
    if job.adopted_pid is not None:
        ran = clean(job.command_line) or "nobody knows what ran"
        return [[(f"It was process {job.adopted_pid} before it became a job: {ran}", "text")]]
    return [[(clean(job.command_line) or "Nothing is known of it.", "text")]]


def _numbered(script: str) -> list[Line]:
    lines = clean_lines(script)
    wide = len(str(len(lines)))
    return [[(f"{at:>{wide}}  ", "quiet"), (line, _script_role(line, at))] for at, line in enumerate(lines, 1)]


def _script_role(line: str, at: int) -> str:
    """Lines that mean something to the engine or to others stand out from comments."""
    if line.startswith(("#RCQ", "#SBATCH")) or (at == 1 and line.startswith("#!")):
        return "info"
    return "quiet" if line.lstrip().startswith("#") else "text"


def _words(command: list[str]) -> list[Line]:
    return [[(f"{at:>3}  ", "quiet"), (clean(word), "text")] for at, word in enumerate(command)]


def _arguments(job: JobDetail) -> list[Line]:
    return [[], heading("Arguments"), *_words(job.args)] if job.args else []


def copied_command(job: JobDetail, begin: int, end: int) -> tuple[str, str] | None:
    """Lines `begin` to `end` of its page as they were submitted, and what to call them; `None` where there are none."""
    if job.script is not None:
        lines = job.script.splitlines()
        some = lines[begin:end]
        what = "the script" if len(some) >= len(lines) else f"{len(some)} lines of the script"
        return ("\n".join(some), what) if some else None
    words = [*(job.command or []), *job.args]
    return (shlex.join(words), "the command") if words else None


# ---------------------------------------------------------------- code


def code_lines(job: JobDetail, diff: str | None) -> list[Line]:
    """What was captured, and what it had that its commit has not; diff: `None` while it is not there yet."""
    code = job.snapshot
    if code is None:
        return [[(_OWNERS_ALONE if withheld(job, "snapshot") else _NO_CODE, "quiet")]]
    facts = [
        ("commit", clean(code.commit) or "none yet"),
        ("branch", clean(code.branch)),
        ("from", clean(code.remote)),
        ("run in", clean(code.subdir)),
        ("state", "changed since that commit" if code.dirty else "as that commit"),
    ]
    lines: list[Line] = [[(f"{label:<8}", "quiet"), (value, "text")] for label, value in facts if value]
    if code.diff is None:
        return lines
    if diff is None:
        return [*lines, [], [("The difference is being fetched.", "quiet")]]
    return [*lines, [], *map(_diff_line, clean_lines(diff))]


def _diff_line(line: str) -> Line:
    """Its own first letter is the sign; the colour only repeats it."""
    if line.startswith(("diff ", "index ", "--- ", "+++ ", "new file", "deleted file", "similarity", "rename ")):
        return [(line, "title" if line.startswith("diff ") else "quiet")]
    roles = {"+": "ok", "-": "bad", "@": "info"}
    return [(line, roles.get(line[:1], "text"))]


# ---------------------------------------------------------------- files


def file_lines(job: JobDetail, *, at_home: bool) -> list[Line]:
    """Its directory, the files that were staged for it, and how to get what it left."""
    gone = files_removed({"files_removed_at": job.files_removed_at, "files_removed_why": job.files_removed_why})
    lines: list[Line] = [heading("Directory"), [(clean(job.directory) or "-", "text")]]
    if gone:
        lines += [[(f"Its files {gone}.", "warn")]]
    lines += [[], heading("Staged for it")]
    if withheld(job, "files"):
        lines.append([(_OWNERS_ALONE, "quiet")])
    elif not job.files:
        lines.append([("None. rcq submit --file sends some along.", "quiet")])
    for one in job.files:
        runs = "  may be run" if one.executable else ""
        lines.append([(f"{size(one.size):>6}  ", "quiet"), (clean(one.name), "text"), (runs, "info")])
    return [*lines, [], heading("Results"), *_results(job, gone, at_home)]


def _results(job: JobDetail, gone: str, at_home: bool) -> list[Line]:
    if gone:
        return [[("They are gone with its files.", "quiet")]]
    if withheld(job, "directory", "files"):
        return [[(_OWNERS_ALONE, "quiet")]]
    if not at_home:
        return [[(f"Fetch them in a shell of yours: rcq results {job.id}", "quiet")]]
    said = "F fetches what it left" + (" so far, as a ZIP." if job.ended_at is None else ", as a ZIP.")
    ended = [] if job.ended_at is None else [[(f"It ended {exact(job.ended_at)}.", "quiet")]]
    return [[(said, "text")], *ended]
