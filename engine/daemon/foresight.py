"""Why, when and what would help: the parts that answer it, put together around one forecast.

Must not know who asks.
"""

from dataclasses import dataclass

from engine.core.forecast import Bounds
from engine.core.policy import Policy
from engine.daemon.books import Books
from engine.daemon.forecasts import Forecasts
from engine.daemon.helps import Helps
from engine.daemon.planned import PlannedFuture
from engine.daemon.preview import Previews
from engine.daemon.views import Views
from engine.daemon.whys import Whys
from engine.ports import Clock
from engine.store.jobs import Jobs


@dataclass(slots=True, frozen=True, kw_only=True)
class Foresight:
    """What is asked of the future."""

    forecasts: Forecasts
    whys: Whys
    previews: Previews
    planned: PlannedFuture


def foresight(*, books: Books, store: Jobs, views: Views, policy: Policy, bounds: Bounds, clock: Clock) -> Foresight:
    """All of it on one set of books."""
    forecasts = Forecasts(books=books, policy=policy, bounds=bounds, clock=clock)
    helps = Helps(policy=policy)
    return Foresight(
        forecasts=forecasts,
        whys=Whys(books=books, policy=policy, forecasts=forecasts, helps=helps, views=views, clock=clock),
        previews=Previews(books=books, policy=policy, bounds=bounds, helps=helps, clock=clock),
        planned=PlannedFuture(books=books, store=store, policy=policy, forecasts=forecasts, views=views, clock=clock),
    )
