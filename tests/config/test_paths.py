"""Where files are, what overrides it, and that nobody else's directory is ever used for the socket."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import homes, paths
from config.paths import MAX_SOCKET_BYTES, Paths, PathsError


@pytest.fixture
def runtime() -> Iterator[Path]:
    """In a place whose name is short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="rcq-", dir="/tmp") as place:
        yield Path(place)


@pytest.fixture
def environ(home: Path, runtime: Path) -> dict[str, str]:
    return {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime)}


def test_a_persons_places_without_any_variable(environ: dict[str, str], home: Path, runtime: Path) -> None:
    assert paths.personal(environ) == Paths(
        config_file=home / ".config/rcq/rcq.toml",
        state_dir=home / ".local/state/rcq",
        database=home / ".local/state/rcq/rcq.db",
        jobs_dir=home / ".local/state/rcq/jobs",
        socket=runtime / "rcq/rcq.sock",
    )
    assert homes.token_file(environ) == str(home / ".config/rcq/token")


def test_a_persons_places_with_xdg_variables(environ: dict[str, str], tmp_path: Path) -> None:
    environ |= {"XDG_CONFIG_HOME": str(tmp_path / "c"), "XDG_STATE_HOME": str(tmp_path / "s")}
    found = paths.personal(environ)
    assert found.config_file == tmp_path / "c/rcq/rcq.toml"
    assert found.database == tmp_path / "s/rcq/rcq.db"
    assert homes.token_file(environ) == str(tmp_path / "c/rcq/token")


def test_relative_xdg_variables_are_ignored(environ: dict[str, str], home: Path) -> None:
    environ |= {"XDG_CONFIG_HOME": "conf", "XDG_STATE_HOME": ""}
    assert paths.personal(environ).config_file == home / ".config/rcq/rcq.toml"
    assert paths.personal(environ).state_dir == home / ".local/state/rcq"


def test_the_appliances_places() -> None:
    assert paths.appliance({}) == Paths(
        config_file=Path("/etc/rcq/rcq.toml"),
        state_dir=Path("/var/lib/rcq"),
        database=Path("/var/lib/rcq/rcq.db"),
        jobs_dir=Path("/var/lib/rcq/jobs"),
        socket=Path("/run/rcq/rcq.sock"),
        system=True,
    )


@pytest.mark.parametrize("mode", [paths.personal, paths.appliance])
def test_who_wins_over_whom(environ: dict[str, str], mode: Callable[..., Paths]) -> None:
    """The command line over the variables over the settings over the usual place."""
    settings = {"state_dir": Path("/srv/rcq"), "socket": Path("/srv/rcq.sock")}
    assert mode(environ, **settings).socket == Path("/srv/rcq.sock")
    assert mode(environ, **settings).jobs_dir == Path("/srv/rcq/jobs")
    environ |= {"RCQ_SOCKET": "/env/rcq.sock", "RCQ_CONFIG": "/env/rcq.toml"}
    assert mode(environ, **settings).socket == Path("/env/rcq.sock")
    assert mode(environ, **settings).config_file == Path("/env/rcq.toml")
    moved = mode(environ, **settings).moved(state_dir=Path("/cli"), socket=Path("/cli.sock"))
    assert (moved.database, moved.jobs_dir, moved.socket) == (Path("/cli/rcq.db"), Path("/cli/jobs"), Path("/cli.sock"))
    assert moved.moved() == moved


def test_places_do_not_depend_on_where_one_stands(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, runtime: Path
) -> None:
    monkeypatch.chdir(runtime)
    environ |= {"RCQ_SOCKET": "here.sock", "RCQ_CONFIG": "here.toml"}
    found = paths.personal(environ, state_dir=Path("state"))
    assert (found.socket, found.config_file) == (runtime / "here.sock", runtime / "here.toml")
    assert found.state_dir == runtime / "state"


def test_a_tilde_is_the_home_directory(monkeypatch: pytest.MonkeyPatch, home: Path, environ: dict[str, str]) -> None:
    monkeypatch.setenv("HOME", str(home))
    assert paths.personal(environ, state_dir=Path("~/rcq")).state_dir == home / "rcq"
    with pytest.raises(PathsError, match="names a user that is not known"):
        paths.personal(environ, state_dir=Path("~no-such-user-here/rcq"))


def test_a_socket_path_that_the_kernel_would_cut_is_refused(environ: dict[str, str]) -> None:
    longest = "/" + "s" * (MAX_SOCKET_BYTES - 1)
    environ["RCQ_SOCKET"] = longest
    assert str(paths.personal(environ).socket) == longest
    environ["RCQ_SOCKET"] = longest + "s"
    with pytest.raises(PathsError, match=r"has 101 bytes and may have 100.*RCQ_SOCKET"):
        paths.personal(environ)
    environ["RCQ_SOCKET"] = "/" + "ü" * 50
    with pytest.raises(PathsError, match="has 101 bytes"):
        paths.personal(environ)


def test_without_a_runtime_directory_a_private_one_is_made(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del environ["XDG_RUNTIME_DIR"]
    made: list[Path] = []

    def remember(path: Path) -> Path:
        made.append(path)
        return path

    monkeypatch.setattr(paths, "private_directory", remember)
    assert paths.personal(environ).socket == Path(f"/tmp/rcq-{os.getuid()}/rcq.sock")
    assert made == [Path(f"/tmp/rcq-{os.getuid()}")]


@pytest.mark.parametrize("left_over", ["missing", "relative", "another user's"])
def test_a_runtime_directory_of_no_use_does_not_count(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runtime: Path, left_over: str
) -> None:
    environ["XDG_RUNTIME_DIR"] = {"missing": str(tmp_path / "gone"), "relative": "run"}.get(left_over, str(runtime))
    if left_over == "another user's":
        uid = os.getuid()
        monkeypatch.setattr(paths.os, "getuid", lambda: uid + 1)
    monkeypatch.setattr(paths, "private_directory", lambda path: path)
    assert paths.personal(environ).socket == Path(f"/tmp/rcq-{os.getuid()}/rcq.sock")


def test_a_private_directory_is_closed_to_others(tmp_path: Path) -> None:
    place = paths.private_directory(tmp_path / "own")
    assert place.stat().st_mode & 0o777 == 0o700
    place.chmod(0o755)
    assert paths.private_directory(place).stat().st_mode & 0o777 == 0o700


def test_a_private_directory_is_never_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(PathsError, match="belongs to someone else or is a link"):
        paths.private_directory(tmp_path / "link")


def test_a_private_directory_is_never_another_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    uid = os.getuid()
    monkeypatch.setattr(paths.os, "getuid", lambda: uid + 1)
    with pytest.raises(PathsError, match=r"belongs to someone else.*RCQ_SOCKET"):
        paths.private_directory(tmp_path / "theirs")


def test_a_file_or_a_dangling_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(PathsError):
            paths.private_directory(tmp_path / name)


def test_prepare_makes_everything_an_engine_writes_to(environ: dict[str, str]) -> None:
    found = paths.personal(environ)
    for _ in range(2):
        paths.prepare(found)
    for place in (found.state_dir, found.jobs_dir, found.socket.parent):
        assert place.is_dir()
        assert place.stat().st_mode & 0o777 == 0o700
    assert not found.config_file.exists()


def test_prepare_lets_people_through_the_appliances_places_and_leaves_its_sockets_to_the_system(
    environ: dict[str, str], tmp_path: Path
) -> None:
    state, run = tmp_path / "lib", tmp_path / "run"
    found = paths.appliance(environ, state_dir=state, socket=run / "rcq.sock")
    with pytest.raises(PathsError, match=r"run is missing.*systemd-tmpfiles"):
        paths.prepare(found)
    run.mkdir(mode=0o755)
    before = os.umask(0o077)
    try:
        paths.prepare(found)
        found.jobs_dir.chmod(0o700)
        paths.prepare(found)
    finally:
        os.umask(before)
    modes = [place.stat().st_mode & 0o777 for place in (state, found.jobs_dir, run)]
    assert modes == [0o711, 0o711, 0o755]


def test_prepare_says_which_place_cannot_be_made(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = paths.personal(environ, state_dir=tmp_path / "file" / "rcq")
    with pytest.raises(PathsError, match=r"file/rcq cannot be made: Not a directory.*\[engine\]"):
        paths.prepare(found)


def test_no_home_directory_is_told(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    del environ["HOME"]
    monkeypatch.setattr(homes.os.path, "expanduser", lambda path: path)  # as of a user whom nobody knows
    with pytest.raises(PathsError, match="Set HOME"):
        paths.personal(environ)


def test_it_loads_nothing_heavy() -> None:
    """The command line loads it at every start."""
    code = "import sys, config.homes; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "config.homes" in loaded
    assert not {
        "pydantic",
        "dataclasses",
        "tomllib",
        "json",
        "subprocess",
        "socket",
        "tempfile",
        "pathlib",
        "typing",
    } & set(loaded)
