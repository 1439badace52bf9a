"""The cards of a cluster as readings, by what a made-up Slurm answers; tests/contract has the real one."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.gpu.slurm import SOMEBODY, CardKind, ClusterTerms, SlurmNodes
from engine.slurm.errors import SlurmAway, SlurmRefused, SlurmUnread
from engine.slurm.jobs import Share, SlurmJob
from engine.slurm.nodes import card_uuid
from tests.gpu.conftest import HandClock


class Slurm:
    """Answers as the test says. nodes: by name, what differs from an idle node; error: raised instead."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, ...]] = []
        self.error: Exception | None = None
        self.tells_sums = False

    def __call__(self, *command: str) -> str:
        self.asked.append(command)
        if self.error is not None:
            raise self.error
        if "%P" in command:
            return "main*\nother\n"
        if self.tells_sums and command[0] == "sinfo":
            return json.dumps({"sinfo": [{}]})
        return json.dumps({"nodes": [self._node(name, given) for name, given in self.nodes.items()]})

    def _node(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        idle = {"state": ["IDLE"], "cpus": 8, "real_memory": 1000, "partitions": ["main"], "gres": "gpu:a100:2"}
        return {"name": name, **idle, **given}


@pytest.fixture
def slurm() -> Slurm:
    made = Slurm()
    made.nodes = {"n10": {}, "n2": {"gres": "gpu:h100:1,gpu:a100:1"}, "n1": {"gres": ""}}
    return made


Make = Callable[..., SlurmNodes]


@pytest.fixture
def make(slurm: Slurm, clock: HandClock) -> Make:
    return lambda **terms: SlurmNodes(slurm, ClusterTerms(**terms), clock)


def job(name: str, *shares: Share, user: str = "anna", state: str = "RUNNING") -> SlurmJob:
    return SlurmJob(id=1, name=name, state=state, user=user, nodes=shares)


def is_own(one: SlurmJob) -> bool:
    return one.name.startswith("rcq-")


def test_cards_count_over_all_nodes_and_are_named_by_place_type_and_slurms_index(make: Make) -> None:
    cards = make().read()
    assert [(card.index, card.uuid, card.node) for card in cards] == [
        (0, "slurm/n2/h100/0", "n2"),
        (1, "slurm/n2/a100/1", "n2"),
        (2, "slurm/n10/a100/0", "n10"),
        (3, "slurm/n10/a100/1", "n10"),
    ]
    assert card_uuid("n2", "a100", 1) == cards[1].uuid


def test_a_card_keeps_its_index_whatever_comes_and_goes(make: Make, slurm: Slurm) -> None:
    provider = make()
    before = {card.uuid: card.index for card in provider.read()}
    slurm.nodes["n1"] = {"gres": "gpu:1"}
    del slurm.nodes["n2"]
    after = {card.uuid: card.index for card in provider.read()}
    assert after == {
        "slurm/n1/gpu/0": 4,
        "slurm/n10/a100/0": before["slurm/n10/a100/0"],
        "slurm/n10/a100/1": before["slurm/n10/a100/1"],
    }


def test_what_slurm_does_not_know_of_a_card_is_what_the_settings_say(make: Make) -> None:
    cards = make(kinds={"h100": CardKind(model="NVIDIA H100 80GB", memory_mb=81_559)}).read()
    assert [(card.model, card.memory_mb) for card in cards[:2]] == [("NVIDIA H100 80GB", 81_559), ("a100", 0)]


def test_only_the_partitions_that_count_are_told(make: Make, slurm: Slurm) -> None:
    slurm.nodes["n2"]["partitions"] = ["other", "third"]
    assert {node.name for node in provider_nodes(make(partitions=frozenset({"other"})))} == {"n2"}
    assert {node.name for node in provider_nodes(make(partitions=frozenset({"main", "third"})))} == {"n1", "n2", "n10"}
    assert {node.name for node in provider_nodes(make())} == {"n1", "n10"}  # main is the default


def provider_nodes(provider: SlurmNodes) -> tuple[Any, ...]:
    provider.read()
    return provider.nodes()


def test_a_partition_that_there_is_not_is_named(make: Make, slurm: Slurm) -> None:
    slurm.nodes["n2"]["partitions"] = ["other"]
    with pytest.raises(SlurmUnread, match=r"in partition nix; there are: main, other\. Set slurm\.partition"):
        make(partitions=frozenset({"nix"})).read()
    slurm.nodes.clear()
    assert make(partitions=frozenset({"nix"})).read() == ()


def test_the_default_partition_is_asked_for_once(make: Make, slurm: Slurm) -> None:
    provider = make()
    for _ in range(3):
        provider.read()
    assert sum("%P" in command for command in slurm.asked) == 1


def test_a_closed_node_closes_its_cards_with_its_words(make: Make, slurm: Slurm) -> None:
    slurm.nodes["n2"] |= {"state": ["IDLE", "DRAIN"], "reason": "fan"}
    provider = make()
    assert [card.closed for card in provider.read()] == ["is drained in Slurm: fan"] * 2 + [None] * 2
    assert [(node.name, node.closed) for node in provider.nodes()] == [
        ("n1", None),
        ("n2", "is drained in Slurm: fan"),
        ("n10", None),
    ]


def test_what_strangers_jobs_hold_is_told_and_what_rcqs_hold_is_not(make: Make) -> None:
    provider = make()
    provider.read()
    assert {card.taken_by for card in provider.read()} == {None}  # before it knows anybody
    strangers = job("train", Share(node="n2", cores=3, memory_mb=100, gpus=(("a100", 1),)), user="bob")
    both = job("mpi", Share(node="n2", cores=1, memory_mb=50), Share(node="n10", cores=2, memory_mb=60))
    ours = job("rcq-abcd-7.1", Share(node="n10", cores=4, memory_mb=200, gpus=(("a100", 0),)))
    waiting = job("later", Share(node="n10", cores=8, memory_mb=900, gpus=(("a100", 1),)), state="PENDING")
    ended = job("before", Share(node="n10", cores=8, memory_mb=900, gpus=(("a100", 1),)), state="COMPLETED")
    provider.introduce(lambda: [strangers, both, ours, waiting, ended], is_own)
    assert [card.taken_by for card in provider.read()] == [None, "bob", None, None]
    told = {node.name: (node.strangers_cores, node.strangers_memory_mb) for node in provider.nodes()}
    assert told == {"n1": (0, 0), "n2": (4, 150), "n10": (2, 60)}


HIDDEN = {"gres_used": "gpu:a100:1(IDX:1)", "alloc_cpus": 5, "alloc_memory": 300}
"""What is held of a machine."""


def told(provider: SlurmNodes) -> tuple[list[str | None], tuple[int, int]]:
    """Who is on n10's cards, and what strangers hold of its cores and memory."""
    cards = [card.taken_by for card in provider.read() if card.node == "n10"]
    return cards, next((one.strangers_cores, one.strangers_memory_mb) for one in provider.nodes() if one.name == "n10")


def test_what_belongs_to_no_job_that_is_known_is_somebodys_after_a_while(
    make: Make, slurm: Slurm, clock: HandClock
) -> None:
    provider = make()
    ours = job("rcq-abcd-7.1", Share(node="n10", cores=2, memory_mb=100, gpus=(("a100", 0),)))
    provider.introduce(lambda: [ours], is_own)
    slurm.nodes["n10"] |= HIDDEN
    for seconds, seen in (
        (0.0, ([None, None], (0, 0))),
        (2.9, ([None, None], (0, 0))),
        (0.2, ([None, SOMEBODY], (3, 200))),
    ):
        clock.forward(seconds)
        assert told(provider) == seen


def test_a_job_of_rcqs_that_is_seen_a_moment_later_is_no_strangers(make: Make, slurm: Slurm, clock: HandClock) -> None:
    provider, jobs = make(), list[SlurmJob]()
    provider.introduce(lambda: jobs, is_own)
    slurm.nodes["n10"] |= HIDDEN
    told(provider)
    clock.forward(2.0)
    jobs.append(job("rcq-abcd-7.1", Share(node="n10", cores=5, memory_mb=300, gpus=(("a100", 1),))))
    assert told(provider) == ([None, None], (0, 0))
    clock.forward(2.0)
    jobs.clear()  # it has ended, and its node does not tell that yet
    assert told(provider) == ([None, None], (0, 0))


def test_slurm_is_asked_less_often_while_there_is_no_job(make: Make, slurm: Slurm, clock: HandClock) -> None:
    provider, idle = make(fresh_s=1.0, idle_s=4.0), [True]
    provider.introduce(list, is_own, is_idle=lambda: idle[0])
    provider.read()
    before = len(slurm.asked)
    for _ in range(3):
        clock.forward(1.0)
        provider.read()
    assert len(slurm.asked) == before
    idle[0] = False  # one came, and what it is planned on is no older than ever
    provider.read()
    assert len(slurm.asked) == before + 1
    idle[0] = True
    clock.forward(4.0)
    provider.read()
    assert len(slurm.asked) == before + 2


def test_an_old_answer_makes_no_stranger_of_a_job_that_has_ended(make: Make, slurm: Slurm, clock: HandClock) -> None:
    provider = make(fresh_s=10.0)
    jobs = [job("rcq-abcd-7.1", Share(node="n10", cores=5, memory_mb=300, gpus=(("a100", 1),)))]
    provider.introduce(lambda: jobs, is_own)
    slurm.nodes["n10"] |= HIDDEN
    told(provider)
    jobs.clear()
    for _ in range(9):
        clock.forward(1.0)
        assert told(provider) == ([None, None], (0, 0))


def test_what_is_held_since_the_last_look_at_jobs_may_be_rcqs(make: Make, slurm: Slurm, clock: HandClock) -> None:
    provider, looked_at = make(), clock.now()
    provider.introduce(tuple, is_own, lambda: clock.now() - looked_at)
    clock.forward(1.0)
    slurm.nodes["n10"] |= HIDDEN
    for _ in range(9):
        assert told(provider) == ([None, None], (0, 0))
        clock.forward(1.0)
    looked_at = clock.now()
    assert told(provider) == ([None, SOMEBODY], (5, 300))


def test_nobody_is_a_stranger_before_jobs_are_known(make: Make, slurm: Slurm, clock: HandClock) -> None:
    provider = make()
    slurm.nodes["n10"] |= HIDDEN
    told(provider)
    clock.forward(60.0)
    assert told(provider) == ([None, None], (0, 0))


def test_a_new_slurm_that_tells_sums_is_asked_for_single_nodes_from_then_on(make: Make, slurm: Slurm) -> None:
    slurm.tells_sums = True
    provider = make(partitions=frozenset({"main"}))
    provider.read()
    provider.read()
    assert [command[0] for command in slurm.asked] == ["sinfo", "scontrol", "scontrol"]


def test_an_answer_serves_as_long_as_it_is_fresh(make: Make, slurm: Slurm, clock: HandClock) -> None:
    provider = make(partitions=frozenset({"main"}), fresh_s=10.0)
    first = provider.read()
    clock.forward(9.9)
    assert provider.read() == first
    clock.forward(0.2)
    assert {card.read_at for card in provider.read()} == {clock.now()}
    assert len(slurm.asked) == 2


@pytest.mark.parametrize("error", [SlurmAway("no controller"), SlurmRefused("Access denied")])
def test_slurm_away_is_raised_and_the_last_nodes_stand(
    make: Make, slurm: Slurm, clock: HandClock, error: Exception
) -> None:
    provider = make()
    provider.read()
    nodes, slurm.error = provider.nodes(), error
    clock.forward(60)
    with pytest.raises(SlurmAway, match=str(error)):
        provider.read()
    assert provider.nodes() == nodes
    assert {node.read_at for node in nodes} == {clock.now() - 60}
