"""A job in the foreground, from its submission to its exit code: waits with the person, then steps out of the way.

Must not know which verb asked for it, nor how bytes pass.
"""

import signal
import socket
import time
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple

from engine.protocol.errors import EXIT_FAILED, RcqError, Unreachable
from engine.protocol.stage import Frames
from rcq_tui.cli.aloud import Line, complain, tell
from rcq_tui.cli.call import engine
from rcq_tui.cli.failures import Failed
from rcq_tui.cli.files import TIMEOUT_S, opened, staged
from rcq_tui.cli.meeting import Meeting, meeting
from rcq_tui.cli.relay import End, hold_open, relayed
from rcq_tui.cli.rows import Row, ending
from rcq_tui.cli.signals import Told, heeded, undisturbed
from rcq_tui.cli.targets import awaited
from rcq_tui.cli.wait import ended, exit_code, may_come_back
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel import words
from rcq_tui.viewmodel.formats import moment
from rcq_tui.viewmodel.states import FINISHED, WAITING
from rcq_tui.viewmodel.text import clean

FIRST_S, MOST_S = 0.02, 1.0
SAY_AFTER_S = 1.0
"""A start that comes within that time is not waited for aloud."""


class Wanted(NamedTuple):
    """What is to run. job: its fields but for `foreground`; files: paths by the names they get in its folder.

    asked: variables for the command alone. aloud: say which cards it got.
    """

    job: dict[str, Any]
    files: dict[str, str]
    asked: dict[str, str]
    aloud: bool


def in_foreground(wanted: Wanted) -> int:
    """Submit, wait, run, and return as the command did."""
    hold_open()
    with meeting() as place, heeded():
        try:
            wire, number = _submitted(wanted, place)
        except Told as told:
            return 128 + told.number
        try:
            return _accompanied(wire, number, place, wanted)
        except Told as told:
            return _given_up(wire, number, told.number)
        except OSError as problem:
            _give_up(wire, number)
            raise Failed(f"this command cannot go on: {problem.strerror or problem}") from problem


def _accompanied(wire: Wire, number: int, place: Meeting, wanted: Wanted) -> int:
    """From its place in the queue to its end. Raises Told, RcqError, OSError."""
    link = _awaited(wire, number, place)
    place.close()
    if link is None:
        return _unmet(wire, number)
    if wanted.aloud:
        _say_cards(wire, number)
    connection, frames = link
    end = relayed(connection, frames, wanted.asked, cancel=lambda: _cancel(wire, number))
    if end.left is not None:
        if not end.is_cancelled:
            _given_up(wire, number, end.left)
        connection.close()  # not before, or else the command's end by that would be the job's
        return 128 + end.left
    return _told_end(wire, number, end)


def _submitted(wanted: Wanted, place: Meeting) -> tuple[Wire, int]:
    with ExitStack() as stack:
        sources = stack.enter_context(opened(wanted.files))
        wire = engine(TIMEOUT_S) if sources else engine()
        body = {**wanted.job, "foreground": str(place.path)}
        if "after" in body:
            body["after"] = awaited(wire, body["after"])
        if given := stack.enter_context(staged(wire, sources)):
            body["files"] = given
        return wire, int(wire.request("POST", "/v1/jobs", body=body)["id"])


# ---------------------------------------------------------------- until it starts


def _awaited(wire: Wire, number: int, place: Meeting) -> tuple[socket.socket, Frames] | None:
    """Its connection; `None` where it has ended without one. Raises Told, RcqError."""
    line, pause_s, heard = Line(), FIRST_S, time.monotonic()
    begun = heard
    try:
        while True:
            if (link := place.met(number, pause_s)) is not None:
                return link
            pause_s = min(MOST_S, 1.3 * pause_s)
            try:
                job = wire.request("GET", f"/v1/jobs/{number}")
            except RcqError as error:
                if not may_come_back(error, heard):
                    raise
                continue
            heard = time.monotonic()
            if job["state"] in FINISHED:
                return place.met(number, 0)  # it may have said hello and ended in one breath
            if job["state"] in WAITING and heard - begun > SAY_AFTER_S:
                line.say(_waiting(job, time.time()))
    finally:
        line.wipe()


def _waiting(job: Row, now: float) -> str:
    """`job 42 waits: position 3, starts about 14:05; ^C gives up`."""
    if job["state"] == "held":
        return f"job {job['id']} is held: rcq release {job['id']} lets it go on; ^C gives up"
    known = [] if job["position"] is None else [f"position {job['position']}"]
    if job["expected_start"] is not None:
        known.append(f"starts about {moment(job['expected_start'], now)}")
    elif summary := words.summary(job["reasons"]):
        known.append(clean(summary))
    return f"job {job['id']} waits{': ' if known else ''}{', '.join(known)}; ^C gives up"


def _say_cards(wire: Wire, number: int) -> None:
    """`job 42: GPU 0 (GPU-…), until 16:05`."""
    with suppress(RcqError):  # it is said for the person's sake alone
        job = wire.request("GET", f"/v1/jobs/{number}")
        cards = ", ".join(map(str, job["gpu_indices"]))
        uuids = ", ".join(map(clean, job["gpu_uuids"]))
        got = f"GPU {cards} ({uuids})" if cards else "no GPU (--gpus N asks for some)"
        now = time.time()
        until = moment((job["started_at"] or now) + job["time_limit_s"], now)
        tell(f"job {number}: {got}, until {until}")


# ---------------------------------------------------------------- the end


def _cancel(wire: Wire, number: int) -> None:
    """As far as the engine can be reached; without it the job ends as nobody waits for it any more."""
    with suppress(RcqError):
        wire.request("DELETE", f"/v1/jobs/{number}")


def _given_up(wire: Wire, number: int, signal_number: int) -> int:
    with suppress(Told), undisturbed():
        _give_up(wire, number)
    return 128 + signal_number


def _give_up(wire: Wire, number: int) -> None:
    try:
        wire.request("DELETE", f"/v1/jobs/{number}")
    except Unreachable:
        complain(f"the engine cannot be told that job {number} is given up: it ends as nobody waits for it any more")
    except RcqError as error:
        complain(str(error))
    else:
        complain(f"job {number} is cancelled")


def _unmet(wire: Wire, number: int) -> int:
    """It ended before it came to this terminal: why."""
    job = ended(wire, number)
    complain(_outcome(job, job["message"] or _how(job)))
    with suppress(RcqError):
        log = wire.request("GET", f"/v1/jobs/{number}/log", {"stream": "stderr", "offset": 0, "limit": 2000})["text"]
        for line in log.splitlines():
            tell(f"  {clean(line)}")
    return exit_code(job) or EXIT_FAILED


def _told_end(wire: Wire, number: int, end: End) -> int:
    """The command's exit code, and on standard error whatever else there is to say."""
    if end.told is not None and "message" in end.told:
        complain(str(end.told["message"]))
        return int(end.told["exit_code"])
    job = _settled(wire, number, end)
    if job is None:
        complain(f"the engine does not say how job {number} ended; see: rcq show {number}")
        return _seen(end)
    code = exit_code(job)
    known = {*end.passed, signal.SIGINT, signal.SIGPIPE}  # shells say nothing of ^C and `| head` either
    if code and job["cause"] != "exit" and not (job["cause"] == "signal" and job["signal"] in known):
        complain(_outcome(job, _how(job), job["message"]))
    return code


def _outcome(job: Row, *more: str | None) -> str:
    return ": ".join(filter(None, (f"job {job['id']} {job['state']}", *more)))


def _how(job: Row) -> str:
    """How it ended, unless its state says that already."""
    return "" if job["cause"] == job["state"] else ending(job)


def _settled(wire: Wire, number: int, end: End) -> Row | None:
    """What the engine says; `None` where it cannot or will not, or nobody wants to wait for it."""
    said = f"job {number} is over; waiting for the engine to say how it ended (^C does not wait)"
    try:
        return ended(wire, number, away=lambda: complain(said))
    except (RcqError, Told):
        if end.told is None:
            raise
        return None


def _seen(end: End) -> int:
    told = end.told or {}
    return 128 + int(told["signal"]) if "signal" in told else int(told.get("exit_code", EXIT_FAILED))
