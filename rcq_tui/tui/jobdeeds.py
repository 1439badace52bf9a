"""What is done to jobs from any screen: asked about where it destroys something, then carried out and told.

Must not know which screen wishes it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from engine.protocol.errors import RcqError, Refused, Unreachable
from engine.protocol.responses import JobRow
from rcq_tui.client.calls import JobsWanted
from rcq_tui.tui.screens.confirm import ConfirmScreen, Question
from rcq_tui.viewmodel import deedwords as words
from rcq_tui.viewmodel.deedwords import CANCEL, HOLD, RELEASE, REQUEUE, Deed, Outcome
from rcq_tui.viewmodel.states import FINISHED
from rcq_tui.viewmodel.text import clean

if TYPE_CHECKING:
    from rcq_tui.tui.app import RcqApp

_QUESTION_CELLS = 52
_AT_ONCE = 8
"""Calls that are under way together: the engine answers others meanwhile."""
_MOST_ROUNDS = 200
"""An answer tells the indices of some elements of a large array; so often the next ones are asked for."""
_PAGE = 1000

Call = Callable[[], Awaitable[Any]]


class JobDeeds:
    """Acts on the jobs that it is given."""

    def __init__(self, desk: "RcqApp") -> None:
        self._desk = desk

    # ------------------------------------------------------------ wishes

    def cancel(self, jobs: Sequence[JobRow]) -> None:
        """Ask whether to cancel the jobs, and do it on yes."""
        meant = self._touchable(jobs)
        going = [job for job in meant if job.state not in FINISHED]
        if going:
            self._ask(CANCEL, going, past=len(meant) - len(going))
        elif meant:
            self._say(_ended_already(meant))

    def toggle_hold(self, jobs: Sequence[JobRow]) -> None:
        """Hold the pending ones and those in Slurm's queue; where there is none, release the held ones."""
        meant = self._touchable(jobs)
        pending = [job for job in meant if job.state == "pending" or _is_in_slurms_queue(job)]
        held = [job for job in meant if job.state == "held"]
        if pending:
            self._do_or_ask(HOLD, pending, past=len(meant) - len(pending))
        elif held:
            self._do_or_ask(RELEASE, held, past=len(meant) - len(held))
        elif meant:
            said = f"job {meant[0].id} is {clean(meant[0].state)}" if len(meant) == 1 else "none of these is one"
            self._say(f"Only a pending job can be held; {said}.")

    def release(self, jobs: Sequence[JobRow]) -> None:
        """Let the held ones go on."""
        meant = self._touchable(jobs)
        held = [job for job in meant if job.state == "held"]
        if held:
            self._do_or_ask(RELEASE, held, past=len(meant) - len(held))
        elif meant:
            said = f"job {meant[0].id} is {clean(meant[0].state)}" if len(meant) == 1 else "none of these is one"
            self._say(f"Only a held job can be released; {said}.")

    def requeue(self, jobs: Sequence[JobRow]) -> None:
        """Run the jobs again; ask first if one of them runs, or where there are several."""
        meant = self._touchable(jobs)
        able = [job for job in meant if job.state not in {"pending", "held"}]
        runs = any(job.state not in FINISHED for job in able)
        if able and (runs or words.how_many(able) > 1):
            self._ask(REQUEUE, able, past=len(meant) - len(able))
        elif able:
            self._carry_out(REQUEUE, able)
        elif meant:
            said = f"Job {meant[0].id} waits" if len(meant) == 1 else "All of these wait"
            self._say(f"{said} in the queue already.")

    # ------------------------------------------------------------ asking

    def _touchable(self, jobs: Sequence[JobRow]) -> list[JobRow]:
        """Those that are not somebody else's secret: of them nothing could be named in a question."""
        open_ones = [job for job in jobs if not job.redacted]
        if jobs and not open_ones:
            one = len(jobs) == 1
            whose = (
                f"Job {jobs[0].id} belongs to group {clean(jobs[0].group)}" if one else "These jobs are other people's"
            )
            self._say(f"{whose}; only its owner and admins may touch it." if one else f"{whose}.")
        if 0 < len(open_ones) < len(jobs):
            self._say(f"{len(jobs) - len(open_ones)} of them are other people's and are left alone.")
        return open_ones

    def _do_or_ask(self, deed: Deed, jobs: Sequence[JobRow], past: int) -> None:
        if words.to_type(jobs, self._account):
            self._ask(deed, jobs, past)
        else:
            self._carry_out(deed, jobs, past)

    def _ask(self, deed: Deed, jobs: Sequence[JobRow], past: int = 0) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._carry_out(deed, jobs, past)

        title = words.title(deed, jobs)
        question = Question(
            title=title,
            lines=words.lines(jobs, self._desk.clock(), _QUESTION_CELLS),
            warning=words.warning(deed, jobs),
            yes=title.removesuffix("?"),
            keep="Keep it" if words.how_many(jobs) == 1 else "Keep them",
            type_this=words.to_type(jobs, self._account),
        )
        if self._desk.is_free_for(ConfirmScreen):
            self._desk.push_screen(ConfirmScreen(question), answered)

    @property
    def _account(self) -> str | None:
        return None if self._desk.me is None else self._desk.me.account

    def _say(self, said: str) -> None:
        self._desk.notify(said, markup=False)

    # ------------------------------------------------------------ doing

    def _carry_out(self, deed: Deed, jobs: Sequence[JobRow], past: int = 0) -> None:
        alone = len(jobs) == 1 and jobs[0].folded is None and not past
        work = self._one(deed, jobs[0]) if alone else self._several(deed, jobs, past)
        self._desk.run_worker(work, name="deed", group="deeds")

    async def _one(self, deed: Deed, job: JobRow) -> None:
        try:
            await self._call(deed, job.id)()
        except RcqError as error:
            self._desk.complain(error)
        else:
            self._say(f"Job {job.id} is {deed.done}.")
        self._desk.on_refresh()

    async def _several(self, deed: Deed, jobs: Sequence[JobRow], past: int) -> None:
        outcome = Outcome(too_late=past)
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(job: JobRow) -> None:
            async with turn:
                await self._each(deed, job, outcome)

        await asyncio.gather(*(one(job) for job in jobs))
        said = words.summary(deed, outcome)
        self._desk.notify(said, severity="error" if outcome.refused else "information", markup=False)
        self._desk.on_refresh()

    async def _each(self, deed: Deed, job: JobRow, outcome: Outcome) -> None:
        if job.folded is None:
            await self._count(self._call(deed, job.id), outcome)
        elif deed is REQUEUE:
            for element in await self._elements(job, outcome):
                await self._count(self._call(deed, element), outcome)
        else:
            await self._elements_at_once(deed, job, outcome)

    async def _count(self, call: Call, outcome: Outcome) -> None:
        try:
            await call()
        except Refused as refused:
            if refused.code == "INVALID_STATE":
                outcome.too_late += 1
            else:
                outcome.add_refused(1, str(refused))
        except Unreachable as lost:
            outcome.add_refused(1, str(lost))
        else:
            outcome.done += 1

    def _call(self, deed: Deed, job: int) -> Call:
        api = self._desk.api
        calls = {CANCEL: api.cancel, HOLD: api.hold, RELEASE: api.release, REQUEUE: api.requeue}
        return lambda: calls[deed](job)

    # ------------------------------------------------------------ rows that stand for several elements

    async def _elements_at_once(self, deed: Deed, row: JobRow, outcome: Outcome) -> None:
        """All elements that the row stands for, as many at a time as an answer tells."""
        now, array = row, row.array_parent or row.id
        try:
            for _ in range(_MOST_ROUNDS):
                changed = await self._desk.api.change_array(array, deed.step, now.elements or "")
                outcome.done += changed.changed + changed.ending
                outcome.too_late += changed.unchanged
                again = await self._row_again(row) if words.left_untold(now) else None
                if again is None:
                    return
                now = again
        except Refused as refused:
            if refused.code == "INVALID_STATE":
                outcome.too_late += now.folded or 1
            else:
                outcome.add_refused(now.folded or 1, str(refused))
        except Unreachable as lost:
            outcome.add_refused(now.folded or 1, str(lost))

    async def _row_again(self, row: JobRow) -> JobRow | None:
        """What is left of the row: elements of its array that are in its state still."""
        page = await self._desk.api.jobs(self._in_state(row, fold=True, cursor=None))
        return page.items[0] if page.items else None

    async def _elements(self, row: JobRow, outcome: Outcome) -> list[int]:
        found: list[int] = []
        cursor: str | None = None
        try:
            while True:
                page = await self._desk.api.jobs(self._in_state(row, fold=False, cursor=cursor))
                found += [job.id for job in page.items]
                cursor = page.cursor
                if cursor is None:
                    return found
        except RcqError as error:
            outcome.add_refused(row.folded or 1, str(error))
            return []

    def _in_state(self, row: JobRow, *, fold: bool, cursor: str | None) -> JobsWanted:
        """What the row stands for. What else is looked for counts: a filter may leave elements out."""
        search = f"array:{row.array_parent} {self._desk.look.search}".strip()
        return JobsWanted(states=(row.state,), search=search, sort="id", fold=fold, limit=_PAGE, cursor=cursor)


def _is_in_slurms_queue(job: JobRow) -> bool:
    """Whether it was handed to the cluster, which does not run it yet: a hold takes it back."""
    return job.state == "scheduled" and bool(job.place)


def _ended_already(jobs: Sequence[JobRow]) -> str:
    if len(jobs) == 1:
        return f"{words.named(jobs[0]).capitalize()} has ended already ({clean(jobs[0].state)})."
    return "All of these have ended already."
