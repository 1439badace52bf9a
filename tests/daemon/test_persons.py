"""Whom jobs run as on the machine's own engine: who may submit, what a launch carries, who may be linked."""

import os
from dataclasses import dataclass
from functools import partial

import pytest

from engine.api.asks import AccountChange, Identity, NewAccount
from engine.daemon.persons import EngineUser, LinkedUsers
from engine.executor import accesslist
from engine.executor.environment import Person
from engine.executor.person import this_person
from engine.ports import CannotLaunch
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields

UID = 65_001
CRON = "*/5 * * * *"


class UserDatabase:
    """Who is there; people come and go."""

    def __init__(self, *people):
        self.people = set(people)

    def find(self, name):
        if name in self.people:
            log_in = {"home": f"/home/{name}", "shell": "/bin/zsh", "path": "/opt/bin:/bin", "language": "de_DE.UTF-8"}
            return Person(name=name, uid=UID, **log_in)
        raise CannotLaunch(f"there is no Unix user {name!r}" if name != "root" else "'root' is root or a system user")

    def is_system(self, name):
        return name == "root" if name in {"root", *self.people} else None


@pytest.fixture
def database():
    return UserDatabase("annu", "bobu")


@pytest.fixture
async def system(make, database, monkeypatch):
    """An engine of the whole machine: ann is linked to a person, root (an admin) to root, bob to nobody."""
    linked = partial(LinkedUsers, find=database.find, is_system=database.is_system)
    monkeypatch.setattr("engine.daemon.ground.LinkedUsers", linked)
    monkeypatch.setattr("engine.daemon.ground.executor_kind", lambda *_: "systemd")
    world = await make()
    world.persons = linked(world.engine.register)
    await world.populate()
    await world.people.change_account(world.root, "ann", AccountChange(unix_user="annu"))
    await world.people.change_account(world.root, "root", AccountChange(unix_user="root"))
    return world


async def refusal(call):
    with pytest.raises(Refused) as found:
        await call
    return found.value


async def test_a_job_runs_as_the_linked_unix_user_with_its_log_in(system):
    job = await system.submit(memory_mb=100)
    await system.one_pass()
    (launch,) = system.executor.launched
    assert (launch.user, launch.memory_mb) == ("annu", 100)
    assert launch.workdir == launch.directory == system.state / "jobs" / str(job)
    told = {name: launch.environment[name] for name in ("HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG")}
    assert told == {
        "HOME": "/home/annu",
        "USER": "annu",
        "LOGNAME": "annu",
        "SHELL": "/bin/zsh",
        "PATH": "/opt/bin:/bin",
        "LANG": "de_DE.UTF-8",
    }
    assert os.getxattr(launch.directory, accesslist.ACCESS) == accesslist.packed([UID])


async def test_a_job_that_asks_for_no_memory_has_that_of_all_jobs_for_its_limit(system):
    await system.submit()
    await system.one_pass()
    assert system.executor.launched[0].memory_mb == system.books.host.memory_mb == 1000


async def test_a_personal_engine_runs_jobs_as_itself_and_asks_for_no_link(world):
    await world.submit()
    await world.one_pass()
    (launch,) = world.executor.launched
    assert launch.user is None
    assert accesslist.ACCESS not in os.listxattr(launch.directory)
    view = await world.people.change_account(world.root, "ann", AccountChange(unix_user="nobody-of-that-name"))
    assert (view.unix_user, view.note) == ("nobody-of-that-name", None)


@pytest.mark.parametrize(("who", "told"), [("bob", "linked to no Unix user"), ("root", "'root' is root")])
async def test_who_has_nobody_to_run_as_can_submit_nothing(system, who, told):
    caller = getattr(system, who)
    kinds = [JobFields(command=["true"], **more) for more in ({}, {"array": "0-9"}, {"cron": CRON}, {"begin": 2e9})]
    for answer in (*await system.jobs.submit(caller, kinds), *await system.jobs.check(caller, kinds)):
        assert isinstance(answer, Refused)
        assert answer.code == "FORBIDDEN"
        assert told in answer.message
        assert f"rcq account set {who} --unix-user U" in answer.message
    assert (await refusal(system.jobs.preview(caller, kinds[0]))).code == "FORBIDDEN"
    assert not system.books.pending
    await system.people.change_account(system.root, who, AccountChange(unix_user="bobu"))
    assert isinstance((await system.jobs.submit(caller, kinds[:1]))[0], int), "the link is in force at once"


async def test_a_unix_user_that_goes_takes_its_accounts_jobs_with_it(system, database):
    waiting, running = await system.submit(gpus=2), await system.submit(gpus=2)
    await system.one_pass()
    database.people.remove("annu")
    system.executor.end(waiting)
    await system.one_pass()
    detail = await system.jobs.show(system.root, running)
    assert (detail.state, detail.cause) == ("failed", "launch-error")
    assert "there is no Unix user 'annu'" in detail.message
    assert (await refusal(system.jobs.requeue(system.root, waiting))).code == "FORBIDDEN"
    database.people.add("annu")
    await system.jobs.requeue(system.root, waiting)
    await system.one_pass()
    assert await system.state_of(waiting) == "running"


async def test_a_waiting_job_of_an_account_that_was_disabled_does_not_run(system):
    job = await system.submit()
    await system.people.change_account(system.root, "ann", AccountChange(disabled=True))
    await system.one_pass()
    detail = await system.jobs.show(system.root, job)
    assert (detail.state, detail.cause) == ("failed", "launch-error")
    assert "rcq account set ann --enable" in detail.message


async def test_a_turn_of_a_recurring_job_needs_somebody_to_run_as(system, database, until):
    job = await system.submit(cron=CRON)
    database.people.remove("annu")
    system.clock.time += 600
    system.engine.gatekeeper.due()
    await system.engine.recurrence.settle()
    await system.one_pass()
    assert "Not submitted" in (await system.jobs.show(system.root, job)).message
    assert not system.books.pending


@pytest.mark.parametrize(
    ("role", "unix_user", "code"),
    [("user", "nobody-of-that-name", "VALIDATION_ERROR"), ("user", "root", "VALIDATION_ERROR"), ("user", "bobu", None)],
)
async def test_accounts_are_linked_to_people_who_are_there(system, role, unix_user, code):
    new = NewAccount(name="cat", group="bio", role=role, unix_user=unix_user)
    for call in (
        lambda: system.people.add_account(system.root, 0, new),
        lambda: system.people.change_account(system.root, "bob", AccountChange(unix_user=unix_user)),
    ):
        if code is None:
            assert (await call()).note is None
            await system.people.change_account(system.root, "cat", AccountChange(unix_user=""))
        else:
            refused = await refusal(call())
            assert (refused.code, refused.details[0]["field"]) == (code, "unix_user")
    assert ("cat" in system.engine.register.accounts) == (code is None)


async def test_an_admin_may_be_root_but_is_told_that_no_job_runs_so(system):
    await system.people.change_account(system.root, "root", AccountChange(unix_user=""))
    view = await system.people.change_account(system.root, "root", AccountChange(unix_user="root"))
    assert view.note is not None
    assert "refused" in view.note
    await system.people.change_account(system.root, "ann", AccountChange(role="admin"))
    refused = await refusal(system.people.change_account(system.root, "root", AccountChange(role="user")))
    assert refused.code == "VALIDATION_ERROR"


@dataclass(frozen=True)
class Process:
    """A process that somebody wants to adopt."""

    pid: int
    uid: int
    user: str


@pytest.mark.parametrize("who", ["ann", "root"])
async def test_an_adopted_process_is_the_job_of_its_users_account_whoever_asks(system, who):
    owner = await system.persons.owner(getattr(system, who), Process(9, UID, "annu"))
    assert (owner.account, owner.group, owner.is_admin) == ("ann", "bio", False)


@pytest.mark.parametrize(
    ("user", "told"), [("bobu", "no account is linked"), ("", "65001's"), ("root", "run as people")]
)
async def test_nobodys_process_cannot_be_adopted(system, user, told):
    refused = await refusal(system.persons.owner(system.root, Process(9, UID, user)))
    assert refused.code == "FORBIDDEN"
    assert told in refused.message


async def test_an_engine_of_ones_own_adopts_what_it_can_end(monkeypatch):
    persons, who = EngineUser(this_person), Identity(account="ann", group="bio", role="user", via="peer")
    monkeypatch.setattr(os, "getuid", lambda: UID)
    assert await persons.owner(who, Process(9, UID, "annu")) == who
    assert (await refusal(persons.owner(who, Process(9, UID + 1, "bobu")))).code == "FORBIDDEN"
