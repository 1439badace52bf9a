"""What the doctor finds on a well machine and on broken ones, and that looking changes nothing."""

import json
import os
import re
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pynvml
import pytest

from engine.daemon import doctor
from engine.daemon.checks import APPLIANCE, PERSONAL, cards, finding, installation, storage, surroundings
from tests.gpu.scripted import ScriptedDriver


@pytest.fixture
def run() -> Iterator[Path]:
    """The person's runtime directory: in a place whose name is short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="rcq-", dir="/tmp") as place:
        yield Path(place)


@pytest.fixture
def home(tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's empty home, on a machine without an engine of its own."""
    monkeypatch.setattr(finding, "ENGINE_UNIT", tmp_path / "rcq-engine.service")
    for name in [name for name in os.environ if name.startswith(("RCQ_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(run))
    return tmp_path


@pytest.fixture
def config(home: Path) -> Path:
    """The person's settings: no cards, so that the machine's driver does not matter."""
    file = home / ".config/rcq/rcq.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[gpu]\nprovider = "none"\n')
    return file


@pytest.fixture
def database(config: Path, home: Path) -> Iterator[Path]:
    """A database in WAL mode, as an engine leaves it when it stops."""
    file = home / ".local/state/rcq/rcq.db"
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY, name TEXT)")
        connection.executemany("INSERT INTO jobs (name) VALUES (?)", [("x" * 500,)] * 200)
        connection.commit()
    file.chmod(0o600)
    yield file


Findings = dict[str, dict[str, Any]]


def examine(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Findings]:
    """The exit code and every finding by its check's name."""
    code = doctor.main(["--json", *arguments])
    items = json.loads(capsys.readouterr().out)["items"]
    return code, {item["check"]: item for item in items}


def test_a_fresh_machine_is_well(capsys: pytest.CaptureFixture[str], config: Path, home: Path, run: Path) -> None:
    before = [sorted(place.rglob("*")) for place in (home, run)]
    code, found = examine(capsys)
    assert {name: item["state"] for name, item in found.items()} == {name: "ok" for name, _ in PERSONAL}
    assert code == 0
    assert [sorted(place.rglob("*")) for place in (home, run)] == before


def test_each_check_is_one_line_that_begins_with_its_state(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    assert doctor.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(PERSONAL)
    assert [line.split()[0] for line in lines] == ["ok"] * len(PERSONAL)
    assert str(config) in lines[2]


def test_every_check_is_told_on_the_page_of_the_installation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "install.md").read_text(encoding="utf-8")
    rows = page.partition("| check | looks at |\n|---|---|\n")[2].partition("\n\n")[0].splitlines()
    told = [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert sorted(told) == sorted({name for name, _ in (*PERSONAL, *APPLIANCE)})


def test_what_fails_says_what_to_do_and_is_the_exit_code(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    config.write_text("[thermal]\nthreshold = 80\n")
    assert doctor.main([]) == 1
    line = capsys.readouterr().out.splitlines()[2]
    assert line.startswith("fail  settings")
    assert "thermal.threshold: unknown key. Did you mean threshold_c?" in line
    told = "Correct the file; every key is explained in man rcq.toml, or config/rcq.toml of the checkout."
    assert line.endswith(told)


def test_a_settings_file_that_was_named_must_be_there(
    capsys: pytest.CaptureFixture[str], config: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert examine(capsys, "--config", str(home / "none.toml"))[1]["settings"]["state"] == "fail"
    monkeypatch.setenv("RCQ_CONFIG", str(home / "none.toml"))
    assert examine(capsys)[1]["settings"]["state"] == "fail"
    assert examine(capsys, "--config", str(config))[1]["settings"]["state"] == "ok"


def test_places_come_from_the_settings(capsys: pytest.CaptureFixture[str], config: Path, home: Path) -> None:
    config.write_text(f'[engine]\nstate_dir = "{home}/elsewhere"\nsocket = "/run/x.sock"\n[gpu]\nprovider = "none"\n')
    found = examine(capsys)[1]
    assert f"{home}/elsewhere" in found["state directory"]["found"]
    assert found["socket"]["found"].startswith("/run/x.sock")


def test_missing_packages_are_named(
    capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    monkeypatch.setitem(sys.modules, "httpx", None)
    code, found = examine(capsys)
    assert (code, found["packages"]["state"]) == (1, "fail")
    assert found["packages"]["found"] == "cannot import bcrypt, httpx"


def test_without_pydantic_the_rest_is_still_looked_at(
    capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "pydantic" or name.startswith("config.")]:
        if name != "config.paths":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydantic", None)
    code, found = examine(capsys)
    assert code == 1
    assert "without the package pydantic" in found["settings"]["found"]
    assert found["state directory"]["state"] == "ok"
    assert found["cards"]["state"] == "warn"


def test_an_old_python_is_told(
    capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "OLDEST", (4, 0))
    assert examine(capsys)[1]["python"]["state"] == "fail"


def test_a_state_directory_that_cannot_be_made_is_told(
    capsys: pytest.CaptureFixture[str], config: Path, home: Path
) -> None:
    (home / ".local").write_text("in the way")
    code, found = examine(capsys)
    assert (code, found["state directory"]["state"]) == (1, "fail")
    assert found["state directory"]["found"].startswith(f"{home}/.local cannot be written")


@pytest.mark.parametrize(("free_mb", "state"), [(99, "fail"), (100, "warn"), (2047, "warn"), (2048, "ok")])
def test_a_disk_that_fills_up_is_told_in_time(
    capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch, free_mb: int, state: str
) -> None:
    usage = shutil._ntuple_diskusage(10**12, 10**12, free_mb * 1024**2)
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda place: usage)
    assert examine(capsys)[1]["state directory"]["state"] == state


def test_a_whole_database_is_left_as_it_is(capsys: pytest.CaptureFixture[str], database: Path) -> None:
    before = (database.read_bytes(), sorted(database.parent.iterdir()))
    assert examine(capsys)[1]["database"]["state"] == "ok"
    assert (database.read_bytes(), sorted(database.parent.iterdir())) == before


def test_a_database_in_use_is_looked_at_too(capsys: pytest.CaptureFixture[str], database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO jobs (name) VALUES ('waits in the log')")
        connection.commit()
        assert database.with_name("rcq.db-wal").exists()
        assert examine(capsys)[1]["database"]["state"] == "ok"


@pytest.mark.parametrize("damage", ["page", "no database", "cut short"])
def test_a_damaged_database_is_told_and_not_touched(
    capsys: pytest.CaptureFixture[str], database: Path, damage: str
) -> None:
    if damage == "page":
        content = bytearray(database.read_bytes())
        content[4096 * 3 : 4096 * 4] = b"\xa5" * 4096
        database.write_bytes(content)
    elif damage == "no database":
        database.write_bytes(b"not a database at all, but long enough to be looked at" * 50)
    else:
        database.write_bytes(database.read_bytes()[:8192])
    before = (database.read_bytes(), sorted(database.parent.iterdir()))
    code, found = examine(capsys)
    assert (code, found["database"]["state"]) == (1, "fail")
    assert "rcq restore FILE" in found["database"]["mend"]
    assert "\n" not in found["database"]["found"]
    assert (database.read_bytes(), sorted(database.parent.iterdir())) == before


def test_backups_that_fall_behind_are_told(capsys: pytest.CaptureFixture[str], database: Path, config: Path) -> None:
    assert examine(capsys)[1]["backup"]["found"].startswith("there is none in")
    place = database.parent / "backups"
    place.mkdir()
    (place / "rcq-2025-06-01T030000Z.db").touch(0o600)
    made = 1_748_746_800
    for later_h, state in ((-5, "ok"), (47, "ok"), (49, "warn")):
        os.utime(database, (made + later_h * 3600,) * 2)
        code, found = examine(capsys)
        assert (code, found["backup"]["state"]) == (0, state)
    assert "what the last 49 hours brought is in none" in found["backup"]["found"]
    assert "rcq backup;" in found["backup"]["mend"]
    config.write_text('[gpu]\nprovider = "none"\n[retention]\nbackups = 0\n')
    assert examine(capsys)[1]["backup"]["state"] == "ok"


def test_directories_of_unknown_jobs_are_told(capsys: pytest.CaptureFixture[str], database: Path) -> None:
    jobs = database.parent / "jobs"
    for name in ("1", "200", "notes"):
        (jobs / name).mkdir(parents=True)
    assert examine(capsys)[1]["job files"]["found"].startswith(f"{jobs}: 2,")
    (jobs / "201").mkdir()
    code, found = examine(capsys)
    assert (code, found["job files"]["found"]) == (0, "directories of jobs that the database does not know: 1")
    assert f"{jobs}/201" in found["job files"]["mend"]


def test_a_clock_that_lost_its_battery_is_told(
    capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings.time, "time", lambda: 86_400.0)
    assert examine(capsys)[1]["clock"]["state"] == "fail"


def test_a_clock_behind_what_was_written_is_told(capsys: pytest.CaptureFixture[str], database: Path) -> None:
    later = database.stat().st_mtime + 7_200
    os.utime(database, (later, later))
    code, found = examine(capsys)
    assert (code, found["clock"]["state"]) == (0, "warn")


def test_a_running_engine_a_left_over_socket_and_a_plain_file_are_told_apart(
    capsys: pytest.CaptureFixture[str], config: Path, run: Path
) -> None:
    place = run / "rcq/rcq.sock"
    place.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(place))
        engine.listen()
        assert examine(capsys)[1]["socket"]["found"].endswith("an engine is running")
    code, found = examine(capsys)
    assert (code, found["socket"]["state"]) == (0, "warn")
    place.unlink()
    place.write_text("")
    assert examine(capsys)[1]["socket"]["state"] == "fail"


def test_a_socket_path_that_is_too_long_is_told(
    capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RCQ_SOCKET", "/" + "s" * 120)
    code, found = examine(capsys)
    assert code == 1
    assert "has 121 bytes" in found["socket"]["found"]


@pytest.mark.parametrize(("cards_listed", "state"), [("", "fail"), ("[[gpu.simulated]]\ncount = 3\n", "ok")])
def test_simulated_cards_must_be_listed(
    capsys: pytest.CaptureFixture[str], config: Path, cards_listed: str, state: str
) -> None:
    config.write_text(f'[gpu]\nprovider = "simulated"\n{cards_listed}')
    assert examine(capsys)[1]["cards"]["state"] == state


@pytest.mark.parametrize(("provider", "state"), [("auto", "warn"), ("nvml", "fail")])
def test_a_host_without_the_driver(
    capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch, provider: str, state: str
) -> None:
    driver = scripted(monkeypatch, config)
    driver.unload(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    config.write_text(f'[gpu]\nprovider = "{provider}"\n')
    code, found = examine(capsys)
    assert (code, found["cards"]["state"]) == (int(state == "fail"), state)
    assert "libnvidia-ml.so.1" in found["cards"]["found"]
    assert "Install the NVIDIA driver" in found["cards"]["mend"]


def test_a_driver_that_never_answers_does_not_hang_the_doctor(
    capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, config).hang(None, "nvmlInitWithFlags")
    monkeypatch.setattr(cards_module(), "DRIVER_PATIENCE_S", 0.2)
    config.write_text('[gpu]\nprovider = "nvml"\n')
    code, found = examine(capsys)
    assert (code, found["cards"]["state"]) == (1, "fail")
    assert "has not answered" in found["cards"]["found"]


def test_a_driver_that_answers_is_told_with_its_cards(
    capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, config)
    config.write_text('[gpu]\nprovider = "auto"\n')
    assert examine(capsys)[1]["cards"]["found"] == "2 through the NVIDIA driver: NVIDIA RTX A6000"


def scripted(monkeypatch: pytest.MonkeyPatch, config: Path) -> ScriptedDriver:
    """A driver for the processes that are started from here on."""
    driver = ScriptedDriver(config.parent / "driver")
    for name, value in driver.environment.items():
        monkeypatch.setenv(name, value)
    return driver


def test_a_kernel_without_pidfd_is_told(
    capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_implemented(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(surroundings.os, "pidfd_open", not_implemented)
    code, found = examine(capsys)
    assert (code, found["processes"]["state"]) == (1, "fail")


def cards_module() -> Any:
    """The module; its name in the package is its check's."""
    return sys.modules[cards.__module__]
