"""From the ground to the service of jobs: who judges, submits, repeats, lists, steers and changes them.

Must not run anything, and not know cards, people or the store's inside.
"""

from dataclasses import dataclass

from engine.core.plan import plan
from engine.daemon.adoption import Adoption
from engine.daemon.allowance import Allowances
from engine.daemon.arraycontrol import ArrayControl
from engine.daemon.arrays import ArrayListing, ArrayLookup
from engine.daemon.control import Control
from engine.daemon.deeds import Deeds
from engine.daemon.edit import Edit
from engine.daemon.foresight import foresight
from engine.daemon.ground import Ground
from engine.daemon.intake import Intake
from engine.daemon.joblog import JobLogs
from engine.daemon.jobs import JobService
from engine.daemon.listing import Listing
from engine.daemon.lookup import Lookup
from engine.daemon.passes import Passes
from engine.daemon.policy import bounds_of
from engine.daemon.recurrence import Recurrence
from engine.daemon.requeue import Requeue
from engine.daemon.runs import Runs
from engine.daemon.submission import Submission
from engine.ports import PowerControl


@dataclass(slots=True, frozen=True, kw_only=True)
class Judges:
    """Who judge a request, whether it is submitted or changed: is it allowed at all, and is it one too many now?"""

    intake: Intake
    allowances: Allowances


@dataclass(slots=True, frozen=True, kw_only=True)
class _Hands:
    """What the services that steer jobs have in common."""

    ground: Ground
    passes: Passes
    runs: Runs
    judges: Judges
    lookup: Lookup
    arrays: ArrayLookup
    deeds: Deeds


def judges_of(ground: Ground, power: PowerControl) -> Judges:
    """The judges, made once: they count together."""
    intake = Intake(
        books=ground.books,
        register=ground.register,
        settings=ground.settings.scheduling,
        policy=ground.policy,
        clock=ground.clock,
        plan=plan,
        power=power,
        containment=ground.containment,
    )
    quotas, waiting = ground.books, ground.books.waiting
    allowances = Allowances(quotas=lambda: quotas.quotas, waiting=waiting, clock=ground.clock)
    return Judges(intake=intake, allowances=allowances)


def submission_of(ground: Ground, passes: Passes, judges: Judges) -> Submission:
    """What takes jobs in."""
    return Submission(
        books=ground.books,
        store=ground.store,
        intake=judges.intake,
        persons=ground.persons,
        gatekeeper=ground.gatekeeper,
        allowances=judges.allowances,
        claims=ground.staging.claims,
        passes=passes,
        feed=ground.feed,
        clock=ground.clock,
        lines=ground.settings.ingest.batch_lines,
    )


def recurrence_of(ground: Ground, submission: Submission) -> Recurrence:
    """The gate and the turns know each other: the gate says when, a turn sets the next one."""
    recurrence = Recurrence(
        books=ground.books,
        journal=ground.journal,
        store=ground.store.jobs,
        register=ground.register,
        submission=submission,
        gatekeeper=ground.gatekeeper,
        clock=ground.clock,
    )
    ground.gatekeeper.recur = recurrence.take
    return recurrence


def jobs_of(ground: Ground, passes: Passes, runs: Runs, submission: Submission, judges: Judges) -> JobService:
    """The service of jobs behind the API."""
    books, store, views, clock = ground.books, ground.store, ground.views, ground.clock
    lookup = Lookup(store=store.jobs)
    arrays = ArrayLookup(store=store, views=views, lookup=lookup)
    ahead = foresight(
        books=books,
        store=store.jobs,
        views=views,
        policy=ground.policy,
        bounds=bounds_of(ground.settings),
        clock=clock,
    )
    listing = Listing(
        books=books,
        journal=ground.journal,
        store=store,
        views=views,
        policy=ground.policy,
        clock=clock,
        forecasts=ahead.forecasts,
    )
    deeds = Deeds(store=store, views=views, passes=passes, feed=ground.feed, clock=clock)
    hands = _Hands(ground=ground, passes=passes, runs=runs, judges=judges, lookup=lookup, arrays=arrays, deeds=deeds)
    return JobService(
        books=books,
        submission=submission,
        listing=listing,
        array_listing=ArrayListing(store=store, lookup=arrays, views=views, rows=listing.rows),
        array_control=_array_control(hands),
        control=_control(hands),
        requeue=_requeue(hands),
        edit=_edit(hands),
        adoption=_adoption(hands),
        lookup=lookup,
        views=views,
        logs=JobLogs(ground.paths.state_dir),
        ahead=ahead,
        policy=ground.policy,
        clock=clock,
    )


def _array_control(hands: _Hands) -> ArrayControl:
    ground = hands.ground
    return ArrayControl(
        books=ground.books,
        store=ground.store,
        lookup=hands.arrays,
        gatekeeper=ground.gatekeeper,
        passes=hands.passes,
        runs=hands.runs,
        feed=ground.feed,
        clock=ground.clock,
    )


def _control(hands: _Hands) -> Control:
    ground = hands.ground
    return Control(
        books=ground.books,
        deeds=hands.deeds,
        lookup=hands.lookup,
        views=ground.views,
        passes=hands.passes,
        runs=hands.runs,
        gatekeeper=ground.gatekeeper,
        clock=ground.clock,
    )


def _requeue(hands: _Hands) -> Requeue:
    ground = hands.ground
    return Requeue(
        books=ground.books,
        store=ground.store.jobs,
        intake=hands.judges.intake,
        persons=ground.persons,
        allowances=hands.judges.allowances,
        gatekeeper=ground.gatekeeper,
        lookup=hands.lookup,
        deeds=hands.deeds,
        passes=hands.passes,
        runs=hands.runs,
        clock=ground.clock,
    )


def _adoption(hands: _Hands) -> Adoption:
    ground = hands.ground
    return Adoption(
        books=ground.books,
        register=ground.register,
        persons=ground.persons,
        store=ground.store.jobs,
        intake=hands.judges.intake,
        runs=hands.runs,
        feed=ground.feed,
        policy=ground.policy,
        clock=ground.clock,
        boot_id=ground.boot,
        job_of=hands.runs.job_of,
    )


def _edit(hands: _Hands) -> Edit:
    ground = hands.ground
    return Edit(
        books=ground.books,
        store=ground.store.jobs,
        intake=hands.judges.intake,
        allowances=hands.judges.allowances,
        gatekeeper=ground.gatekeeper,
        lookup=hands.lookup,
        deeds=hands.deeds,
        clock=ground.clock,
    )
