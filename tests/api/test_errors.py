"""Errors: one shape, whatever went wrong; bodies are read no further than allowed."""

import logging
import socket
from collections.abc import Iterator

import pytest

from engine.api.asks import Limits
from tests.api.scripted import USER, Api, refusal, wait_until


def test_an_unknown_address(api: Api) -> None:
    for path in ("/", "/v1", "/v1/job", "/docs", "/redoc", "/v1/jobs/"):
        assert refusal(api.ask("GET", path)) == (404, "NOT_FOUND"), path


def test_a_method_that_an_address_has_not(api: Api) -> None:
    answer = api.ask("DELETE", "/v1/stats")
    assert refusal(answer) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET"
    assert answer.json()["error"]["message"] == "DELETE is not possible here; GET /openapi.json lists what is."


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "BAD_FORMAT"),
        (b"{", 400, "BAD_FORMAT"),
        (b'{"name": "a",}', 400, "BAD_FORMAT"),
        (b"[1, 2]", 400, "BAD_FORMAT"),
        (b'"text"', 400, "BAD_FORMAT"),
        (b"null", 400, "BAD_FORMAT"),
        (b"[" * 100_000, 400, "BAD_FORMAT"),
        (b'{"command": ["\xff"]}', 400, "BAD_ENCODING"),
        (b"\xff\xfe{\x00}\x00", 400, "BAD_ENCODING"),
        (b"{}", 422, "VALIDATION_ERROR"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/batch", "/v1/groups", "/v1/password"])
def test_bodies_that_are_no_request(api: Api, path: str, body: bytes, status: int, code: str) -> None:
    assert refusal(api.ask("POST", path, token="root", content=body)) == (status, code)


def test_what_was_expected_is_shown_in_the_form_of_this_request(api: Api) -> None:
    def told(path: str, body: bytes = b"[]") -> str:
        return str(api.ask("POST", path, token="root", content=body).json()["error"]["message"])

    assert told("/v1/jobs").endswith('such as {"command": ["nvidia-smi"]}.')
    assert told("/v1/jobs/batch").endswith('such as {"jobs": [{"command": ["nvidia-smi"]}]}.')
    assert told("/v1/groups").endswith("with the fields priority, share, guarantee_gpus, quota, name.")
    assert told("/v1/groups", b'{"name": "a b"}').startswith("name: must be 1 to 64 letters, digits and")


@pytest.mark.parametrize(
    "job",
    [b'{"command": ["\\ud800"]}', b'{"command": ["true"], "job_id": "\\uDFFF", "x": 1}', b'{"\\uD83D": 1}'],
)
def test_half_a_character_in_a_batch_is_no_json(api: Api, job: bytes) -> None:
    body = b'{"jobs": [{"command": ["true"]}, ' + job + b"]}"
    assert refusal(api.ask("POST", "/v1/jobs/batch", token="root", content=body)) == (400, "BAD_FORMAT")


def test_the_content_type_is_not_asked_for(api: Api) -> None:
    api.script.expect("people.logout", USER, gives=None)
    api.script.expect("people.change_password", USER, "a", "b", gives=None)
    headers = {"content-type": "application/x-www-form-urlencoded"}  # what curl -d says
    assert api.ask("POST", "/v1/logout", headers=headers).status_code == 200
    assert api.ask("POST", "/v1/password", headers=headers, content=b'{"old":"a","new":"b"}').status_code == 200


def test_a_body_that_says_it_is_too_large_is_not_even_read(api: Api) -> None:
    api.reset(Limits(body_bytes=1000))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(api.socket))
        head = b"POST /v1/jobs HTTP/1.1\r\nauthorization: Bearer good\r\ncontent-length: 1000000000000\r\n\r\n"
        connection.sendall(head)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"TOO_LARGE"' in answer


def test_a_body_of_untold_length_is_cut_off_while_it_streams(api: Api) -> None:
    api.reset(Limits(body_bytes=1000))

    def chunks() -> Iterator[bytes]:
        for _ in range(50):
            yield b"x" * 100

    for path in ("/v1/jobs", "/v1/jobs/batch", "/v1/password"):
        assert refusal(api.ask("POST", path, content=chunks())) == (413, "TOO_LARGE")


def test_after_a_refused_body_the_connection_goes_on(api: Api) -> None:
    api.reset(Limits(body_bytes=1000))
    client = api.client()
    assert client.post("/v1/jobs", content=b"x" * 500_000).status_code == 413
    assert client.get("/v1/me").status_code == 200


def test_a_defect_is_500_with_a_number_that_is_in_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    api.script.expect("box.stats", USER, gives=RuntimeError("the secret inside"))
    with caplog.at_level(logging.ERROR, "rcq.api"):
        answer = api.ask("GET", "/v1/stats")
    assert refusal(answer) == (500, "INTERNAL")
    assert "secret" not in answer.text
    incident = answer.json()["error"]["details"][0]["incident"]
    assert incident in answer.json()["error"]["message"]
    (record,) = [one for one in caplog.records if one.name == "rcq.api"]
    wait_until(lambda: any(one.name == "uvicorn.error" for one in caplog.records))  # it tells the same once more
    assert incident in record.getMessage()
    assert record.exc_info is not None
    assert "the secret inside" in str(record.exc_info[1])


def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_defect(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(api.socket))
        connection.sendall(b"POST /v1/jobs HTTP/1.1\r\nauthorization: Bearer good\r\ncontent-length: 100\r\n\r\nabc")
    assert api.ask("GET", "/v1/me").status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
