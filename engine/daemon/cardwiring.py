"""What looks at the cards after each sample, in the order in which it has to.

Must not run anything, and not know how any of them judges.
"""

from dataclasses import dataclass

from engine.daemon.attribution import Acquaintances, ProcessAttribution
from engine.daemon.cardcontrol import CardControl
from engine.daemon.foreign import ForeignWatch
from engine.daemon.ground import Ground
from engine.daemon.healing import Healing
from engine.daemon.health import Health, Rules
from engine.daemon.heatguard import HeatGuard, HeatRules
from engine.daemon.idle import Idle
from engine.daemon.lastwords import LastWords
from engine.daemon.overuse import Overuse
from engine.daemon.passes import Passes
from engine.daemon.pauses import Pauses
from engine.daemon.powercaps import PowerCaps
from engine.daemon.powergovernor import PowerGovernor
from engine.daemon.provider import Chosen
from engine.daemon.quarantinebook import QuarantineBook
from engine.daemon.runs import Runs
from engine.daemon.sampler import Sampler
from engine.daemon.stops import Stops
from engine.ports import Executor


@dataclass(slots=True, frozen=True, kw_only=True)
class CardMinders:
    """Who minds the cards and is started, asked or stopped by others, too."""

    quarantines: QuarantineBook
    healing: Healing
    control: CardControl
    power: PowerCaps
    stops: Stops
    health: Health
    foreign: ForeignWatch

    def clock_set(self, by_s: float) -> None:
        """The clock jumped."""
        self.health.clock_set(by_s)
        self.power.clock_set(by_s)
        self.foreign.clock_set(by_s)

    async def load(self) -> None:
        """At start: what an earlier engine left."""
        await self.quarantines.load()
        await self.power.load()

    async def recover(self) -> None:
        """Once running jobs are taken up."""
        await self.power.recover()

    async def close(self) -> None:
        """Before the store closes: give up tests, write down the rest."""
        await self.power.close()
        await self.healing.close()
        await self.quarantines.settle()
        await self.stops.settle()


def guard_heat(ground: Ground, sampler: Sampler, stops: Stops, executor: Executor) -> HeatGuard:
    """Watch the cards' heat before anybody else looks at them, and also while they cannot be read."""
    guard = HeatGuard(
        books=ground.books,
        notices=ground.notices,
        pauses=Pauses(books=ground.books, executor=executor, feed=ground.feed, clock=ground.clock),
        stops=stops,
        rules=HeatRules(thermal=ground.policy.thermal, action=ground.settings.thermal.critical_action),
    )
    sampler.watchers.insert(0, guard.look)
    sampler.blind.append(guard.look)
    return guard


def watch_cards(
    ground: Ground, sampler: Sampler, chosen: Chosen, *, passes: Passes, runs: Runs, stops: Stops
) -> CardMinders:
    """Let everybody who minds the cards look after each sample."""
    idle = Idle(
        books=ground.books,
        notices=ground.notices,
        stops=stops,
        settings=ground.settings.gpu,
        state_dir=ground.paths.state_dir,
    )
    foreign = ForeignWatch(
        books=ground.books,
        notices=ground.notices,
        journal=ground.journal,
        register=ground.register,
        settings=ground.settings.gpu,
    )
    overuse = Overuse(
        books=ground.books,
        notices=ground.notices,
        stops=stops,
        action=ground.settings.gpu.over_declared,
        wake=passes.wake,
    )
    sampler.watchers += [ground.measures.look, ground.series.look, idle.look, foreign.look, overuse.look]
    runs.examiners.append(LastWords(ground.paths.state_dir))
    runs.leaving += [ground.measures.leave, ground.series.leave]
    runs.leaving.append(lambda live, _ending: ground.notices.forget(live.job))
    power = _power(ground, sampler, runs, chosen)
    return _health(ground, sampler, chosen, passes=passes, runs=runs, stops=stops, power=power, foreign=foreign)


def _power(ground: Ground, sampler: Sampler, runs: Runs, chosen: Chosen) -> PowerCaps:
    """Who sets power limits: for jobs when they start, for hot cards after each sample."""
    books, notices = ground.books, ground.notices
    caps = PowerCaps(
        control=chosen.power, store=ground.store.power_limits, books=books, notices=notices, clock=ground.clock
    )
    books.cards.power_settable = caps.refusal() is None
    governor = PowerGovernor(caps=caps, books=books, notices=notices, thermal=ground.policy.thermal)
    sampler.watchers += [caps.look, governor.look]
    runs.preparing.append(caps.prepare)
    runs.leaving.append(caps.left)
    return caps


def introduce(chosen: Chosen, ground: Ground, executor: Executor, passes: Passes) -> None:
    """Let who tells processes apart know jobs and people. Passes begin once all running jobs were taken up."""
    if isinstance(chosen.attribution, ProcessAttribution):
        chosen.attribution.introduce(
            Acquaintances(
                job_of=executor.job_of,
                accounts=ground.register.by_unix_users,
                ready=lambda: passes.count > 0,
            )
        )


def _health(
    ground: Ground,
    sampler: Sampler,
    chosen: Chosen,
    *,
    passes: Passes,
    runs: Runs,
    stops: Stops,
    power: PowerCaps,
    foreign: ForeignWatch,
) -> CardMinders:
    """Simulated cards neither fail nor keep memory behind a job: of those, only what an admin says counts."""
    books, clock, settings = ground.books, ground.clock, ground.settings.gpu
    quarantines = QuarantineBook(cards=books.cards, store=ground.store.quarantines, clock=clock)
    healing = Healing(
        books=books,
        quarantines=quarantines,
        notices=ground.notices,
        canary=chosen.canary if settings.canary else None,
        clock=clock,
        wake=passes.wake,
        after_s=settings.canary_after_s,
        tolerated_mb=settings.tolerated_foreign_mb,
    )
    health = Health(
        books=books,
        journal=ground.journal,
        runs=runs,
        stops=stops,
        notices=ground.notices,
        sampler=sampler,
        quarantines=quarantines,
        healing=healing,
        clock=clock,
        rules=Rules(
            fault_action=settings.fault_action, leak_s=settings.leak_s, tolerated_mb=settings.tolerated_foreign_mb
        ),
    )
    sampler.watchers.append(health.look)
    if chosen.real:
        runs.leaving.insert(0, health.left)
        runs.examiners.append(health)
    control = CardControl(
        books=books,
        flags=ground.store.gpus,
        quarantines=quarantines,
        health=health,
        healing=healing,
        clock=clock,
    )
    return CardMinders(
        quarantines=quarantines,
        healing=healing,
        control=control,
        power=power,
        stops=stops,
        health=health,
        foreign=foreign,
    )
