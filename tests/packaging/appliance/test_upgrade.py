"""install.sh --system with a newer tree: the order of things, and the way back from every step that can fail."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Box


def kinds(box: "Box") -> list[str]:
    """What was done, in short: `engine.daemon.migrate` as `migrate`."""
    words = [call.split() for call in box.calls()]
    return [word[1 if word[0] == "-m" else 0].removeprefix("engine.daemon.") for word in words]


@pytest.fixture
def used(box: "Box") -> "Box":
    """An appliance with a database, and a newer checkout."""
    box.installed()
    box.write("var/lib/rcq/rcq.db", "jobs")
    box.newer()
    return box


def engine_is_active(box: "Box") -> bool:
    return (box.root / "active/rcq-engine.service").exists()


def test_the_release_is_made_first_and_the_database_is_changed_with_nobody_on_it(used: "Box") -> None:
    old = used.current
    code, said = used.install("--system")
    assert code == 0, said
    assert kinds(used) == ["pip", "pip", "stop", "mkdir", "backup", "migrate", "start"]
    assert used.current != old
    assert old.exists()
    assert "one-time password" not in said


def test_root_makes_nothing_in_the_directory_of_the_engine(used: "Box") -> None:
    """It would follow a link that lies there by then."""
    assert used.install("--system")[0] == 0
    assert [call for call in used.calls() if "mkdir" in call] == ["mkdir as rcq: -m 700 -- /var/lib/rcq/backups"]


def test_jobs_and_their_slice_are_not_touched(used: "Box") -> None:
    for unit in ("rcq-job-7.service", "rcq-jobs.slice"):
        (used.root / "active" / unit).touch()
    assert used.install("--system")[0] == 0
    assert (used.root / "active/rcq-job-7.service").exists()
    stopped = [call for call in used.calls() if call.startswith("stop ")]
    assert stopped == [
        "stop rcq-engine.service rcq-launcher.socket rcq-notifier.socket rcq-launcher.service rcq-notifier.service"
    ]


def test_a_unit_that_the_old_release_did_not_have_is_not_asked_to_stop(box: "Box") -> None:
    """systemctl fails for a unit that it does not know."""
    for name in ("rcq-notifier.socket", "rcq-notifier.service"):
        (box.checkout / "packaging/systemd" / name).rename(box.root / name)
    box.installed()
    old = box.current
    for name in ("rcq-notifier.socket", "rcq-notifier.service"):
        (box.root / name).rename(box.checkout / "packaging/systemd" / name)
    code, said = box.install("--system")
    assert code == 0, said
    assert box.current != old
    assert "stop rcq-engine.service rcq-launcher.socket rcq-launcher.service" in box.calls()


def test_settings_stay_and_new_ones_are_put_beside_them(used: "Box") -> None:
    used.write("etc/rcq/rcq.toml", "# mine\n")
    (used.checkout / "config/rcq.toml").write_text("# shipped, newer\n")
    code, said = used.install("--system")
    assert code == 0
    assert used.read("etc/rcq/rcq.toml") == "# mine\n"
    assert used.read("etc/rcq/rcq.toml.new") == "# shipped, newer\n"
    assert "rcq.toml.new" in said


def test_settings_that_changed_nowhere_but_here_are_left_alone(used: "Box") -> None:
    used.write("etc/rcq/rcq.toml", "# mine\n")
    assert used.install("--system")[0] == 0
    assert not (used.root / "etc/rcq/rcq.toml.new").exists()


@pytest.mark.parametrize(
    ("step", "restored"), [("backup", False), ("migrate", True), ("start", False), ("health", False)]
)
def test_what_fails_is_taken_back(used: "Box", step: str, restored: bool) -> None:
    old = used.current
    (used.checkout / "packaging/systemd/rcq-engine.service").write_text("[Service]\nExecStart=/bin/newer\n")
    used.fail(step)
    used.write("healthy", str(old))
    code, said = used.install("--system")
    assert code == 1
    last = said.splitlines()[-1]
    assert "was taken back" in last
    assert ("engine.daemon.restore" in " ".join(calls := used.calls())) == restored
    assert used.current == old
    assert "/bin/newer" not in used.read("etc/systemd/system/rcq-engine.service")
    assert calls[-1].startswith("start ")
    assert calls[-1].endswith(f"with {str(old).removeprefix(str(used.root))}")


def test_an_engine_that_does_not_come_up_gets_its_old_database_if_that_was_changed(used: "Box") -> None:
    old = used.current
    used.write("steps", "0012_more\n1\n")
    used.fail("start")
    code, said = used.install("--system")
    assert code == 1
    assert "its engine does not come up: rcq engine: a reason of its own" in said
    assert f"{old.name} runs again; jobs ran on" in said
    calls = used.calls()
    [backup] = [call for call in calls if "engine.daemon.backup" in call]
    [restore] = [call for call in calls if "engine.daemon.restore" in call]
    assert restore.split()[-1] == backup.split()[-1]
    assert "/var/lib/rcq/backups/before-upgrade-" in backup


def test_a_database_that_cannot_be_put_back_is_named_and_nothing_is_started(used: "Box") -> None:
    used.fail("migrate")
    used.fail("restore")
    code, said = used.install("--system")
    assert code == 1
    assert "It is whole in" in said.splitlines()[-1]
    assert not engine_is_active(used)
    assert not any(call.startswith("start ") for call in used.calls())


def test_a_second_try_goes_on_with_the_release_that_is_there(used: "Box") -> None:
    used.fail("migrate")
    assert used.install("--system")[0] == 1
    used.calls()
    (used.root / "fails/migrate").unlink()
    code, said = used.install("--system")
    assert code == 0, said
    assert "is complete" in said
    assert kinds(used) == ["stop", "backup", "migrate", "start"]


def test_the_last_three_releases_stay(used: "Box") -> None:
    first = used.current
    for _ in range(3):
        assert used.install("--system")[0] == 0
        used.newer()
    left = list((used.root / "opt/rcq/releases").iterdir())
    assert len(left) == 3
    assert first not in left
    assert used.current in left


def test_dry_run_of_an_upgrade_names_its_steps_in_their_order(used: "Box") -> None:
    before = used.tree()
    code, said = used.install("--system", "--dry-run")
    assert code == 0
    steps = [
        "locked packages",
        "stopping the engine",
        "backing the database up",
        "bringing the database",
        "starting it",
    ]
    found = [said.index(step) for step in steps]
    assert found == sorted(found)
    assert used.tree() == before
    assert used.calls() == []
