"""Of several machines that all cannot hold a request, the one that lacks least is told."""

from dataclasses import replace

from clusters import nodes
from worlds import A100, card, key

from engine.core.placement.possible import impossible


def test_a_machine_without_the_type_is_not_told_where_another_lacks_memory_alone():
    host = nodes(1, 1)[1]
    other = replace(card(0), node="n0")
    of_type = replace(card(1, A100, memory_mb=0), node="n1")
    (found,) = impossible(key(gpu_type="a100", gpu_memory_mb=10).shape, (other, of_type), host)
    assert (found.resource, found.wanted, found.most) == ("gpu_memory_mb", 10, 0)
