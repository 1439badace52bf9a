"""What is done about strangers on cards: told once, charged by the setting, to the minute and to the month."""

from dataclasses import replace

import pytest

from config.settings import GpuSettings, SimulatedCard
from engine.api.asks import AccountChange
from engine.core.model import AccountName
from engine.daemon.carduse import CardUse, Stranger
from engine.daemon.foreign import ForeignWatch
from engine.daemon.notices import Notices
from engine.daemon.policy import policy_of
from tests.daemon.conftest import World, settings


def gpu(foreign):
    return GpuSettings(provider="simulated", simulated=(SimulatedCard(count=2),), foreign=foreign)


def stranger(pid=10, memory_mb=3000, account="ann", user="eve"):
    return Stranger(
        pid=pid,
        start=pid * 100,
        user=user,
        command="python train.py --secret",
        account=AccountName(account) if account else None,
        memory_mb=memory_mb,
    )


class Watched:
    """A world whose first card carries what the test says, looked at every second."""

    def __init__(self, world: World, foreign: str) -> None:
        self.world = world
        ground = world.engine
        self.notices = Notices(ground.feed, world.clock)
        self.journal = ground.passes._journal
        self.watch = ForeignWatch(
            books=world.books,
            notices=self.notices,
            journal=self.journal,
            register=ground.register,
            settings=gpu(foreign),
        )

    def carry(self, *strangers, held_mb=0):
        (card, *_) = self.world.books.cards.all()
        used = held_mb + sum(one.memory_mb or 0 for one in strangers)
        reading = replace(card.reading, memory_used_mb=used, read_at=self.world.clock.now())
        use = CardUse(held_mb=held_mb, strangers=tuple(strangers))
        self.world.books.cards.update([reading], {reading.uuid: use})

    def look(self, seconds=0):
        for _ in range(max(1, seconds)):
            self.world.clock.time += 1.0 if seconds else 0.0
            (card, *_) = self.world.books.cards.all()
            reading = replace(card.reading, read_at=self.world.clock.now())
            self.world.books.cards.update([reading], {reading.uuid: card.use})
            self.watch.look(self.world.clock.now())

    async def gpu_hours(self, name="ann"):
        """Of an account in this month, as `rcq usage` tells it."""
        report = await self.world.engine.backend.usages.usage(self.world.root, None, None)
        found = [one for group in report.items for one in group.accounts if one.account == name]
        return found[0].month_gpu_s / 3600 if found else 0.0


async def watched(make, foreign):
    world = await make(gpu=gpu(foreign))
    await world.populate()
    return Watched(world, foreign)


async def test_told_once_to_the_linked_account_and_over_when_it_goes(make):
    one = await watched(make, "warn")
    one.carry(stranger())
    one.look(5)
    (notice,) = one.notices.of_account(AccountName("ann"))
    assert (notice.code, notice.numbers["pid"], notice.numbers["user"]) == ("FOREIGN_PROCESS", 10, "eve")
    assert (notice.numbers["memory_mb"], notice.numbers["charged"]) == (3000, False)
    assert not list(one.notices.of_account(AccountName("bob")))
    assert len(list(one.notices.of_account(None))) == 1
    one.carry()
    one.look()
    assert not list(one.notices.of_account(None))


async def test_of_several_those_are_told_that_are_too_many(make):
    one = await watched(make, "warn")
    one.carry(stranger(10, 3000), stranger(11, 300), stranger(12, 150), stranger(13, None))
    one.look()
    told = {notice.numbers["pid"] for notice in one.notices.of_account(None)}
    assert told == {10, 13}, "450 MiB are within the 500 that are tolerated"


@pytest.mark.parametrize("foreign", ["ignore", "avoid"])
async def test_nobody_is_told_where_that_is_not_asked_for(make, foreign):
    one = await watched(make, foreign)
    one.carry(stranger())
    one.look(5)
    assert not list(one.notices.of_account(None))


async def test_a_stranger_is_charged_what_usage_says(make):
    one = await watched(make, "charge")
    one.carry(stranger())
    one.look()
    one.look(90)
    one.carry()
    one.look(1)  # gone: the rest is charged
    await one.world.engine.passes.flush()
    assert await one.gpu_hours() == pytest.approx(90 / 3600)
    months = await one.world.store.usage.months("1970-01")
    assert sorted((scope, name, round(gpu_s)) for _, scope, name, gpu_s in months) == [
        ("account", "ann", 90),
        ("group", "bio", 90),
    ]
    owner = next(iter(one.world.books.usage.accounts(one.world.clock.now())))
    assert (owner.account, owner.group) == ("ann", "bio")
    assert one.world.books.usage.of("bio", one.world.clock.now()) == pytest.approx(90, rel=1e-3)


async def test_charged_about_once_a_minute(make):
    one = await watched(make, "charge")
    one.carry(stranger())
    one.look()
    one.look(59)
    assert await one.gpu_hours() == 0.0
    one.look(1)
    assert await one.gpu_hours() == pytest.approx(60 / 3600)


async def test_a_card_of_several_strangers_is_shared_equally(make):
    one = await watched(make, "charge")
    one.carry(stranger(10), stranger(11, account="bob"), stranger(12, account=None))
    one.look()
    one.look(60)
    assert await one.gpu_hours("ann") == pytest.approx(20 / 3600)
    assert await one.gpu_hours("bob") == pytest.approx(20 / 3600)


async def test_nobody_pays_twice_for_a_card_that_the_own_job_holds(make):
    one = await watched(make, "charge")
    await one.world.submit(gpus=2, time_limit_s=1)  # both cards
    await one.world.one_pass()
    before = await one.gpu_hours()
    one.carry(stranger(), stranger(11, account="bob"), held_mb=1000)
    one.look()
    one.look(60)
    assert await one.gpu_hours("ann") == before
    assert await one.gpu_hours("bob") == pytest.approx(30 / 3600)


async def test_whoever_is_not_linked_any_more_pays_no_longer(make):
    one = await watched(make, "charge")
    one.carry(stranger())
    one.look()
    one.look(30)
    one.carry(stranger(account=None))
    one.look(30)
    assert await one.gpu_hours() == pytest.approx(30 / 3600)


@pytest.mark.parametrize(("foreign", "tolerated"), [("ignore", None), ("avoid", 500), ("warn", 500), ("charge", 500)])
def test_only_ignore_starts_jobs_beside_them(foreign, tolerated):
    assert policy_of(settings(gpu=gpu(foreign))).tolerated_foreign_mb == tolerated


async def test_who_sees_what_of_a_stranger(make):
    one = await watched(make, "avoid")
    await one.world.people.change_account(one.world.root, "ann", AccountChange(unix_user="eve"))
    one.carry(stranger())
    commands = {
        who.account: (await one.world.box.gpus(who))[0].processes[0].command
        for who in (one.world.root, one.world.ann, one.world.bob)
    }
    assert commands == {"root": "python train.py --secret", "ann": "python train.py --secret", "bob": "python"}


async def test_a_stranger_beside_a_sharer_keeps_others_off(make):
    one = await watched(make, "avoid")
    share = {"gpus": 1, "gpu_share": True, "gpu_memory_mb": 8000}
    await one.world.submit(**share)
    await one.world.one_pass()
    one.carry(stranger(), held_mb=8000)
    second = await one.world.submit(**share)
    await one.world.one_pass()
    held = {live.job: live.lease.gpus for live in one.world.books.live.values()}
    (_, other) = one.world.books.cards.all()
    assert held[str(second)] == (other.reading.uuid,)
    one.world.books.cards.drained.add(other.reading.uuid)
    third = await one.world.submit(**share)
    why = await one.world.jobs.why(one.world.ann, third)
    (reason,) = [reason for reason in why.reasons if reason["code"] == "GPU_FOREIGN"]
    assert (reason["index"], reason["processes"], list(reason["users"])) == (0, 1, ["eve"])
