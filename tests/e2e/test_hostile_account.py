"""Somebody whose rights end while a request of theirs is on its way, and requests that race each other."""

import io
import json
import socket
import sqlite3
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import Any

import pytest

from tests.e2e.conftest import PASSWORD, SETTINGS

pytestmark = pytest.mark.e2e
HALF = 45
"""Bytes of a body that are sent at first: a whole line of an ingest, and less than any of the other bodies."""


class Slow:
    """A request of which the second half comes when it is asked for."""

    def __init__(self, engine: Any, person: Any, method: str, path: str, body: bytes) -> None:
        token = person.http.headers["Authorization"]
        head = f"{method} {path} HTTP/1.1\r\nHost: rcq\r\nConnection: close\r\nAuthorization: {token}\r\n"
        self._line = socket.socket(socket.AF_UNIX)
        self._line.settimeout(20)
        self._line.connect(str(engine.socket))
        self._line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:HALF])
        self._rest = body[HALF:]

    def finish(self) -> tuple[int, Any]:
        """Status and answer."""
        self._line.sendall(self._rest)
        said = b""
        while piece := self._line.recv(65536):
            said += piece
        self._line.close()
        return int(said.split()[1]), json.loads(said.partition(b"\r\n\r\n")[2])


def end_log_ins(admin: Any, account: str) -> None:
    for one in admin.get("/v1/tokens", account=account)["items"]:
        assert admin.ask("DELETE", f"/v1/tokens/{one['id']}").status_code == 200


def let_in(engine: Any, person: Any, count: int) -> None:
    """Whoever comes now is served after the requests that were sent before: they have been let in."""
    for _ in range(count):
        assert person.ask("GET", "/v1/me").status_code == 200


REQUESTS = [
    ("POST", "/v1/accounts", {"name": "door", "group": "ops", "password": PASSWORD, "role": "admin"}),
    ("PATCH", "/v1/accounts/root", {"password": "nobody knows this but eve", "one_time": False}),
    ("POST", "/v1/tokens", {"name": "door", "days": 30, "read_only": False}),
    ("POST", "/v1/jobs", {"command": ["true"], "name": "a-job-of-somebody-who-has-left"}),
    ("POST", "/v1/uploads", {"any": "file that is long enough to come in two pieces"}),
]


def test_a_body_that_comes_after_the_log_in_ended_does_nothing(engine: Any, admin: Any) -> None:
    """Who holds a stolen log-in keeps requests half sent for the moment in which it is taken away."""
    admin.post("/v1/accounts", {"name": "eve", "group": "ops", "password": PASSWORD, "role": "admin"})
    eve = engine.log_in("eve")
    held = [Slow(engine, eve, method, path, json.dumps(body).encode()) for method, path, body in REQUESTS]
    let_in(engine, eve, 20)
    end_log_ins(admin, "eve")
    answers = [one.finish() for one in held]
    assert {(status, answer["error"]["code"]) for status, answer in answers} == {(401, "UNAUTHENTICATED")}
    assert {one["name"] for one in admin.get("/v1/accounts")["items"]} == {"root", "eve"}
    assert engine.log_in("root").get("/v1/jobs")["items"] == []
    assert engine.log_in("eve").get("/v1/uploads")["items"] == []


def test_who_is_an_admin_no_more_does_nothing_as_one(engine: Any, admin: Any) -> None:
    admin.post("/v1/accounts", {"name": "eve", "group": "ops", "password": PASSWORD, "role": "admin"})
    eve = engine.log_in("eve")
    held = Slow(engine, eve, *REQUESTS[0][:2], json.dumps(REQUESTS[0][2]).encode())
    let_in(engine, eve, 20)
    assert admin.ask("PATCH", "/v1/accounts/eve", json={"role": "user"}).status_code == 200
    assert held.finish()[0] == 401
    assert eve.get("/v1/me")["role"] == "user"


def test_a_file_of_jobs_ends_with_the_log_in(engine: Any, admin: Any, until: Callable[..., Any]) -> None:
    """What came before is taken in, and nothing after that, however long the file is on its way."""
    eve = engine.someone(admin, "eve", "ops")
    line = b'{"command": ["true"], "begin": 4000000000}\n'
    assert len(line) < HALF
    held = Slow(engine, eve, "POST", "/v1/ingest", line * 4)
    until(lambda: admin.get("/v1/jobs")["items"])
    end_log_ins(admin, "eve")
    status, report = held.finish()
    assert (status, report["accepted"], report["rejected"]) == (200, 1, 3)
    assert {error["code"] for error in report["errors"]} == {"UNAUTHENTICATED"}
    assert len(admin.get("/v1/jobs")["items"]) == 1


@pytest.mark.parametrize("change", [{"role": "user"}, {"disabled": True}])
def test_two_admins_never_put_each_other_out(engine: Any, admin: Any, change: dict[str, Any]) -> None:
    """Each does it at the same moment: one of them stays, as nobody could ever make an admin again."""
    admin.post("/v1/accounts", {"name": "two", "group": "ops", "password": PASSWORD, "role": "admin"})
    two, at_once = engine.log_in("two"), Barrier(2)

    def put_out(person: Any, name: str) -> int:
        at_once.wait()
        # the hashing of a password makes both take their time
        return int(person.ask("PATCH", f"/v1/accounts/{name}", json={**change, "password": PASSWORD}).status_code)

    with ThreadPoolExecutor(2) as threads:
        statuses = list(threads.map(put_out, (admin, two), ("two", "root")))
    assert sorted(statuses)[0] == 200
    assert sorted(statuses)[1] >= 400
    left = engine.log_in("root" if statuses[0] == 200 else "two")
    admins = [one for one in left.get("/v1/accounts")["items"] if one["role"] == "admin" and not one["disabled"]]
    assert len(admins) == 1


def test_a_refused_download_buys_no_more_at_once(launch: Callable[..., Any]) -> None:
    admin = launch(SETTINGS + "[retention]\nresults_mb = 25\n").admin()
    much = admin.script('truncate -s 1T "$RCQ_JOB_DIR/big"')
    fits = admin.script('head -c 20000000 /dev/urandom >"$RCQ_JOB_DIR/noise"')
    assert {admin.ended(number)["state"] for number in (much, fits)} == {"completed"}
    for _ in range(3):
        assert admin.refusal("GET", f"/v1/jobs/{much}/results") == "TOO_LARGE"
    with ExitStack() as answers:
        streams = [answers.enter_context(admin.http.stream("GET", f"/v1/jobs/{fits}/results")) for _ in range(3)]
        assert [one.status_code for one in streams] == [200, 200, 429]


def test_a_token_for_reading_makes_no_files_go_sooner(engine: Any, admin: Any, until: Callable[..., Any]) -> None:
    """The mark that results were fetched is written after the answer's end: the second download is behind it."""
    jobs = [admin.submit("true") for _ in range(2)]
    assert {admin.ended(number)["state"] for number in jobs} == {"completed"}
    reader = type(admin)(engine.socket, admin.post("/v1/tokens", {"name": "reads", "read_only": True})["token"])
    for person, number in zip((reader, admin), jobs, strict=True):
        assert person.ask("GET", f"/v1/jobs/{number}/results").status_code == 200

    def fetched() -> list[int]:
        with sqlite3.connect(engine.state / "rcq.db") as books:
            return [number for (number,) in books.execute("SELECT id FROM jobs WHERE fetched_at IS NOT NULL")]

    assert until(fetched) == jobs[1:]


def test_an_element_that_went_to_another_group_is_out_of_reach_of_its_old_groups_manager(
    launch: Callable[..., Any],
) -> None:
    managers = SETTINGS.replace("[auth]", "[auth]\ngroup_managers = true")
    engine = launch(f'{managers}[privacy]\nothers = "hidden"\n')
    admin = engine.admin()
    admin.post("/v1/groups", {"name": "chem"})
    ada = engine.someone(admin, "ada", "bio")
    admin.post("/v1/accounts", {"name": "max", "group": "bio", "password": PASSWORD, "manager": True})
    manager = engine.log_in("max")
    first = ada.script("true", array="1-3", begin=4e9)
    assert admin.ask("PATCH", "/v1/accounts/ada", json={"group": "chem"}).status_code == 200
    assert ada.ask("PATCH", f"/v1/jobs/{first + 1}", json={"group": "chem"}).status_code == 200
    assert [job["id"] for job in manager.get("/v1/jobs", array=first)["items"]] == [first, first + 2]
    assert manager.refusal("DELETE", f"/v1/jobs/{first}", params={"elements": "2"}) == "JOB_NOT_FOUND"
    answer = manager.ask("DELETE", f"/v1/jobs/{first}", params={"elements": "all"})
    assert answer.json() == {"array": first, "changed": 2, "ending": 0, "unchanged": 0}
    assert [admin.job(first + at)["state"] for at in range(3)] == ["cancelled", "pending", "cancelled"]
    assert ada.ask("DELETE", f"/v1/jobs/{first}", params={"elements": "2"}).status_code == 200


def test_a_manager_reads_no_line_of_a_jobs_output(launch: Callable[..., Any]) -> None:
    """What ended the job is a line of its log; a manager hears what it means."""
    managers = SETTINGS.replace("[auth]", "[auth]\ngroup_managers = true")
    engine = launch(f'{managers}[privacy]\nothers = "visible"\n')
    admin = engine.admin()
    ada = engine.someone(admin, "ada", "bio")
    admin.post("/v1/accounts", {"name": "max", "group": "bio", "password": PASSWORD, "manager": True})
    number = ada.script("export HF_TOKEN=a-line-of-ada; echo CUDA out of memory. $HF_TOKEN >&2; exit 1", gpus=1)
    assert "a-line-of-ada" in ada.ended(number)["message"]
    manager = engine.log_in("max")
    assert manager.job(number)["message"] == "it ran out of GPU memory"
    for path in (f"/v1/jobs/{number}", f"/v1/jobs/{number}/why"):
        assert "a-line-of-ada" in ada.ask("GET", path).text
        assert "a-line-of-ada" not in manager.ask("GET", path).text
    assert "a-line-of-ada" in ada.ask("GET", "/v1/jobs", params={"state": "failed"}).text
    for person in (manager, engine.someone(admin, "eve", "chem")):  # who sees the job, and not its script
        (row,) = person.get("/v1/jobs", state="failed")["items"]
        assert (row["account"], row["command_line"]) == ("ada", None)


def test_edits_at_the_same_moment_undo_nothing(engine: Any, admin: Any) -> None:
    """Each is judged while others are: whatever was acknowledged is there in the end."""
    others = [admin.submit("true", begin=4e9) for _ in range(30)]
    number, at_once = admin.submit("true", begin=4e9), Barrier(3)

    def edit(field: str, value: Any) -> int:
        at_once.wait()
        return int(admin.ask("PATCH", f"/v1/jobs/{number}", json={field: value}).status_code)

    with ThreadPoolExecutor(3) as threads:
        for turn in range(100):
            after = [{"id": other, "when": "any"} for other in others[: 1 + turn % 30]]
            wanted = {"name": f"n{turn}", "after": after, "priority": 1 + turn % 9}
            assert list(threads.map(edit, wanted, wanted.values())) == [200, 200, 200]
            job = admin.job(number)
            assert {field: job[field] for field in wanted} == wanted


def test_the_difference_is_answered_whole_or_refused(engine: Any, admin: Any) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tree:
        tree.addfile(tarfile.TarInfo("a"), io.BytesIO(b""))
    tree_id, diff_id = (
        admin.ask("POST", "/v1/uploads", content=body).json()["upload"] for body in (packed.getvalue(), b"+a" * 300_000)
    )
    number = admin.script("true", snapshot={"upload": tree_id, "diff": diff_id, "dirty": True})
    for part in ("bytes=0-1", "bytes=9-1", "bytes=999999999-", "nonsense"):
        answer = admin.ask("GET", f"/v1/jobs/{number}/diff", headers={"Range": part})
        assert (answer.status_code, answer.content) == (200, b"+a" * 300_000)
    (engine.state / "staged" / diff_id).unlink()
    assert admin.refusal("GET", f"/v1/jobs/{number}/diff") == "INVALID_STATE"
