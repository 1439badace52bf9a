"""The policies that `rcq simulate` knows by name: the engine's own orders, and the baselines to measure them against.

Must not know how a planner decides.
"""

from dataclasses import dataclass, replace

from engine.core import baselines
from engine.core.baselines import Planner
from engine.core.conservative import conservative
from engine.core.decisions import Plan
from engine.core.plan import plan
from engine.core.policy import Order, Policy
from engine.core.snapshot import Snapshot


def blind(planner: Planner) -> Planner:
    """The same planner, to which no card is hot: it takes the one with the lowest index."""

    def plan_blindly(snapshot: Snapshot, policy: Policy) -> Plan:
        cards = tuple(replace(gpu, temperature_c=None, margin_c=None, throttled=False) for gpu in snapshot.gpus)
        return planner(replace(snapshot, gpus=cards, hot=frozenset()), policy)

    return plan_blindly


BASELINES: dict[str, Planner] = {
    "fcfs": baselines.fcfs,
    "greedy": baselines.greedy,
    "easy": baselines.easy,
    "easy-sjbf": baselines.easy_shortest,
    "conservative": conservative,
    "sjf": baselines.shortest_first,
    "first-fit": blind(baselines.greedy),
    "blind": blind(plan),
}
BLIND = ("first-fit", "blind")
"""Those that know nothing of heat."""
AS_IT_WAS = "as-it-was"
"""The name of what really happened, beside those of policies."""
NAMES: tuple[str, ...] = (*(order.value for order in Order), *BASELINES)


@dataclass(slots=True, frozen=True, kw_only=True)
class Contender:
    """A policy that takes part in a simulation."""

    name: str
    planner: Planner
    policy: Policy


def contender(name: str, policy: Policy) -> Contender:
    """The policy of that name. policy: the settings' numbers; a baseline goes by its heat limits alone.

    The blind ones do nothing about heat, neither in placing nor by caps.
    """
    if name in BLIND:
        policy = replace(policy, thermal=replace(policy.thermal, power_cap=False))
    if name in BASELINES:
        return Contender(name=name, planner=BASELINES[name], policy=policy)
    return Contender(name=name, planner=plan, policy=replace(policy, order=Order(name)))


def names_of(text: str) -> tuple[str, ...]:
    """Names between commas, or `all`, each once. Raises ValueError for one that is unknown."""
    names = NAMES if text == "all" else tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if unknown := [name for name in names if name not in NAMES]:
        raise ValueError(f"no policy {unknown[0]!r}; there are {', '.join(NAMES)}, and all")
    return names
