"""Passwords: what is refused, what a check costs, when a name is locked."""

import asyncio

import bcrypt
import pytest

from config.settings import AuthSettings
from engine.daemon.passwords import Passwords
from engine.protocol.errors import Refused


@pytest.fixture
def passwords(clock):
    return Passwords(AuthSettings(bcrypt_rounds=4, lockout_failures=3, lockout_s=60), clock)


async def test_a_password_fits_its_hash_and_no_other(passwords):
    stored = await passwords.hash("pässword")
    assert await passwords.check("ann", "pässword", stored)
    assert not await passwords.check("ann", "password", stored)
    assert not await passwords.check("ann", "pässword", None)


@pytest.mark.parametrize("password", ["", "x" * 73, "ä" * 37, "a\0b"])
async def test_what_bcrypt_would_not_tell_apart_is_refused(passwords, password):
    with pytest.raises(Refused) as refused:
        await passwords.hash(password)
    assert refused.value.code == "VALIDATION_ERROR"
    assert refused.value.details[0]["field"] == "password"
    assert not await passwords.check("ann", password, await passwords.hash("x" * 72))


async def test_an_unknown_name_costs_one_check_of_the_same_hash_cost(passwords, monkeypatch):
    checked = []
    real = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda secret, against: checked.append(against) or real(secret, against))
    stored = await passwords.hash("right")
    await passwords.check("ann", "wrong", stored)
    await passwords.check("nobody", "wrong", None)
    await passwords.check("long", "x" * 100, stored)
    assert [against[:7] for against in checked] == [b"$2b$04$"] * 3


@pytest.mark.parametrize("known", [True, False])
async def test_wrong_ones_in_a_row_lock_the_name_for_a_while(passwords, clock, known):
    stored = await passwords.hash("right") if known else None
    for _ in range(3):
        assert not await passwords.check("ann", "wrong", stored)
    with pytest.raises(Refused) as refused:
        await passwords.check("ann", "right", stored)
    assert (refused.value.code, refused.value.retry_after_s) == ("RATE_LIMITED", 60)
    assert not await passwords.check("bob", "wrong", stored)
    clock.time += 61
    assert await passwords.check("ann", "right", stored) is known


async def test_a_right_one_forgives_and_many_at_once_do_not_slip_through(passwords):
    stored = await passwords.hash("right")
    for _ in range(2):
        await passwords.check("ann", "wrong", stored)
    assert await passwords.check("ann", "right", stored)
    answers = await asyncio.gather(
        *[passwords.check("ann", "wrong", stored) for _ in range(20)], return_exceptions=True
    )
    assert answers.count(False) == 3
    assert sum(isinstance(answer, Refused) for answer in answers) == 17
