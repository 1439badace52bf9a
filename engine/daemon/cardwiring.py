"""What looks at the cards after each sample, in the order in which it has to.

Must not run anything, and not know how any of them judges.
"""

from engine.daemon.ground import Ground
from engine.daemon.idle import Idle
from engine.daemon.passes import Passes
from engine.daemon.provider import Chosen
from engine.daemon.runs import Runs
from engine.daemon.sampler import Sampler


def watch_cards(ground: Ground, sampler: Sampler, passes: Passes, runs: Runs, chosen: Chosen) -> None:
    """Let everybody who minds the cards look after each sample."""
    idle = Idle(
        books=ground.books,
        notices=ground.notices,
        runs=runs,
        audit=ground.store.audit,
        settings=ground.settings.gpu,
        state_dir=ground.paths.state_dir,
    )
    sampler.watchers += [ground.measures.look, idle.look]
    runs.leaving += [ground.measures.leave, lambda live, _ending: ground.notices.forget(live.job)]
