"""Snapshots with a cluster for the core's tests: all of it planned there, or as the second place of a box."""

from collections import Counter
from dataclasses import replace

from hypothesis import strategies as st
from worlds import A100, A6000, card, snapshots

from engine.core.model import GpuUuid
from engine.core.snapshot import CLUSTER, Cluster, Host, NodeRoom, Snapshot


def node(number, cards=2, model=A6000, *, first=0, cores=8, memory_mb=32_000):
    """The cards of one machine and its room."""
    gpus = tuple(
        replace(card(first + at, model), uuid=GpuUuid(f"slurm/n{number}/gpu/{at}"), node=f"n{number}")
        for at in range(cards)
    )
    return gpus, NodeRoom(name=f"n{number}", cpu_cores=cores, memory_mb=memory_mb)


def nodes(*counts, model=A6000):
    """Machines with so many cards each, and what they offer together."""
    gpus, rooms = (), []
    for number, count in enumerate(counts):
        more, room = node(number, count, model, first=100 + len(gpus))
        gpus, rooms = (*gpus, *more), [*rooms, room]
    cores, memory_mb = sum(one.cpu_cores for one in rooms), sum(one.memory_mb for one in rooms)
    return gpus, Host(cpu_cores=cores, memory_mb=memory_mb, nodes=tuple(rooms))


@st.composite
def machines(draw):
    counts = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    return nodes(*counts, model=draw(st.sampled_from([A6000, A100])))


@st.composite
def clusters(draw):
    """Everything is planned on the cluster."""
    gpus, host = draw(machines())
    box = draw(snapshots())
    return replace(box, place=CLUSTER, gpus=gpus, host=host, ahead=draw(st.integers(0, 4)), slots=(), hot=frozenset())


@st.composite
def overflowing(draw) -> Snapshot:
    """A box, and a cluster for whom it has no room soon; about half of the jobs may run anywhere."""
    box = draw(snapshots())
    gpus, host = draw(machines())
    pending = [replace(of, key=replace(of.key, anywhere=draw(st.booleans()))) for of in box.pending]
    after_s = draw(st.sampled_from([0.0, 300.0, 7200.0]))
    cluster = Cluster(host=host, gpus=gpus, ahead=draw(st.integers(0, 3)), after_s=after_s)
    estimates = {of.key: run_s for of in pending if (run_s := box.estimates.get(replace(of.key, anywhere=False)))}
    return replace(box, pending=tuple(pending), cluster=cluster, estimates=estimates)


def outcomes(decided):
    """How many outcomes each job has in a plan."""
    assert all(hold.count > 0 for hold in decided.holds)
    held = (one.job for hold in decided.holds for one in hold.jobs[hold.skip :])
    return Counter([*(one.lease.job for one in decided.starts), *(one.job for one in decided.reservations), *held])


def waiting_in(snapshot):
    """Each job that waits, once."""
    return Counter(one.job for of in snapshot.pending for one in of.jobs)
