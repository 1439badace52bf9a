"""What is shipped for systemd says the same as the program; what a real systemd thinks of it, where there is one."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from config import paths
from engine.daemon.main import EXIT_DATA, EXIT_USAGE

ROOT = Path(__file__).resolve().parents[3]
UNITS = ROOT / "packaging" / "systemd"


class Unit(dict[str, dict[str, list[str]]]):
    """A unit file: section, key, every value given for it in order."""

    def __init__(self, name: str) -> None:
        super().__init__()
        section = ""
        for line in (UNITS / name).read_text().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
                self[section] = {}
            elif line and not line.startswith("#"):
                key, _, value = line.partition("=")
                self[section].setdefault(key, []).append(value)


def shell_places() -> dict[str, str]:
    """packaging/places.sh, as bash understands it."""
    names = "opt releases current settings_dir state_dir run_dir"
    script = f'source "$1"; for name in {names}; do echo "$name=${{!name}}"; done'
    told = subprocess.run(
        ["bash", "-c", script, "bash", ROOT / "packaging/places.sh"], capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in told.stdout.splitlines())


def test_the_installer_and_the_programs_mean_the_same_places() -> None:
    places = shell_places()
    assert Path(places["settings_dir"]) / "rcq.toml" == paths.SYSTEM_CONFIG
    assert Path(places["state_dir"]) == paths.SYSTEM_STATE
    assert Path(places["run_dir"]) == paths.SYSTEM_SOCKET.parent == paths.LAUNCHER_SOCKET.parent


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("rcq-engine", "engine.daemon --system"),
        ("rcq-launcher", "engine.launcher"),
        ("rcq-notifier", "engine.notifier --system"),
    ],
)
def test_services_run_the_current_release_alone(name: str, module: str) -> None:
    service = Unit(f"{name}.service")["Service"]
    assert service["ExecStart"] == [f"{shell_places()['current']}/bin/python -I -m {module}"]
    assert service["CapabilityBoundingSet"] == [""]
    assert service["NoNewPrivileges"] == ["yes"]
    assert service["ProtectSystem"] == ["strict"]


def test_the_engine_writes_where_its_files_are_and_nowhere_else() -> None:
    service = Unit("rcq-engine.service")["Service"]
    assert service["User"] == service["Group"] == ["rcq"]
    assert Path("/var/lib") / service["StateDirectory"][0] == paths.SYSTEM_STATE
    assert service["ReadWritePaths"] == [str(paths.SYSTEM_SOCKET.parent)]


def test_what_slurm_needs_opens_a_network_and_nothing_else() -> None:
    drop_in = Unit("slurm.conf")
    opened = {"PrivateNetwork": ["no"], "RestrictAddressFamilies": ["AF_INET AF_INET6"], "IPAddressDeny": [""]}
    assert drop_in["Service"] == opened
    shut = Unit("rcq-engine.service")["Service"]
    assert [shut[key] for key in opened] == [["yes"], ["AF_UNIX"], ["any"]]
    assert drop_in["Unit"]["RequiresMountsFor"] == [str(paths.SYSTEM_STATE / "jobs")]


def test_only_what_is_called_rcq_is_put_into_place_by_itself() -> None:
    """An engine gets a network by an admin's own hand."""
    assert "/systemd/rcq-*;" in (ROOT / "packaging/machine.sh").read_text()
    assert {one.name for one in UNITS.iterdir() if not one.name.startswith("rcq-")} == {"slurm.conf"}


def test_an_engine_that_only_a_person_can_help_is_not_started_again() -> None:
    service = Unit("rcq-engine.service")["Service"]
    assert service["Restart"] == ["always"]
    assert '"$EXIT_STATUS" != 1' in service["ExecStopPost"][0], "what time may mend is not tried all the time"
    assert service["RestartPreventExitStatus"] == [f"{EXIT_USAGE} {EXIT_DATA}"]


def test_only_the_engine_reaches_the_launcher() -> None:
    socket = Unit("rcq-launcher.socket")["Socket"]
    assert socket["ListenStream"] == [str(paths.LAUNCHER_SOCKET)]
    assert socket["SocketUser"] == ["rcq"]
    assert socket["SocketMode"] == ["0600"]


def test_the_notifier_is_the_only_one_with_a_network_and_has_nothing_else() -> None:
    assert Unit("rcq-engine.service")["Service"]["PrivateNetwork"] == ["yes"]
    assert Unit("rcq-launcher.service")["Service"]["PrivateNetwork"] == ["yes"]
    notifier = Unit("rcq-notifier.service")["Service"]
    assert "PrivateNetwork" not in notifier
    assert notifier["InaccessiblePaths"] == [f"-{paths.SYSTEM_STATE} -{paths.SYSTEM_SOCKET.parent}"]
    users = (ROOT / "packaging/sysusers.d/rcq.conf").read_text()
    assert notifier["User"] == ["rcq-notifier"]
    assert "\nu rcq-notifier " in users
    socket = Unit("rcq-notifier.socket")["Socket"]
    assert socket["ListenStream"] == [str(paths.NOTIFIER_SOCKET)]
    assert (socket["SocketUser"], socket["SocketMode"]) == (["rcq"], ["0600"])
    assert "rcq-notifier.socket" in Unit("rcq-engine.service")["Unit"]["Wants"][0]


def test_nothing_that_is_restarted_takes_jobs_with_it() -> None:
    for file in UNITS.iterdir():
        unit = Unit(file.name)["Unit"]
        for key in ("PartOf", "BindsTo", "Conflicts", "PropagatesStopTo"):
            assert key not in unit, f"{file.name} has {key}"
    assert Unit("rcq-engine.service")["Service"].get("Slice") is None


def test_what_the_engine_is_not_kept_from_is_explained() -> None:
    text = (UNITS / "rcq-engine.service").read_text()
    for key in ("PrivateDevices", "PrivateUsers", "ProtectProc", "ProcSubset", "MemoryDenyWriteExecute"):
        assert key not in Unit("rcq-engine.service")["Service"]
        assert f"{key}=" in text


def test_log_out_leaves_shared_memory_to_jobs() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "packaging/logind.conf.d/rcq.conf")
    assert parser["Login"]["RemoveIPC"] == "no"


def test_metrics_go_through_a_port_of_this_machine_alone_and_nothing_starts_it() -> None:
    socket, service = Unit("rcq-metrics.socket"), Unit("rcq-metrics.service")["Service"]
    assert socket["Socket"]["ListenStream"] == ["127.0.0.1:9838"]
    assert (socket["Socket"]["IPAddressDeny"], socket["Socket"]["IPAddressAllow"]) == (["any"], ["localhost"])
    assert all("rcq-metrics" not in (UNITS / name).read_text() for name in ("rcq-engine.service", "rcq-jobs.slice"))
    assert service["ExecStart"][0].endswith(f" {paths.SYSTEM_SOCKET.parent}/metrics.sock")
    assert (service["DynamicUser"], service["PrivateNetwork"]) == (["yes"], ["yes"])
    assert service["RestrictAddressFamilies"] == Unit("rcq-engine.service")["Service"]["RestrictAddressFamilies"]
    assert service["InaccessiblePaths"] == [f"-{paths.SYSTEM_STATE}"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
@pytest.mark.parametrize(
    "name", ["rcq-engine.service", "rcq-launcher.service", "rcq-notifier.service", "rcq-metrics.service"]
)
def test_exposure_is_low(name: str, tmp_path: Path) -> None:
    answer = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", "--offline=yes", "--threshold=20", UNITS / name],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout[-300:] + answer.stderr
