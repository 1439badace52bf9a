"""What the doctor finds on a machine with an engine of its own: well, broken, and looked at by somebody without rights.

The programs that it asks are stand-ins on PATH with systemd's own words; users, files and sockets are real ones.
"""

import errno
import json
import os
import pwd
import re
import shutil
import socket
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config import paths as places
from engine.daemon import doctor
from engine.daemon.checks import APPLIANCE, finding, kernel, ownership, people, units
from engine.daemon.checks.programs import ENGINE, LAUNCHER, LAUNCHER_SOCKET, NOTIFIER_SOCKET
from engine.daemon.checks.units import SERVICE_USER
from engine.launcher.request import Refused

ME = pwd.getpwuid(os.getuid()).pw_name
GOOD = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
    "NRestarts": "0",
    "WatchdogUSec": "30s",
    "LimitNOFILE": "524288",
}

Found = dict[str, dict[str, str]]


class Machine:
    """A well machine, which a test breaks in one place."""

    def __init__(self, root: Path) -> None:
        self.bin = root / "bin"
        self.state = root / "lib"
        self.runtime = root / "run"
        self.config = root / "rcq.toml"
        self.states = {name: dict(GOOD, Id=name) for name in (ENGINE, LAUNCHER_SOCKET, LAUNCHER)}
        self.states[NOTIFIER_SOCKET] = {**GOOD, "Id": NOTIFIER_SOCKET, "UnitFileState": "static"}
        for place, mode in (
            (self.bin, 0o755),
            (self.state, 0o711),
            (self.state / "jobs", 0o711),
            (self.runtime, 0o755),
        ):
            place.mkdir()
            place.chmod(mode)
        self.config.write_text(f'[engine]\nstate_dir = "{self.state}"\n[gpu]\nprovider = "none"\n')
        self.config.chmod(0o644)
        self.answers("busctl", "b false")
        self.answers("timedatectl", "yes")
        self.sockets: list[socket.socket] = []
        for name, mode in (("rcq.sock", 0o666), ("launcher.sock", 0o600)):
            self.listen(name, mode)

    def answers(self, program: str, text: str, code: int = 0) -> None:
        """What the stand-in for a program prints, and its exit code."""
        file = self.bin / program
        (self.bin / f"{program}.txt").write_text(text + "\n")
        out = "" if code == 0 else " >&2"
        file.write_text(f"#!/bin/sh\ncat '{file}.txt'{out}\nexit {code}\n")
        file.chmod(0o755)

    def listen(self, name: str, mode: int) -> None:
        """A socket that somebody listens on."""
        line = socket.socket(socket.AF_UNIX)
        line.bind(str(self.runtime / name))
        (self.runtime / name).chmod(mode)
        line.listen()
        self.sockets.append(line)

    def database(self, *accounts: tuple[str, str, str | None]) -> None:
        """A database with accounts as (name, role, Unix user)."""
        with closing(sqlite3.connect(self.state / "rcq.db")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY)")
            connection.execute("CREATE TABLE accounts (name TEXT, role TEXT, unix_user TEXT, disabled INTEGER)")
            connection.executemany("INSERT INTO accounts VALUES (?, ?, ?, 0)", accounts)
            connection.commit()
        (self.state / "rcq.db").chmod(0o600)

    def backups(self) -> None:
        """One that was just made."""
        (self.state / "backups").mkdir(mode=0o700)
        (self.state / "backups" / time.strftime("rcq-%Y-%m-%dT%H%M%SZ.db", time.gmtime())).touch(0o600)

    def write_states(self) -> None:
        """What systemctl tells of the units."""
        blocks = ["\n".join(f"{key}={value}" for key, value in state.items()) for state in self.states.values()]
        self.answers("systemctl", "\n\n".join(blocks))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """In a place whose name is short enough for a socket's."""
    for name in [name for name in os.environ if name.startswith(("RCQ_", "XDG_"))]:
        monkeypatch.delenv(name)
    with tempfile.TemporaryDirectory(prefix="rcq-", dir="/tmp") as place:
        made = Machine(Path(place))
        monkeypatch.setenv("PATH", f"{made.bin}:/usr/bin:/bin")
        monkeypatch.setenv("RCQ_CONFIG", str(made.config))
        monkeypatch.setenv("RCQ_SOCKET", str(made.runtime / "rcq.sock"))
        monkeypatch.setattr(places, "LAUNCHER_SOCKET", made.runtime / "launcher.sock")
        for module in (units, ownership):
            monkeypatch.setattr(module, "SERVICE_USER", ME)
        (Path(place) / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
        monkeypatch.setattr(kernel, "CGROUPS", Path(place))
        yield made
        for line in made.sockets:
            line.close()


@pytest.fixture
def examine(machine: Machine, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Found]]:
    """Runs the doctor; the exit code and every finding by its check's name."""

    def run(*arguments: str) -> tuple[int, Found]:
        if not (machine.bin / "systemctl").exists():
            machine.write_states()
        code = doctor.main(["--system", "--json", *arguments])
        return code, {item["check"]: item for item in json.loads(capsys.readouterr().out)["items"]}

    return run


Examine = Callable[..., tuple[int, Found]]


def test_a_well_machine(machine: Machine, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "allowed", lambda name: pwd.getpwnam(ME))
    machine.database(("root", "admin", None), ("ada", "user", "ada"))
    machine.backups()
    before = sorted(machine.state.rglob("*"))
    code, found = examine()
    assert {name: item["state"] for name, item in found.items()} == {name: "ok" for name, _ in APPLIANCE}
    assert (code, sorted(machine.state.rglob("*"))) == (0, before)


def test_the_machines_engine_is_looked_at_where_its_unit_stands(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine.write_states()
    unit = tmp_path / ENGINE
    monkeypatch.setattr(finding, "ENGINE_UNIT", unit)

    def checks(*arguments: str) -> set[str]:
        doctor.main(["--json", *arguments])
        return {item["check"] for item in json.loads(capsys.readouterr().out)["items"]}

    assert "services" not in checks()
    unit.touch()
    assert "services" in checks()
    assert "services" not in checks("--personal")


def test_a_machine_without_systemd_and_bus_is_told_and_nothing_breaks(
    machine: Machine, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in ("systemctl", "busctl", "timedatectl"):
        machine.answers(program, "System has not been booted with systemd as init system.", 1)
    monkeypatch.setattr(kernel, "CGROUPS", machine.state)
    shutil.rmtree(machine.runtime)
    code, found = examine()
    assert code == 1
    assert found["log-out"]["state"] == found["time keeping"]["state"] == found["restarts"]["state"] == "skip"
    assert found["cgroups"]["state"] == found["launcher"]["state"] == found["socket"]["state"] == "fail"
    assert found["services"]["state"] in {"fail", "skip"}
    for program in ("systemctl", "busctl", "timedatectl"):
        (machine.bin / program).unlink()
    monkeypatch.setenv("PATH", str(machine.bin))
    assert doctor.main(["--system"]) == 1


@pytest.mark.parametrize(
    ("now", "state", "mend"),
    [
        (f"{ENGINE} LoadState=not-found", "fail", "sudo ./install.sh --system"),
        (f"{ENGINE} ActiveState=failed", "fail", f"journalctl -u {ENGINE} -e"),
        (f"{ENGINE} ActiveState=inactive", "fail", f"sudo systemctl start {ENGINE}"),
        (f"{ENGINE} ActiveState=activating", "warn", f"sudo systemctl start {ENGINE}"),
        (f"{ENGINE} UnitFileState=disabled", "warn", f"sudo systemctl enable {ENGINE}"),
        (f"{ENGINE} NeedDaemonReload=yes", "warn", "sudo systemctl daemon-reload"),
        (f"{LAUNCHER_SOCKET} ActiveState=inactive", "fail", f"sudo systemctl start {LAUNCHER_SOCKET}"),
        (f"{LAUNCHER_SOCKET} LoadState=masked", "fail", "sudo ./install.sh --system"),
    ],
)
def test_units_that_are_not_as_they_should_be(
    machine: Machine, examine: Examine, now: str, state: str, mend: str
) -> None:
    unit, key, value = re.split("[ =]", now)
    machine.states[unit][key] = value
    code, found = examine()
    assert (code, found["services"]["state"]) == (int(state == "fail"), state)
    assert unit in found["services"]["found"]
    assert mend in found["services"]["mend"]


def test_a_unit_that_is_down_counts_more_than_one_that_is_not_enabled(machine: Machine, examine: Examine) -> None:
    machine.states[ENGINE]["UnitFileState"] = "disabled"
    machine.states[LAUNCHER_SOCKET]["ActiveState"] = "failed"
    assert examine()[1]["services"]["found"] == f"{LAUNCHER_SOCKET} has failed"


def test_a_notifier_that_nobody_reaches_matters_where_something_is_to_be_sent(
    machine: Machine, examine: Examine
) -> None:
    machine.states[NOTIFIER_SOCKET]["ActiveState"] = "inactive"
    assert examine()[1]["services"]["state"] == "ok"
    with machine.config.open("a") as settings:
        settings.write('[notify]\nmail = "smtp"\n')
    code, found = examine()
    assert (code, found["services"]["state"]) == (0, "warn")
    assert f"{NOTIFIER_SOCKET} is not active" in found["services"]["found"]
    assert f"systemctl restart {NOTIFIER_SOCKET}" in found["services"]["mend"]
    machine.states[NOTIFIER_SOCKET]["ActiveState"] = "active"
    machine.write_states()
    assert examine()[1]["services"]["state"] == "ok"


def test_restarts_and_a_missing_watchdog(machine: Machine, examine: Examine) -> None:
    machine.states[ENGINE]["NRestarts"] = "3"
    restarts = examine()[1]["restarts"]
    assert (restarts["state"], restarts["found"]) == ("warn", f"systemd had to start again: {ENGINE} (3)")
    assert "journalctl" in restarts["mend"]
    machine.states[ENGINE] |= {"NRestarts": "0", "WatchdogUSec": "0"}
    machine.write_states()
    assert "no watchdog" in examine()[1]["restarts"]["found"]


def test_a_launcher_that_others_may_speak_to(machine: Machine, examine: Examine) -> None:
    file = machine.runtime / "launcher.sock"
    file.chmod(0o660)
    assert "must be" in examine()[1]["launcher"]["found"]
    file.unlink()
    assert "no job can be started" in examine()[1]["launcher"]["found"]
    file.touch(0o600)
    assert examine()[1]["launcher"]["found"].endswith("is no socket")


def test_log_out_that_takes_shared_memory_away(machine: Machine, examine: Examine) -> None:
    machine.answers("busctl", "b true")
    code, found = examine()
    assert (code, found["log-out"]["state"]) == (1, "fail")
    assert "/etc/systemd/logind.conf.d/rcq.conf" in found["log-out"]["mend"]


def test_a_clock_that_nobody_keeps(machine: Machine, examine: Examine) -> None:
    machine.answers("timedatectl", "no")
    code, found = examine()
    assert (code, found["time keeping"]["state"]) == (0, "warn")


def test_controllers_that_are_missing_are_named(machine: Machine, examine: Examine) -> None:
    (machine.bin.parent / "cgroup.controllers").write_text("cpuset cpu\n")
    code, found = examine()
    assert (code, found["cgroups"]["found"]) == (1, "version 2 without memory, pids")


def test_limits_of_kernel_and_engine(
    machine: Machine, examine: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine.states[ENGINE]["LimitNOFILE"] = "1024"
    assert examine()[1]["limits"]["found"] == "the engine may open 1024 files"
    (tmp_path / "pid_max").write_text("10000\n")
    (tmp_path / "threads-max").write_text("500000\n")
    monkeypatch.setattr(kernel, "KERNEL", tmp_path)
    assert "kernel.pid_max=65536" in examine()[1]["limits"]["mend"]


def test_places_of_somebody_else_and_with_other_modes(
    machine: Machine, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine.state / "jobs").chmod(0o777)
    code, found = examine()
    assert (code, found["state directory"]["state"]) == (1, "fail")
    assert f"{machine.state}/jobs is {ME}'s with mode 777" in found["state directory"]["found"]
    (machine.state / "jobs").chmod(0o711)
    monkeypatch.setattr(ownership, "SERVICE_USER", "somebody")
    assert f"chown {ownership.SERVICE_USER}:" in examine()[1]["state directory"]["mend"]


def test_settings_that_others_may_write(machine: Machine, examine: Examine) -> None:
    machine.config.chmod(0o666)
    assert examine()[1]["state directory"]["found"] == f"others may write {machine.config}"


def test_a_disk_without_room_for_files(machine: Machine, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(machine.state)
    few = os.statvfs_result([*real[:5], 10**6, 10, 10, *real[8:]])
    monkeypatch.setattr(os, "statvfs", lambda place: few)
    assert examine()[1]["disk"]["found"] == "room for 10 more files"


def test_a_file_system_without_access_lists(
    machine: Machine, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(place: Path, name: str) -> bytes:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "getxattr", unsupported)
    code, found = examine()
    assert (code, found["access lists"]["state"]) == (1, "fail")


def test_an_engine_that_does_not_answer_is_a_failure_here(machine: Machine, examine: Examine) -> None:
    machine.sockets[0].close()
    code, found = examine()
    assert (code, found["socket"]["state"]) == (1, "fail")
    assert found["socket"]["mend"] == f"Run: sudo systemctl start {ENGINE}"


def test_accounts_whose_jobs_cannot_start(machine: Machine, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_ada(name: str) -> pwd.struct_passwd:
        if name != "ada":
            raise Refused(f"there is no Unix user {name!r}")
        return pwd.getpwuid(os.getuid())

    monkeypatch.setattr(people, "allowed", only_ada)
    machine.database(("ada", "user", "ada"), ("bob", "user", "bob"), ("cleo", "user", None))
    found = examine()[1]["people"]
    assert (found["state"], found["found"]) == ("warn", "bob: there is no Unix user 'bob'")
    unlinked = people.judged([("ada", "user", "ada"), ("cleo", "user", None), ("root", "admin", None)])
    assert (unlinked.state, unlinked.mend) == ("warn", "Run: rcq account set cleo --unix-user U")
    assert unlinked.found == "accounts without a Unix user, who cannot submit: cleo"
    assert "as root: rcq account add" in people.judged([]).mend
    assert people.judged([(f"u{n}", "user", "gone") for n in range(9)]).found.endswith("; and 6 more")


@pytest.mark.skipif(os.getuid() != 0, reason="root may look at everything: needs root to become somebody else")
def test_somebody_without_rights_is_told_what_could_not_be_looked_at(machine: Machine, examine: Examine) -> None:
    machine.bin.parent.chmod(0o755)
    machine.database(("ada", "user", "ada"))
    machine.backups()
    (machine.state / "rcq.db").chmod(0o600)
    machine.write_states()
    nobody = pwd.getpwnam("nobody").pw_uid
    os.setresuid(nobody, nobody, 0)
    try:
        code, found = examine()
        os.seteuid(0)
        machine.config.chmod(0o600)
        os.seteuid(nobody)
        settings = examine()[1]["settings"]
    finally:
        os.setresuid(0, 0, 0)
    skipped = {name for name, item in found.items() if item["state"] == "skip"}
    assert skipped == {"database", "backup", "job files", "people"}
    assert all("as user nobody" in found[name]["found"] for name in skipped)
    assert code == 0
    assert (settings["state"], settings["mend"]) == ("skip", "Run: sudo rcq doctor")


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
def test_root_leaves_no_file_of_its_own_beside_the_database(machine: Machine, examine: Examine) -> None:
    nobody = pwd.getpwnam("nobody")
    machine.bin.parent.chmod(0o755)
    machine.database(("ada", "user", "ada"))
    (machine.state / "rcq.db-wal").touch()
    for file in (machine.state, *machine.state.iterdir()):
        os.chown(file, nobody.pw_uid, nobody.pw_gid)
    assert examine()[1]["database"]["state"] == "ok"
    assert os.geteuid() == 0
    assert {file.stat().st_uid for file in machine.state.iterdir()} == {nobody.pw_uid}


def test_the_service_user_is_the_one_that_the_design_names() -> None:
    assert SERVICE_USER == "rcq"
