"""`usage`: every number from where it is said to come from, and nobody sees more than they may."""

import pytest

from config.settings import PrivacySettings
from engine.api.asks import AccountChange, GroupChange, NewAccount
from engine.core.ledger import Ledger
from engine.core.model import Owner
from engine.protocol.errors import Refused
from engine.protocol.people import QuotaView

HOUR = 3600.0


async def told(world, who=None, group=None, since=None):
    return await world.engine.backend.usages.usage(who or world.root, group, since)


async def ran(world, who, hours, gpus=1):
    """A job that runs on these cards for so long, from now."""
    job = await world.submit(who, gpus=gpus, time_limit_s=int(10 * HOUR))
    await world.one_pass()
    began = world.clock.now()
    world.clock.time += hours * HOUR
    await world.engine.sampler.sample()
    world.executor.end(job, 0, started_at=began, ended_at=began + hours * HOUR)
    await world.one_pass()


async def test_the_numbers_are_those_of_a_pass(world):
    await world.people.change_group(world.root, "bio", GroupChange(share=3.0, quota=QuotaView(gpus=2, gpu_hours=95.0)))
    await world.people.change_group(world.root, "bio", GroupChange(guarantee_gpus=1))
    await ran(world, world.ann, 2.0)
    await world.submit(gpus=2, time_limit_s=int(HOUR))
    await world.one_pass()
    report = await told(world, group="bio")
    (bio,) = report.items
    snapshot = world.books.snapshot(world.clock.now())
    ledger = Ledger(snapshot, world.engine.passes._policy)
    assert bio.usage_gpu_s == snapshot.usage_gpu_s["bio"] == pytest.approx(2.01 * HOUR * 2, rel=0.02)
    assert bio.quota_gpu_s == ledger.share_gpu_s("bio") > 0
    assert 0.1 <= bio.fair <= 2.0
    assert bio.month_gpu_s == pytest.approx(4 * HOUR)
    assert (bio.month_limit_gpu_h, bio.gpus, bio.gpus_limit, bio.guarantee_gpus) == (95.0, 2, 2, 1)
    assert bio.fair == ledger.fair_of_group("bio")
    assert (report.shares, report.since, bio.since_gpu_s) == (5.0, None, None)
    assert report.total_gpu_s == pytest.approx(bio.usage_gpu_s)
    (ann,) = bio.accounts
    assert (ann.account, ann.gpus, ann.gpus_limit) == ("ann", 2, None)
    assert ann.usage_gpu_s == pytest.approx(bio.usage_gpu_s)
    assert ann.quota_gpu_s == pytest.approx(bio.usage_gpu_s)
    assert ann.fair == ledger.fair(Owner(account="ann", group="bio"))


async def test_the_factor_falls_as_usage_grows(world):
    fresh = {item.group: item.fair for item in (await told(world)).items}
    for _ in range(40):
        await ran(world, world.ann, 9.0, gpus=2)
    used = {item.group: item.fair for item in (await told(world)).items}
    assert fresh == {"bio": 2.0, "chem": 2.0, "ops": 2.0}
    assert used["bio"] < 1.0
    assert used["chem"] == 2.0


async def test_since_counts_what_ran_from_then_on_and_what_runs(world):
    await ran(world, world.ann, 2.0, gpus=2)
    middle = world.clock.now() - HOUR
    await ran(world, world.bob, 1.0)
    await world.submit(world.ann, gpus=1, time_limit_s=int(5 * HOUR))
    await world.one_pass()
    world.clock.time += 0.5 * HOUR
    report = await told(world, since=middle)
    since = {item.group: item.since_gpu_s for item in report.items}
    assert since == pytest.approx({"bio": 2.5 * HOUR, "chem": HOUR, "ops": 0.0})
    rows = {row.account: row.since_gpu_s for item in report.items for row in item.accounts}
    assert rows == pytest.approx({"ann": 2.5 * HOUR, "bob": HOUR, "root": 0.0})
    with pytest.raises(Refused) as refused:
        await told(world, since=world.clock.now() + 1)
    assert refused.value.code == "VALIDATION_ERROR"


@pytest.mark.parametrize(("others", "accounts"), [("redacted", ["ann"]), ("visible", ["ann", "cleo"])])
async def test_members_see_their_group_and_their_own_row(make, others, accounts):
    world = await make(privacy=PrivacySettings(others=others))
    await world.populate()
    await world.people.add_account(world.root, 0, NewAccount(name="cleo", group="bio"))
    await ran(world, world.ann, 1.0)
    (bio,) = (await told(world, world.ann)).items
    assert (bio.group, [row.account for row in bio.accounts]) == ("bio", accounts)
    assert bio.usage_gpu_s > 0
    for group, code in (("chem", "FORBIDDEN"), ("none", "FORBIDDEN")):
        with pytest.raises(Refused) as refused:
            await told(world, world.ann, group)
        assert refused.value.code == code
    assert [item.group for item in (await told(world)).items] == ["bio", "chem", "ops"]
    with pytest.raises(Refused) as refused:
        await told(world, world.root, "none")
    assert refused.value.code == "NOT_FOUND"


async def test_who_left_a_group_keeps_a_row_there(world):
    await ran(world, world.ann, 1.0)
    await world.people.change_account(world.root, "ann", AccountChange(group="chem"))
    items = {item.group: item for item in (await told(world)).items}
    assert [row.account for row in items["bio"].accounts] == ["ann"]
    assert [(row.account, row.usage_gpu_s) for row in items["chem"].accounts] == [("ann", 0.0), ("bob", 0.0)]
