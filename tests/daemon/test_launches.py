"""What a launch carries of its lease to whoever runs it."""

import pytest

pytestmark = pytest.mark.asyncio


async def test_a_job_may_open_the_device_nodes_of_its_own_cards_and_no_others(world) -> None:
    for gpus in (1, 1, 0):
        await world.submit(gpus=gpus)
    await world.engine.sampler.sample()
    await world.one_pass()
    node = {card.reading.uuid: card.reading.nodes for card in world.books.cards.all()}
    launched = {launch.job: launch for launch in world.executor.launched}
    held = [launched[job].lease.gpus for job in ("1", "2", "3")]
    assert sorted(launched[job].devices for job in ("1", "2")) == [("/dev/nvidia0",), ("/dev/nvidia1",)]
    assert [launched[job].devices for job in ("1", "2")] == [node[uuid] for (uuid,) in held[:2]]
    assert launched["3"].devices == ()


async def test_of_cards_that_share_a_node_it_is_named_once(world) -> None:
    cards = world.books.cards
    await world.engine.sampler.sample()
    assert cards.nodes([]) == ()
    first = cards.all()[0].reading.uuid
    assert cards.nodes([first, first, "GPU-unknown"]) == ("/dev/nvidia0",)
