"""What must hold for every plan, whatever the box looks like."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import policies, snapshots

from engine.core.decisions import Hold, Reserve, Start
from engine.core.explain import explain
from engine.core.ledger import Ledger
from engine.core.model import model_matches
from engine.core.places import places as walk
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.simulate import apply
from engine.core.snapshot import Snapshot

MANY = settings(max_examples=40, deadline=None)


def lived(snapshot: Snapshot, policy: Policy) -> Snapshot:
    """The box a little later: what a first plan started runs, but every other job of it has ended, and cards cooled."""
    after = apply(snapshot, plan(snapshot, policy), policy)
    return replace(after, now=after.now + 30.0, leases=after.leases[::2], hot=frozenset())


def leases_of(snapshot: Snapshot, policy: Policy):
    return [*snapshot.leases, *(start.lease for start in plan(snapshot, policy).starts)]


@MANY
@given(snapshots(), policies)
def test_no_gpu_is_leased_twice_nor_shared_beyond_its_memory(snapshot, policy):
    snapshot = lived(snapshot, policy)
    whole, shared = Counter(), Counter()
    for lease in leases_of(snapshot, policy):
        for uuid in lease.gpus:
            (shared if lease.key.shape.share else whole)[uuid] += (
                lease.key.shape.gpu_memory_mb if lease.key.shape.share else 1
            )
    assert all(count == 1 for count in whole.values())
    assert not set(whole) & set(shared)
    sizes = {gpu.uuid: gpu.memory_mb for gpu in snapshot.gpus}
    assert all(used <= sizes[uuid] for uuid, used in shared.items())


@MANY
@given(snapshots(), policies)
def test_cores_and_memory_of_the_host_are_never_exceeded(snapshot, policy):
    leases = leases_of(lived(snapshot, policy), policy)
    assert sum(lease.key.shape.cpu_cores for lease in leases) <= snapshot.host.cpu_cores
    assert sum(lease.key.shape.memory_mb for lease in leases) <= snapshot.host.memory_mb


@MANY
@given(snapshots(), policies)
def test_no_quota_is_exceeded(snapshot, policy):
    snapshot = lived(snapshot, policy)
    cards = {gpu.uuid: gpu for gpu in snapshot.gpus}
    leases = leases_of(snapshot, policy)
    bearers = [
        (quota, [of for of in leases if of.key.owner.account == name])
        for name, quota in snapshot.quotas.accounts.items()
    ]
    bearers += [
        (quota, [of for of in leases if of.key.owner.group == name]) for name, quota in snapshot.quotas.groups.items()
    ]
    for quota, held in bearers:
        gpus = [cards[uuid] for of in held for uuid in of.gpus]
        memory = sum(
            of.key.shape.gpu_memory_mb if of.key.shape.share else cards[uuid].memory_mb
            for of in held
            for uuid in of.gpus
        )
        assert quota.gpus is None or len(gpus) <= quota.gpus
        assert quota.gpu_memory_mb is None or memory <= quota.gpu_memory_mb
        assert quota.cpu_cores is None or sum(of.key.shape.cpu_cores for of in held) <= quota.cpu_cores
        assert quota.memory_mb is None or sum(of.key.shape.memory_mb for of in held) <= quota.memory_mb
        assert quota.jobs is None or len(held) <= quota.jobs
        for gpu_type, limit in quota.gpus_by_type.items():
            assert sum(model_matches(gpu.model, gpu_type) for gpu in gpus) <= limit
    for service, limit in snapshot.quotas.services.items():
        running = Counter(of.key.owner.account for of in leases if of.key.service == service)
        assert all(count <= limit for count in running.values())


@MANY
@given(snapshots(), policies)
def test_a_gang_gets_all_of_its_gpus_and_only_fitting_ones(snapshot, policy):
    cards = {gpu.uuid: gpu for gpu in snapshot.gpus}
    for start in plan(snapshot, policy).starts:
        shape = start.lease.key.shape
        assert len(set(start.lease.gpus)) == len(start.lease.gpus) == shape.gpus
        for uuid in start.lease.gpus:
            assert shape.gpu_type is None or model_matches(cards[uuid].model, shape.gpu_type)
            assert cards[uuid].memory_mb >= shape.gpu_memory_mb


@MANY
@given(snapshots(), policies)
def test_nothing_starts_on_a_hot_drained_sick_or_occupied_gpu(snapshot, policy):
    for lease in (start.lease for start in plan(snapshot, policy).starts):
        for gpu in (gpu for gpu in snapshot.gpus if gpu.uuid in lease.gpus):
            assert not (gpu.drained or gpu.quarantined or gpu.throttled)
            assert gpu.foreign_mb <= policy.tolerated_foreign_mb
            floor = policy.thermal.resume_c if gpu.uuid in snapshot.hot else policy.thermal.threshold_c
            assert gpu.temperature_c < floor if gpu.temperature_c is not None else gpu.uuid not in snapshot.hot


@MANY
@given(snapshots(), policies, st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_input_order(snapshot, policy, shuffler):
    snapshot = lived(snapshot, policy)

    def shuffled(items):
        items = list(items)
        shuffler.shuffle(items)
        return tuple(items)

    other = replace(
        snapshot, gpus=shuffled(snapshot.gpus), leases=shuffled(snapshot.leases), pending=shuffled(snapshot.pending)
    )
    one, two = plan(snapshot, policy), plan(other, policy)
    assert one.starts == two.starts
    assert one.reservations == two.reservations
    assert [(hold.key, hold.skip, hold.reasons) for hold in one.holds] == [
        (hold.key, hold.skip, hold.reasons) for hold in two.holds
    ]


@MANY
@given(snapshots(), policies)
def test_planning_again_after_applying_a_plan_starts_nothing_new(snapshot, policy):
    snapshot = lived(snapshot, policy)
    after = apply(snapshot, plan(snapshot, policy), policy)
    assert plan(after, policy).starts == ()


@MANY
@given(snapshots(), policies)
def test_every_pending_job_has_exactly_one_outcome_and_who_waits_has_reasons(snapshot, policy):
    decided = plan(snapshot, policy)
    covered = Counter(start.lease.job for start in decided.starts)
    covered.update(reservation.job for reservation in decided.reservations)
    for hold in decided.holds:
        covered.update(entry.job for entry in hold.jobs[hold.skip :])
        assert hold.count > 0
        assert hold.reasons
    assert all(reservation.reasons and reservation.start_at > snapshot.now for reservation in decided.reservations)
    assert covered == Counter(entry.job for group in snapshot.pending for entry in group.jobs)


@MANY
@given(snapshots(), policies)
def test_reservations_overlap_neither_each_other_nor_leases(snapshot, policy):
    snapshot = lived(snapshot, policy)
    decided = plan(snapshot, policy)
    taken = [
        (reservation.gpus, reservation.start_at, reservation.end_at, reservation.key.shape.share)
        for reservation in decided.reservations
    ]
    taken += [
        (of.gpus, of.started_at, of.expected_end, of.key.shape.share)
        for of in [*snapshot.leases, *(start.lease for start in decided.starts)]
    ]
    for at, (gpus, start, end, shares) in enumerate(taken):
        for other_gpus, other_start, other_end, other_shares in taken[at + 1 :]:
            if start < other_end and other_start < end and not (shares and other_shares):
                assert not set(gpus) & set(other_gpus)


@MANY
@given(snapshots(), policies)
def test_explain_agrees_with_the_plan(snapshot, policy):
    decided = plan(snapshot, policy)
    places = {place.waiting.job: at for at, place in enumerate(walk(snapshot.pending, snapshot, policy), start=1)}
    for group in snapshot.pending:
        for entry in group.jobs:
            told = explain(snapshot, policy, decided, group.key, entry)
            assert told.position == places[entry.job]
            assert told.pending == len(places)
            match told.outcome:
                case Start(lease=lease):
                    assert lease.job == entry.job and lease in [start.lease for start in decided.starts]
                case Reserve(job=job):
                    assert job == entry.job
                case Hold() as hold:
                    assert hold in decided.holds and entry in hold.jobs[hold.skip :]


@MANY
@given(snapshots(), policies)
def test_every_quota_reason_tells_the_truth(snapshot, policy):
    snapshot = lived(snapshot, policy)
    decided = plan(snapshot, policy)
    ledger = Ledger(apply(snapshot, decided, policy), policy)
    for hold in decided.holds:
        quotas = [reason for reason in ledger.breaches(hold.key) if reason.code == "QUOTA_REACHED"]
        now = {(reason.scope, reason.name, reason.resource): reason for reason in quotas}
        for reason in hold.reasons:
            if reason.code == "QUOTA_REACHED":
                assert reason.used + reason.wanted > reason.limit
                later = now.get((reason.scope, reason.name, reason.resource))
                assert later is None or later.used >= reason.used
