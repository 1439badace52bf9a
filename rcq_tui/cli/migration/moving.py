"""Jobs that wait in task-spooler become rcq's: submitted, and if so wished taken out of tsp once they are safe here.

A job that is to be taken is submitted with a time to begin, so that it cannot start twice; that is lifted when it has
left tsp. Must not know how tsp is asked.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.protocol.errors import Refused
from rcq_tui.cli.migration.spooler import Queued, Spooler
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.states import WAITING

KEPT = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV")
"""Variables that decide which programs a command finds: a job keeps those that it had in tsp."""
_OF_A_WINDOW = re.compile(
    r"(RCQ|SLURM|TS|SSH|XDG|TMUX|STY|VTE|KITTY|WEZTERM|ALACRITTY|KONSOLE|ITERM|GNOME|DBUS|LC)(_.*)?|_|PWD|OLDPWD|SHLVL|"
    r"TERM.*|COLORTERM|COLUMNS|LINES|DISPLAY|WAYLAND_DISPLAY|WINDOWID|LS_COLORS|MAIL|PS1|CUDA_VISIBLE_DEVICES"
)
"""Variables that tell of the window in which somebody typed, or that a job gets from its lease."""
MARGIN_S = 3600.0
"""So much later a job begins that is still in tsp: if all breaks in between, somebody has time to see it."""

Job = dict[str, Any]


@dataclass(slots=True, frozen=True, kw_only=True)
class Prepared:
    """What is to be submitted for a job of tsp. needs: the tsp id of one that is to end well first, if it waits too."""

    queued: Queued
    job: Job
    needs: int | None


@dataclass(slots=True, kw_only=True)
class Outcome:
    """moved: id in rcq by id in tsp. known: those of them that had been brought before. left: tsp id → why not."""

    moved: dict[int, int] = field(default_factory=dict)
    known: set[int] = field(default_factory=set)
    left: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def prepared(spooler: Spooler, request: Mapping[str, Any], keep: Sequence[str], outcome: Outcome) -> Iterator[Prepared]:
    """What can be submitted, in tsp's order. request: fields that all jobs get. keep: more variables than KEPT."""
    waiting = spooler.queued()
    ids = {one.id for one in waiting}
    for one in waiting:
        try:
            needs = _needs(spooler, one, ids - outcome.left.keys())
            job = _job(one, request, (*KEPT, *keep), spooler.key)
        except ValueError as error:
            outcome.left[one.id] = str(error)
            continue
        if one.slots > 1:
            told = f"tsp {one.id} had {one.slots} slots, which mean nothing here; say --gpus or --cores for all"
            outcome.notes.append(told)
        yield Prepared(queued=one, job=job, needs=needs)


def unkept(jobs: Iterable[Prepared], environ: Mapping[str, str]) -> str | None:
    """What to say of variables that were set for some jobs and do not come along. environ: what is set anyhow."""
    found: Counter[str] = Counter()
    for one in jobs:
        if one.queued.client is not None:
            theirs = one.queued.client.environment
            found.update(
                name for name in theirs.keys() - one.job["environment"].keys() if theirs[name] != environ.get(name)
            )
    named = [f"{name} (of {count})" for name, count in sorted(found.items()) if not _OF_A_WINDOW.fullmatch(name)]
    if not named:
        return None
    return f"variables that jobs had in tsp and that do not come along: {', '.join(named)}; --keep NAME keeps one"


def move(wire: Wire, all_of_them: Sequence[Prepared], outcome: Outcome, begin: float | None) -> None:
    """Submit them. begin: not before, of those that are to be taken out of tsp. Raises Unreachable."""
    for one in all_of_them:
        number = one.queued.id
        if one.needs is not None and one.needs not in outcome.moved:
            outcome.left[number] = f"it waits for tsp {one.needs}, which was not brought here"
            continue
        after = [] if one.needs is None else [{"id": outcome.moved[one.needs], "when": "ok"}]
        body = one.job | ({"after": after} if after else {}) | ({} if begin is None else {"begin": begin})
        try:
            outcome.moved[number] = wire.request("POST", "/v1/jobs", body=body)["id"]
        except Refused as error:
            before = error.details[0].get("id") if error.code == "DUPLICATE_JOB" and error.details else None
            if before is None:
                outcome.left[number] = str(error)
            else:
                outcome.moved[number] = before
                outcome.known.add(number)


def take(wire: Wire, remove: Callable[[int], bool], all_of_them: Sequence[Prepared], outcome: Outcome) -> None:
    """Take those that are here out of tsp, the last first, and let them begin. Raises Refused, Unreachable."""
    ours = [one for one in all_of_them if one.queued.id in outcome.moved]
    gone = {one.queued.id: remove(one.queued.id) for one in reversed(ours)}
    for one in ours:
        try:
            _let_go(wire, one, ours, gone, outcome)
        except Refused as error:  # ended or edited meanwhile; the others are to begin all the same
            outcome.notes.append(f"job {outcome.moved.get(one.queued.id, one.queued.id)}: {error}")


def _let_go(wire: Wire, one: Prepared, ours: Sequence[Prepared], gone: Mapping[int, bool], outcome: Outcome) -> None:
    number = one.queued.id
    here = outcome.moved[number]
    if not gone[number]:
        _give_back(wire, number, ours, outcome)
    elif one.needs is not None and not gone.get(one.needs, True):
        told = f"job {here} is held: release it once tsp {one.needs} has ended well (rcq release {here})"
        outcome.notes.append(told)
    elif number not in outcome.known or _waits_for_us(wire, here):
        wire.request("PATCH", f"/v1/jobs/{here}", body={"begin": None})


def _waits_for_us(wire: Wire, here: int) -> bool:
    """Whether a job brought by an earlier run, which was broken off, still has the time to begin that it gave it."""
    job = wire.request("GET", f"/v1/jobs/{here}")
    begin, late = job["begin"], job["submitted_at"] + MARGIN_S
    return job["state"] in WAITING and begin is not None and begin <= late


def _give_back(wire: Wire, number: int, ours: Sequence[Prepared], outcome: Outcome) -> None:
    """It began in tsp meanwhile, and runs there. Whoever was to wait for it here is held in its place."""
    for one in ours:
        if one.needs == number:
            held = outcome.moved[one.queued.id]
            wire.request("POST", f"/v1/jobs/{held}/hold")
            wire.request("PATCH", f"/v1/jobs/{held}", body={"after": None, "begin": None})
    outcome.left[number] = "it has begun in tsp and runs there"
    wire.request("DELETE", f"/v1/jobs/{outcome.moved.pop(number)}")


def _needs(spooler: Spooler, one: Queued, waiting: set[int]) -> int | None:
    """The waiting job that has to end well first. Raises ValueError if that cannot be said here."""
    if one.after is None:
        return None
    if one.after in waiting:
        return one.after
    state = spooler.state(one.after)
    if state == "finished 0":
        return None
    said = "is there no more" if state is None else f"is {state}"
    raise ValueError(
        f"it is to run if tsp {one.after} ends well, and that {said}; bring it later, or submit it by hand"
    )


def _job(one: Queued, request: Mapping[str, Any], keep: Sequence[str], key: str) -> Job:
    client = one.client
    if client is None:
        raise ValueError("its process was not found, or cannot be told from others; submit it by hand")
    if client.directory.endswith(" (deleted)"):
        raise ValueError(f"its directory is gone: {client.directory}")
    environment = {name: client.environment[name] for name in keep if name in client.environment}
    job: Job = {
        "command": client.command,
        "workdir": client.directory,
        **({"name": client.label} if client.label else {}),
        **request,
        "environment": environment | dict(request.get("environment", {})),
        "job_id": f"{key}-{one.id}",
    }
    try:
        for text in (*client.command, client.directory, *environment.values(), client.label or ""):
            text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("its command, directory or a variable is not UTF-8; submit a script that runs it") from error
    return job
