"""A job's request written anew while it waits, and a job that waits anew: each with what keeps it at the gate.

Must not know who asks for it, nor whether that is wise.
"""

import math

from sqlite_utils import Database

from engine.bookkeeping import AtGate, Moved, NewJob
from engine.store import gate
from engine.store.audit import Entry, log
from engine.store.changes import apply
from engine.store.rewriting import rewrite


def edit(db: Database, number: int, job: NewJob, gated: AtGate | None, entry: Entry) -> None:
    """Give a waiting job this request; id, account, key and place stay. Raises ImpossibleChange if it does not wait.

    gated: what keeps it at the gate from now on.
    """
    rewrite(db, number, job)
    gate.replace(db, number, gated)
    log(db, entry)


def requeue(db: Database, change: Moved, gated: AtGate | None, entry: Entry) -> None:
    """Let a job that has ended wait again, in the queue or at the gate. Raises ImpossibleChange."""
    apply(db, [change], half_life_s=math.inf)
    gate.replace(db, int(change.job), gated)
    log(db, entry)
