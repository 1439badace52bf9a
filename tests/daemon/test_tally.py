"""How many jobs wait: counted as they come and go, never wrong, whatever happens in which order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.decisions import Start
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, ServiceName, Shape, Waiting
from engine.core.snapshot import Host, Lease
from engine.daemon.books import Books
from engine.daemon.cards import Cards
from engine.daemon.gate import Entry
from engine.daemon.tally import bearers_of
from engine.daemon.usage import UsageBook

KEYS = [
    GroupKey(
        owner=Owner(account=AccountName(account), group=GroupName(group)),
        service=ServiceName(service) if service else None,
        priority=priority,
        preemptible=False,
        shape=Shape(),
    )
    for account, group in (("ann", "bio"), ("bob", "bio"), ("ann", "chem"))
    for service in ("fold", None)
    for priority in (1, 5)
]
BEARERS = {bearer for key in KEYS for bearer in bearers_of(key)}
steps = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 8), st.sampled_from(KEYS)), max_size=60)


def empty() -> Books:
    return Books(host=Host(cpu_cores=4, memory_mb=100), cards=Cards(60.0), usage=UsageBook(1.0))


def recount(books: Books) -> dict[tuple[str, str], int]:
    waiting = {waiting.job: group.key for group in books.pending.groups() for waiting in group.jobs}
    waiting |= {job: key for job, (key, _) in books.held.items()}
    waiting |= {entry.job: entry.key for entry in books.gate.entries()}
    return {bearer: sum(bearer in bearers_of(key) for key in waiting.values()) for bearer in BEARERS}


def take(books: Books, step: int, job: JobId, key: GroupKey) -> None:
    """One thing that happens to jobs that wait."""
    waiting = Waiting(0.0, job)
    in_queue, entry, live = job in books.pending, books.gate.of(job), books.live.get(job)
    new = not in_queue and entry is None and live is None and job not in books.held
    if step == 0 and new:
        books.pending.add_all([(key, waiting)])
    elif step == 1 and new:
        at_gate = Entry(begin_at=5.0)
        books.gate.watch(at_gate)
        books.gate.enter(at_gate, (key, waiting))
    elif step == 2 and (in_queue or entry):
        books.held[job] = (entry.key if entry else books.pending.remove(job, 0.0), waiting)
    elif step == 3 and job in books.held:
        held = books.held.pop(job)
        if entry is None:
            books.pending.add(*held)
    elif step == 4:
        books.pending.remove(job, 0.0)
        books.held.pop(job, None)
        if entry:
            books.gate.forget(entry)
    elif step == 5 and in_queue:
        lease = Lease(job=job, key=books.pending.key_of(job), gpus=(), started_at=0.0, expected_end=1.0)
        books.claim(Start(lease=lease, submitted_at=0.0, score=1.0))
    elif step == 6 and live:
        books.unclaim(live, 0.0)
    elif step == 7 and entry:
        left = books.gate.leave(job)
        if left is not None and not in_queue:
            books.gate.enter(left, (left.key, waiting))


@settings(max_examples=200, deadline=None)
@given(steps)
def test_the_counts_are_those_of_the_jobs_that_wait(story):
    books = empty()
    for step, number, key in story:
        take(books, step, JobId(str(number)), key)
        assert {bearer: books.waiting(bearer) for bearer in BEARERS} == recount(books)
        at_gate = sum(entry.job not in books.held for entry in books.gate.entries())
        queued = sum(len(group.jobs) for group in books.pending.groups())
        assert (books.counts()["pending"], books.counts()["held"]) == (queued + at_gate, len(books.held))


def test_a_held_job_at_the_gate_counts_once():
    books = empty()
    for step in (1, 2):
        take(books, step, JobId("1"), KEYS[0])
    assert JobId("1") in books.held
    assert JobId("1") in books.gate
    assert books.waiting(("group", "bio")) == 1
