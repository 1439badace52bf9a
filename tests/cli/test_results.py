"""rcq results: the file is there whole or not at all, and whoever asked is told which."""

import io
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_engine import Result

from rcq_tui.cli.main import main
from rcq_tui.client.download import Arriving, NotWhole

Run = Callable[..., Result]


def a_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("stdout.log"), "hello\n" * 1000)
    return out.getvalue()


@pytest.fixture
def sends(raw: Callable[..., str], monkeypatch: pytest.MonkeyPatch, home: Path) -> Callable[..., list[bytes]]:
    """An engine that sends this body, and how it ends it."""
    monkeypatch.chdir(home)

    def start(body: bytes, end: bytes = b"0\r\n\r\n", head: bytes = b"200 OK") -> list[bytes]:
        asked: list[bytes] = []

        def talk(connection: socket.socket) -> None:
            asked.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 %b\r\nTransfer-Encoding: chunked\r\n\r\n" % head)
            for at in range(0, len(body), 100):
                piece = body[at : at + 100]
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            connection.sendall(end)

        monkeypatch.setenv("RCQ_SOCKET", raw(talk))
        return asked

    return start


def files(home: Path) -> list[str]:
    return sorted(one.name for one in home.iterdir() if one.suffix != ".sock")


def test_the_archive_is_a_file_named_by_its_job(sends: Callable[..., list[bytes]], rcq: Run, home: Path) -> None:
    asked = sends(a_zip())
    result = rcq("results", "7")
    assert (result.code, result.out) == (0, f"job-7.zip: {len(a_zip())} bytes\n")
    assert (home / "job-7.zip").read_bytes() == a_zip()
    assert files(home) == ["job-7.zip"]
    assert asked[0].startswith(b"GET /v1/jobs/7/results HTTP/1.1")


def test_elements_of_an_array_and_their_code_into_a_directory(
    sends: Callable[..., list[bytes]], rcq: Run, home: Path
) -> None:
    (home / "out").mkdir()
    asked = sends(a_zip())
    assert rcq("results", "7[3-5]", "--code", "-o", "out").code == 0
    assert asked[0].startswith(b"GET /v1/jobs/7/results?elements=3-5&code=1 ")
    assert files(home / "out") == ["array-7.zip"]


def test_what_is_there_is_replaced_only_by_force(sends: Callable[..., list[bytes]], rcq: Run, home: Path) -> None:
    (home / "job-7.zip").write_text("precious")
    asked = sends(a_zip())
    result = rcq("results", "7")
    assert (result.code, "is there already" in result.err) == (1, True)
    assert asked == []
    assert (home / "job-7.zip").read_text() == "precious"
    assert rcq("results", "7", "--force").code == 0
    assert (home / "job-7.zip").read_bytes() == a_zip()


@pytest.mark.parametrize(
    "said",
    [(a_zip()[:150], b""), (a_zip()[:150], b"0\r\n\r\n"), (a_zip(), b"5\r\nab"), (b"", b"0\r\n\r\n")],
)
@pytest.mark.parametrize("force", [True, False])
def test_one_that_breaks_off_leaves_nothing(
    sends: Callable[..., list[bytes]], rcq: Run, home: Path, said: tuple[bytes, bytes], force: bool
) -> None:
    if force:
        (home / "job-7.zip").write_text("precious")
    sends(*said)
    result = rcq("results", "7", *(["--force"] if force else []))
    assert result.code == 8
    assert "the download broke off after" in result.err
    assert files(home) == (["job-7.zip"] if force else [])


def test_a_refusal_leaves_nothing(sends: Callable[..., list[bytes]], rcq: Run, home: Path) -> None:
    body = b'{"error": {"code": "INVALID_STATE", "message": "Job 7 is pending and has no files.", "details": []}}'
    sends(body, head=b"409 Conflict")
    result = rcq("results", "7")
    assert (result.code, result.err) == (7, "rcq: Job 7 is pending and has no files.\n")
    assert files(home) == []


def test_where_nothing_can_be_written(sends: Callable[..., list[bytes]], rcq: Run) -> None:
    sends(a_zip())
    assert rcq("results", "7", "-o", "nowhere/x.zip").code == 1
    assert rcq("results", "7", "-o", "x.zip").code == 0


def test_to_standard_output(
    sends: Callable[..., list[bytes]], home: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    sends(a_zip())
    assert main(["results", "7", "-o", "-"]) == 0
    assert capfdbinary.readouterr().out == a_zip()
    assert files(home) == []


def test_whoever_comes_first_to_the_name_keeps_it(tmp_path: Path) -> None:
    target = tmp_path / "x.zip"
    with pytest.raises(FileExistsError), Arriving(str(target)) as file:
        file.write(a_zip())
        target.write_text("sooner")
        file.keep()
    assert files(tmp_path) == ["x.zip"]
    assert target.read_text() == "sooner"


def test_the_end_is_known_however_the_pieces_are_cut(tmp_path: Path) -> None:
    for size in (1, 7, 10_000):
        with Arriving(str(tmp_path / f"{size}.zip")) as file:
            for at in range(0, len(a_zip()), size):
                file.write(a_zip()[at : at + size])
            file.keep()
    with pytest.raises(NotWhole), Arriving(str(tmp_path / "half.zip")) as file:
        file.write(a_zip()[:-1])
        file.keep()
    assert not (tmp_path / "half.zip").exists()
