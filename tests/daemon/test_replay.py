"""`rcq replay`: a day of an engine's passes is decided again as it was, and what was forged is named."""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.settings import QuotaSettings, SchedulingSettings
from engine.core.record import MOMENT
from engine.daemon import replay as command
from engine.daemon.replay import main, read
from engine.store.decisions import logged

ROOT = Path(__file__).resolve().parents[2]
STEP_S = 720.0


async def step(world: Any, dice: random.Random) -> None:
    """Some minutes in the life of the box: people submit, jobs end, cards are taken away and come back."""
    world.clock.time += dice.uniform(0.0, 2 * STEP_S)
    for _ in range(dice.choice([0, 0, 1, 1, 2, 6])):
        await world.submit(
            dice.choice([world.ann, world.ann, world.bob]),
            name=f"train-{dice.randrange(5)}",
            gpus=dice.choice([0, 1, 1, 2]),
            cpu_cores=dice.choice([1, 1, 2, 3]),
            gpu_type=dice.choice([None, "a6000"]),
            priority=dice.randint(1, 10),
            preemptible=dice.random() < 0.3,
            time_limit_s=dice.choice([300, 1800, 7200, 40_000]),
        )
    for live in list(world.books.live.values()):
        if dice.random() < 0.25:
            started = live.lease.started_at
            world.executor.end(live.job, attempt=live.attempt, started_at=started, ended_at=world.clock.now())
    card = dice.choice(sorted(gpu.uuid for gpu in world.books.cards.gpus(world.clock.now())))
    world.books.cards.drained = {card} if dice.random() < 0.1 else set()
    await world.engine.sampler.sample()
    await world.engine.passes.one()


async def a_day(make: Any, steps: int, **groups: Any) -> Path:
    """The database after so many steps."""
    world = await make(**groups)
    await world.populate()
    dice = random.Random(7)
    for _ in range(steps):
        await step(world, dice)
    await world.store.close()
    return Path(world.state / "rcq.db")


@pytest.mark.parametrize(("policy", "steps"), [("fair-share", 120), ("aging", 40)])
async def test_a_day_of_passes_is_decided_again_as_it_was(make, policy, steps):
    database = await a_day(
        make,
        steps,
        scheduling=SchedulingSettings(cpu_cores=4, memory_mb=1000, policy=policy, half_life_days=0.1),
        quota=QuotaSettings(account_gpu_hours=500.0),
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "engine.daemon.replay", "--json", "--database", str(database)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "12345"},  # no order of a set may leak into a plan
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["differences"]) == (0, []), done.stderr
    assert told["passes"] > steps / 4
    assert told["last_at"] - told["first_at"] > steps * STEP_S / 2
    assert 0 < told["plan_max_s"] <= told["plan_s"]
    assert list(told["versions"].values()) == [told["passes"]]
    outcomes = [read(one).moment.outcome for one in logged(database)]
    assert any(outcome.plan.reservations for outcome in outcomes)
    assert any(len(outcome.plan.starts) > 1 for outcome in outcomes)
    assert any(outcome.held for outcome in outcomes)


@pytest.fixture
async def database(make: Any) -> Path:
    """Two passes: job 1 of ann starts on both cards, later job 2 of bob, before job 3 of ann's."""
    world = await make()
    await world.populate()
    await world.submit(gpus=2)
    await world.one_pass()
    await world.submit(world.bob, gpus=2, priority=9, time_limit_s=3600)
    await world.submit(gpus=1, time_limit_s=3600)
    world.clock.time += 100.0
    world.executor.end(1, started_at=1_000_000.0, ended_at=world.clock.now())
    await world.engine.sampler.sample()
    await world.one_pass()
    await world.store.close()
    return Path(world.state / "rcq.db")


def forge(database: Path, number: int, change: Callable[[Any], None]) -> None:
    """Change a record's own part behind rcq's back."""
    with sqlite3.connect(database) as db:
        ((blob,),) = db.execute("SELECT blob FROM decisions WHERE id = ?", (number,))
        record = json.loads(zlib.decompress(blob))
        change(record)
        db.execute("UPDATE decisions SET blob = ? WHERE id = ?", (zlib.compress(json.dumps(record).encode()), number))
    db.close()


def test_a_good_log(database, capsys):
    assert main(["--database", str(database)]) == 0
    out = capsys.readouterr().out
    assert "Replayed 2 passes" in out
    assert "no difference" in out
    assert "ms on average" in out


def test_a_record_that_was_tampered_with_is_named(database, capsys):
    def forged(record: Any) -> None:
        outcome = record["value"][MOMENT.schema["Moment"].index("outcome")]
        plan = outcome[MOMENT.schema["Outcome"].index("plan")]
        (start,) = plan[MOMENT.schema["Plan"].index("starts")]
        lease = start[MOMENT.schema["Start"].index("lease")]
        lease[MOMENT.schema["Lease"].index("gpus")].pop()

    forge(database, 2, forged)
    assert main(["--database", str(database)]) == 1
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if line.startswith("pass ")]
    assert line.startswith("pass 2 at ")
    decided, now = line.split(", job 2: decided: ")[1].split("; now: ")
    assert (decided.count("GPU-"), now.count("GPU-")) == (1, 2)
    assert "1 difference." in out


def test_a_world_that_was_tampered_with_is_planned_otherwise(database, capsys):
    def forged(record: Any) -> None:
        snapshot = record["value"][MOMENT.schema["Moment"].index("snapshot")]
        snapshot[MOMENT.schema["Snapshot"].index("gpus")].pop()

    forge(database, 2, forged)
    assert main(["--json", "--database", str(database)]) == 1
    jobs = {found["job"] for found in json.loads(capsys.readouterr().out)["differences"]}
    assert jobs == {"2", "3"}


def test_which_passes_are_asked_for(database, capsys):
    def passes(*options: str) -> int:
        assert main(["--json", "--database", str(database), *options]) == 0
        return int(json.loads(capsys.readouterr().out)["passes"])

    assert passes() == 2
    assert passes("--last", "1") == 1
    assert passes("--since", "1000050") == 1
    assert passes("--since", "1970-01-01") == 2
    assert passes("--since", "1d") == 0


def test_a_log_without_passes_says_so(database, capsys):
    assert main(["--since", "1h", "--database", str(database)]) == 0
    assert "no passes to replay" in capsys.readouterr().out


def test_times_that_can_be_given():
    assert command._since("1800000000.5") == 1_800_000_000.5
    assert command._since("2026-11-22T08:00:00+00:00") == 1_795_334_400.0
    assert command._since("12h") == pytest.approx(time.time() - 43_200, abs=5)
    with pytest.raises(argparse.ArgumentTypeError, match="yesterday"):
        command._since("yesterday")


@pytest.mark.parametrize("options", [["--last", "0"], ["--since", "soon"], ["--show", "0"]])
def test_wrong_options_are_refused(options, capsys):
    with pytest.raises(SystemExit) as raised:
        main(options)
    assert raised.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_one_pass_in_words(database, capsys):
    assert main(["--show", "2", "--database", str(database)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("pass 2 at ")
    assert lines[0].endswith("2 cards, 0 leases, 2 pending jobs in 2 groups")
    assert (lines[1], lines[2].split(" starts on ")[0]) == ("started:", "  job 2 of bob (chem)")
    assert lines[3] == "promised:"
    assert lines[4].startswith("  job 3 of ann (bio) is promised ")
    assert "waits for GPUS_BUSY (wanted 1, free 0, matching 2)" in lines[4]
    assert lines[-1] == "planned again: the same"


def test_one_pass_as_json(database, capsys):
    assert main(["--show", "1", "--json", "--database", str(database)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["id"], told["at"], len(told["started"]), told["held"]) == (1, 1_000_000.0, 1, [])


def test_a_record_that_is_not_there(database, capsys):
    assert main(["--show", "99", "--database", str(database)]) == 1
    assert "no record 99" in capsys.readouterr().err


def test_a_record_that_cannot_be_read_is_a_difference_and_the_others_are_replayed(database, capsys):
    with sqlite3.connect(database) as db:
        db.execute("UPDATE decisions SET blob = x'00' WHERE id = 1")
    db.close()
    assert main(["--json", "--database", str(database)]) == 1
    told = json.loads(capsys.readouterr().out)
    (difference,) = told["differences"]
    assert (told["passes"], difference["pass_id"], difference["what"]) == (2, 1, "record")
    assert "cannot be read" in difference["now"]
    assert main(["--show", "1", "--database", str(database)]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_names_that_people_gave_reach_the_terminal_as_data(database, capsys):
    def forged(record: Any) -> None:
        for row in record["shared"]:
            if isinstance(row[0], list):  # a group key; the account of its owner
                row[0][0] = "b\x1b]0;x\x07"

    forge(database, 2, forged)
    assert main(["--show", "2", "--database", str(database)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out and "\x07" not in out
    assert "b\N{REPLACEMENT CHARACTER}]0;x" in out


def test_passes_of_another_version_are_told_apart(database, capsys):
    with sqlite3.connect(database) as db:
        ((blob,),) = db.execute("SELECT blob FROM decision_parts")
        steady = json.loads(zlib.decompress(blob))
        steady["value"][0] = "0.0.1"
        db.execute("UPDATE decision_parts SET blob = ?", (zlib.compress(json.dumps(steady).encode()),))
    db.close()
    assert main(["--database", str(database)]) == 0
    assert "2 by rcq 0.0.1" in capsys.readouterr().out


def test_ones_own_database_is_read_by_default(database, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("config.paths.SYSTEM_STATE", tmp_path / "none")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("RCQ_CONFIG", raising=False)
    assert main([]) == 1
    said = capsys.readouterr().err
    assert "read access" in said
    assert str(tmp_path / "home" / "rcq" / "rcq.db") in said
    (tmp_path / "home").mkdir()
    database.parent.rename(tmp_path / "home" / "rcq")
    assert main([]) == 0
    assert "Replayed 2 passes" in capsys.readouterr().out


def test_the_database_of_named_settings_is_read(database, monkeypatch, capsys, tmp_path):
    settings = tmp_path / "rcq.toml"
    settings.write_text(f'[engine]\nstate_dir = "{database.parent}"\n')
    monkeypatch.setenv("RCQ_CONFIG", str(settings))
    assert main([]) == 0
    assert "Replayed 2 passes" in capsys.readouterr().out
