"""Reading what Slurm prints about its nodes: recorded from 22.05, and in the form that it has since 23.02."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from engine.slurm.errors import SlurmAway, SlurmUnread
from engine.slurm.nodes import Gres, Node, OtherForm, by_number, default_partitions, of_json, within

RECORDED = (Path(__file__).parent / "recorded" / "sinfo-22.05.json").read_text()
LATER: dict[str, Any] = {
    "name": "gpu01",
    "state": ["MIXED", "DRAIN"],
    "reason": "fan is broken",
    "reason_set_by_user": "root",
    "reason_changed_at": {"set": True, "infinite": False, "number": 1_700_000_000},
    "cpus": 64,
    "alloc_cpus": 12,
    "effective_cpus": 64,
    "real_memory": 515_000,
    "alloc_memory": 64_000,
    "cpu_load": 1234,
    "free_mem": {"set": True, "infinite": False, "number": 400_123},
    "gres": "gpu:a100:2(S:0-1),gpu:a100_3g.20gb:4(S:0),shard:8",
    "gres_used": "gpu:a100:1(IDX:1),gpu:a100_3g.20gb:2(IDX:2,5),shard:0",
    "partitions": ["main", "gpu"],
}
"""One node as `scontrol show nodes --json` of 23.11 and 24.05 tells it (data_parser v0.0.40, v0.0.41)."""


def later(**changes: object) -> str:
    return json.dumps({"nodes": [{**copy.deepcopy(LATER), **changes}], "errors": [], "warnings": []})


def only(printed: str, **how: bool) -> Node:
    (node,) = of_json(printed, **how)
    return node


def test_nodes_come_by_name_as_people_count() -> None:
    assert [node.name for node in of_json(RECORDED)] == ["c9", "c10", "m1", "m2"]


def test_a_node_at_work_is_read_whole() -> None:
    assert of_json(RECORDED)[2] == Node(
        name="m1",
        state=("MIXED",),
        closed=None,
        cores=8,
        cores_allocated=3,
        memory_mb=16_000,
        memory_allocated_mb=150,
        cpu_load=0.57,
        free_memory_mb=22_889,
        gres=(Gres(type="h100", indices=(0, 1), used=(0, 1)), Gres(type="a100", indices=(2, 3), used=(2,))),
        partitions=("main",),
    )


def test_nodes_out_of_use_say_why_with_the_reason_of_who_did_it() -> None:
    assert [node.closed for node in of_json(RECORDED)] == [
        None,
        "is down in Slurm: gone to bed",
        None,
        "is drained in Slurm: fan is broken",
    ]


def test_cards_without_a_type_are_of_the_type_gpu() -> None:
    assert of_json(RECORDED)[3].gres == (Gres(type="gpu", indices=(0, 1)),)


def test_the_later_form_is_read_whole() -> None:
    assert only(later()) == Node(
        name="gpu01",
        state=("MIXED", "DRAIN"),
        closed="is drained in Slurm: fan is broken",
        cores=64,
        cores_allocated=12,
        memory_mb=515_000,
        memory_allocated_mb=64_000,
        cpu_load=12.34,
        free_memory_mb=400_123,
        gres=(
            Gres(type="a100", indices=(0, 1), used=(1,)),
            Gres(type="a100_3g.20gb", indices=(2, 3, 4, 5), used=(2, 5)),
        ),
        partitions=("main", "gpu"),
    )


@pytest.mark.parametrize(
    ("state", "closed"),
    [
        (["IDLE"], None),
        (["ALLOCATED"], None),
        (["IDLE", "PLANNED"], None),
        (["IDLE", "CLOUD", "POWERED_DOWN"], None),
        (["IDLE", "COMPLETING"], None),
        (["IDLE", "NOT_RESPONDING"], "does not respond in Slurm"),
        (["DOWN", "NOT_RESPONDING"], "is down in Slurm"),
        (["IDLE", "MAINTENANCE"], "is in maintenance in Slurm"),
        (["IDLE", "RESERVED"], "is reserved in Slurm"),
        (["IDLE", "REBOOT_REQUESTED"], "is to restart in Slurm"),
        (["UNKNOWN"], "has not registered yet in Slurm"),
        ("down*", "is down in Slurm"),
    ],
)
def test_states_that_close_a_node(state: object, closed: str | None) -> None:
    assert only(later(state=state, reason="")).closed == closed


def test_a_reserved_node_is_open_to_jobs_that_name_the_reservation() -> None:
    assert only(later(state=["IDLE", "RESERVED", "MAINTENANCE"], reason=""), reserved=True).closed is None
    assert only(later(state=["DOWN", "RESERVED"], reason=""), reserved=True).closed == "is down in Slurm"


@pytest.mark.parametrize(
    "unset", [None, 0xFFFFFFFE, 0xFFFFFFFFFFFFFFFE, {"set": False, "infinite": False, "number": 0}]
)
def test_figures_that_are_not_set_are_none(unset: object) -> None:
    node = only(later(cpu_load=unset, free_mem=unset))
    assert (node.cpu_load, node.free_memory_mb) == (None, None)


def test_a_dead_controller_is_no_empty_cluster() -> None:
    """22.05 exits with 0 then, and prints this."""
    printed = '{"meta": {}, "errors": [{"error": "Unspecified error", "errno": -1}], "nodes": []}'
    with pytest.raises(SlurmAway, match="Unspecified error"):
        of_json(printed)


def test_a_cluster_without_nodes_is_one() -> None:
    assert of_json('{"errors": [], "nodes": []}') == ()


def test_sums_of_nodes_ask_for_the_other_command() -> None:
    with pytest.raises(OtherForm):
        of_json('{"sinfo": [{"nodes": {"total": 3}}], "errors": []}')


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "slurm_load_node: error",
        "[]",
        "{}",
        '{"nodes": {}}',
        '{"nodes": ["n1"]}',
        '{"nodes": [{}]}',
        later(state=[]),
        later(state=3),
        later(cpus=None),
        later(cpus="many"),
        later(real_memory=True),
        later(partitions=[3]),
        later(gres=["gpu:2"]),
        "[" * 100_000,
    ],
)
def test_what_is_no_list_of_nodes_is_an_error_that_says_so(printed: str) -> None:
    with pytest.raises(SlurmUnread, match="Slurm"):
        of_json(printed)


def test_partitions() -> None:
    nodes = of_json(later())
    assert within(nodes, {"gpu", "other"}) == nodes
    assert within(nodes, ()) == nodes
    assert within(nodes, {"other"}) == ()
    assert default_partitions("main*\ngpu\n") == {"main"}
    assert default_partitions("gpu\n") == frozenset()


def test_names_sort_by_their_numbers() -> None:
    assert sorted(["n10", "n2", "gpu", "n1a", "10", "9"], key=by_number) == ["9", "10", "gpu", "n1a", "n2", "n10"]
