"""What a submitted job is worth: defaults filled in, membership, limits, whether it could ever run.

Equal requests share one conclusion, so that a batch costs little more than its writing down. Must not know the store
of jobs or what is in the queue.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace

from config.settings import SchedulingSettings
from engine.api.asks import Identity
from engine.bookkeeping import KnownJob
from engine.core.decisions import Hold, Plan
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, PendingGroup, ServiceName, Shape, Waiting
from engine.core.placement.fits import matches
from engine.core.policy import Policy
from engine.core.reasons import QuotaReached
from engine.core.snapshot import Snapshot
from engine.daemon.access import Action, may
from engine.daemon.books import Books
from engine.daemon.containment import Containment
from engine.daemon.elements import too_large
from engine.daemon.feasible import Feasible
from engine.daemon.fitness import Fitness
from engine.daemon.powercaps import out_of_range
from engine.daemon.register import Register
from engine.ports import Clock, PowerControl
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.store.accounts import Account

REMEMBERED = 4096
"""Conclusions that are kept; requests that differ in all ways would fill the memory."""

Planner = Callable[[Snapshot, Policy], Plan]
_Terms = tuple[object, ...]


class Intake:
    """Turns a request into the key of its pending group, or says why not."""

    def __init__(
        self,
        *,
        books: Books,
        register: Register,
        settings: SchedulingSettings,
        policy: Policy,
        clock: Clock,
        plan: Planner,
        power: PowerControl,
        containment: Containment,
    ) -> None:
        self._books = books
        self._register = register
        self._settings = settings
        self._policy = policy
        self._plan = plan
        self._power = power
        self._fitness = Fitness(books=books, containment=containment)
        self._feasible = Feasible(books=books, policy=policy, clock=clock)
        self._known: dict[_Terms, GroupKey | Refused] = {}
        self._known_at: tuple[object, ...] = ()

    def refresh(self) -> None:
        """Before a batch: forget conclusions that rested on other machines, accounts, quotas or run times."""
        self._fitness.refresh()
        at = (self._register.version, self._books.run_times.version, self._feasible.version())
        if at != self._known_at or len(self._known) > REMEMBERED:
            self._known.clear()
            self._known_at = at

    def judge(self, who: Identity, job: JobFields) -> GroupKey | Refused:
        """The effective request of one job, or the refusal."""
        terms = (
            who.account,
            who.group,
            who.role,
            job.group,
            job.service,
            job.gpus,
            job.gpu_type,
            job.gpu_memory_mb,
            job.gpu_share,
            job.cpu_cores,
            job.memory_mb,
            job.time_limit_s,
            job.priority,
            job.preemptible,
            job.gpu_power_w,
            job.anywhere,
            self._books.run_times.kind(who.account, job.name),
        )
        if job.array is not None and (refused := too_large(job.array, self._settings.max_array)):
            return refused
        if refused := self._fitness.refusal(job):
            return refused
        found = self._known.get(terms)
        if found is None:
            found = self._known[terms] = self._conclude(who, job)
        return found

    def told_apart(self, job: KnownJob) -> KnownJob:
        """A job out of the store with the kind that its name tells, where such jobs ran before."""
        return replace(job, key=self._books.run_times.told_apart(job.key, job.name))

    def again(self, key: GroupKey) -> Refused | None:
        """Why a job that was accepted before could not be accepted now."""
        account = self._register.accounts.get(key.owner.account)
        if account is None or account.disabled:
            return Refused("INVALID_STATE", f"The account {key.owner.account} is disabled: ask an admin to enable it.")
        return self._left(account, key) or self._holds(key)

    def rejudge(self, who: Identity, job: JobFields, before: GroupKey, *, to_group: bool = False) -> GroupKey | Refused:
        """The effective request of a job that `who` changes; it stays its owner's, and in its group unless `to_group`.

        before: its pending group so far.
        """
        owner = replace(who, account=before.owner.account, group=before.owner.group)
        key = self._key(owner, job)
        refused = self._membership(who, key) if to_group else None
        self._fitness.refresh()
        return refused or self._fitness.refusal(job) or self._holds(key) or key

    def _conclude(self, who: Identity, job: JobFields) -> GroupKey | Refused:
        key = self._key(who, job)
        return self._standing(who) or self._membership(who, key) or self._holds(key) or key

    def _holds(self, key: GroupKey) -> Refused | None:
        """Why nobody may ask for that here, if so."""
        return self._limits(key) or self._feasible.refusal(key) or self._capped(key) or self._within_quota(key)

    def _standing(self, who: Identity) -> Refused | None:
        """A file may be on its way for hours: it is taken in only while its sender is who it was at the start."""
        account = self._register.accounts.get(who.account)
        if account and not account.disabled and (account.group, account.role) == (who.group, who.role):
            return None
        told = f"The account {who.account} was changed or disabled meanwhile: log in again and send the rest."
        return Refused("UNAUTHENTICATED", told)

    def _key(self, who: Identity, job: JobFields) -> GroupKey:
        limit = job.time_limit_s if job.time_limit_s is not None else self._settings.default_time_limit_s
        return GroupKey(
            owner=Owner(account=AccountName(who.account), group=GroupName(job.group or who.group)),
            service=ServiceName(job.service) if job.service is not None else None,
            priority=job.priority,
            preemptible=job.preemptible,
            shape=Shape(
                gpus=job.gpus,
                gpu_type=" ".join(job.gpu_type.lower().split()) if job.gpu_type else None,
                gpu_memory_mb=job.gpu_memory_mb,
                share=job.gpu_share,
                cpu_cores=job.cpu_cores,
                memory_mb=job.memory_mb,
                time_limit_s=limit,
                gpu_power_w=job.gpu_power_w if job.gpus else None,
            ),
            kind=self._books.run_times.kind(who.account, job.name),
            anywhere=job.anywhere,
        )

    def _left(self, account: Account, key: GroupKey) -> Refused | None:
        """A job stays in the group that it was submitted to, while its owner may be moved and the group removed."""
        group = key.owner.group
        if group == account.group or (account.role == "admin" and group in self._register.groups):
            return None
        return Refused(
            "FORBIDDEN",
            f"The job is in group {group} and {account.name} is now in {account.group}: submit it anew.",
            [{"field": "group", "message": f"must be {account.group}"}],
        )

    def _membership(self, who: Identity, key: GroupKey) -> Refused | None:
        group = key.owner.group
        if group == who.group:
            return None
        if not may(who, Action.SUBMIT_TO_ANY_GROUP):
            return Refused(
                "FORBIDDEN",
                f"You are in group {who.group}: leave the group out, or ask an admin to move you.",
                [{"field": "group", "message": f"must be {who.group}"}],
            )
        if group not in self._register.groups:
            return _invalid("group", f"There is no group {group}. Known: {_listed(self._register.groups)}.")
        return None

    def _limits(self, key: GroupKey) -> Refused | None:
        most = self._settings.max_time_limit_s
        if key.shape.time_limit_s > most:
            return _invalid("time_limit_s", f"At most {most} s may be asked for, not {key.shape.time_limit_s}.")
        if key.service is not None and key.service not in self._register.services:
            known = _listed(self._register.services)
            return _invalid("service", f"There is no service {key.service}. Known: {known}.")
        return None

    def _capped(self, key: GroupKey) -> Refused | None:
        """A power limit that cannot be set, or not on every card that the job may get."""
        watts = key.shape.gpu_power_w
        if watts is None:
            return None
        if (why := self._power.refusal()) is not None:
            return _invalid("gpu_power_w", f"{why} Leave gpu_power_w out.")
        matching = (gpu for gpu in self._feasible.world().gpus if matches(gpu, key.shape))
        for gpu in matching:
            card = self._books.cards.get(gpu.uuid)
            told = out_of_range(card.reading, watts) if card is not None else None
            if told is not None:
                return _invalid("gpu_power_w", f"{told} Ask for other watts, or name a gpu_type.")
        return None

    def _within_quota(self, key: GroupKey) -> Refused | None:
        """Ask the planner itself, on the same box with nobody else on it and nothing used."""
        job = Waiting(0.0, JobId("0"))
        expected = self._books.run_times.estimate(key)
        idle = replace(
            self._feasible.idle(key),
            now=0.0,
            pending=(PendingGroup(key=key, jobs=[job]),),
            estimates={key: expected.run_s} if expected else {},
        )
        holds: tuple[Hold, ...] = self._plan(idle, self._policy).holds
        reached = [reason for hold in holds for reason in hold.reasons if isinstance(reason, QuotaReached)]
        if not reached:
            return None
        told = "; ".join(_reached(one) for one in reached)
        return Refused(
            "QUOTA_EXCEEDED",
            f"The quota never allows it: {told}. Ask for less, or ask an admin for more.",
            [{"field": r.resource.partition(":")[0], "message": "over the quota", **asdict(r)} for r in reached],
        )


def _reached(reason: QuotaReached) -> str:
    wanted, limit = (int(n) if n == int(n) else n for n in (reason.wanted, reason.limit))
    return f"{reason.resource} {wanted} of at most {limit} for {reason.scope} {reason.name}"


def _invalid(field: str, message: str) -> Refused:
    return Refused("VALIDATION_ERROR", message, [{"field": field, "message": message}])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none yet; an admin makes them"
