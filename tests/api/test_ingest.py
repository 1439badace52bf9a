"""POST /v1/ingest and /v1/jobs/batch: partial success, bounded memory, nothing lost."""

import json
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.api.asks import Limits
from engine.protocol.errors import Refused
from tests.api.scripted import Api, Books, refusal, wait_until

GOOD = b'{"command": ["true"]}'


def job(**given: Any) -> bytes:
    return json.dumps({"command": ["true"], **given}).encode()


def ingest(api: Api, body: Any, query: str = "") -> httpx.Response:
    return api.ask("POST", f"/v1/ingest{query}", content=body)


def report(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def codes(found: dict[str, Any]) -> list[tuple[int, str]]:
    return [(error["line"], error["code"]) for error in found["errors"]]


def told(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_good_lines_go_in_whatever_the_bad_ones_hold(api: Api, books: Books) -> None:
    lines = [
        job(job_id="a"),
        b"",
        b"   \t ",
        b"{broken",
        job(job_id="a"),
        b"[1]",
        job(gpuss=1, job_id="c"),
        b'{"command": ["\xff"]}',
        job(job_id="b", gpus="4"),
        job(name="last"),
    ]
    found = report(ingest(api, b"\n".join(lines)))
    assert (found["accepted"], found["rejected"], found["first_id"], found["last_id"]) == (2, 6, 1, 2)
    assert codes(found) == [
        (4, "BAD_FORMAT"),
        (5, "DUPLICATE_JOB"),
        (6, "BAD_FORMAT"),
        (7, "VALIDATION_ERROR"),
        (8, "BAD_ENCODING"),
        (9, "VALIDATION_ERROR"),
    ]
    assert [error["job_id"] for error in found["errors"]] == [None, "a", None, "c", None, "b"]
    assert set(found["errors"][0]) == {"line", "job_id", "code", "message", "details"}
    assert "line 1" in found["errors"][1]["message"]
    assert [one.name for one in books.jobs] == [None, "last"]


def test_bom_crlf_and_a_last_line_without_end(api: Api, books: Books) -> None:
    found = report(ingest(api, b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n" + GOOD + b"\r\n" + GOOD))
    assert (found["accepted"], found["rejected"]) == (3, 0)


def test_a_truncated_last_line_is_that_lines_error(api: Api, books: Books) -> None:
    found = report(ingest(api, GOOD + b'\n{"command": ["tr'))
    assert (found["accepted"], codes(found)) == (1, [(2, "BAD_FORMAT")])


def test_an_empty_file_holds_nothing(api: Api, books: Books) -> None:
    for body in (b"", b"\n\n", b"\xef\xbb\xbf", b"\r\n"):
        found = report(ingest(api, body))
        assert (found["accepted"], found["rejected"], found["first_id"], found["errors"]) == (0, 0, None, [])
    assert books.batches == []


def test_a_line_of_ten_megabytes_is_its_own_error(api: Api, books: Books) -> None:
    body = GOOD + b"\n" + b'{"script": "' + b"x" * 10_000_000 + b'"}\n' + GOOD + b"\n"
    found = report(ingest(api, body))
    assert (found["accepted"], codes(found)) == (2, [(2, "TOO_LARGE")])
    (error, _) = told(ingest(api, body, "?all_errors=1"))
    assert error["input"] == ('{"script": "' + "x" * 300)[:200]


def test_what_the_engine_refuses_stands_beside_what_the_api_refuses(api: Api, books: Books) -> None:
    books.refuse["big"] = Refused("IMPOSSIBLE_REQUEST", "9 GPUs; there are 4", [{"field": "gpus", "most": 4}])
    lines = [job(name="big", job_id="x"), b"{", job(name="ok"), job(name="big"), b"}"]
    found = report(ingest(api, b"\n".join(lines)))
    assert (found["accepted"], found["rejected"]) == (1, 4)
    wanted = [(1, "IMPOSSIBLE_REQUEST"), (2, "BAD_FORMAT"), (4, "IMPOSSIBLE_REQUEST"), (5, "BAD_FORMAT")]
    assert codes(found) == wanted
    assert found["errors"][0]["details"] == [{"field": "gpus", "most": 4}]
    assert found["errors"][0]["job_id"] == "x"


def test_an_engine_that_takes_nothing_refuses_each_line(api: Api, books: Books) -> None:
    books.broken = Refused("SERVICE_NOT_READY", "It is stopping.")
    found = report(ingest(api, GOOD + b"\n" + GOOD))
    assert (found["accepted"], codes(found)) == (0, [(1, "SERVICE_NOT_READY"), (2, "SERVICE_NOT_READY")])


def test_a_defect_of_the_engine_is_told_as_such(api: Api, books: Books) -> None:
    books.broken = RuntimeError("boom")
    assert refusal(ingest(api, GOOD)) == (500, "INTERNAL")


def test_the_report_has_the_first_hundred_errors_and_all_errors_has_all(api: Api, books: Books) -> None:
    body = b"\n".join([b'{"job_id": "k%d", "bad": 1}' % at for at in range(250)] + [GOOD])
    found = report(ingest(api, body))
    assert (found["accepted"], found["rejected"], len(found["errors"])) == (1, 250, 100)
    lines = told(ingest(api, body, "?all_errors=1"))
    assert [line["line"] for line in lines[:-1]] == list(range(1, 251))
    assert lines[7]["input"] == '{"job_id": "k7", "bad": 1}'
    assert lines[7]["job_id"] == "k7"
    assert lines[-1]["report"]["rejected"] == 250
    assert len(lines[-1]["report"]["errors"]) == 100


def test_progress_is_told_with_each_batch(api: Api, books: Books) -> None:
    api.reset(Limits(ingest_batch_lines=10), books)
    lines = told(ingest(api, b"\n".join([GOOD] * 24 + [b"{"]), "?progress=1"))
    assert [line["progress"]["lines"] for line in lines[:-1]] == [10, 20, 25]
    assert lines[-2]["progress"] == {"lines": 25, "accepted": 24, "rejected": 1, "known": 0}
    assert lines[-1]["report"]["accepted"] == 24
    assert books.batches == [10, 10, 4]


def test_a_dry_run_takes_nothing_and_finds_the_same(api: Api, books: Books) -> None:
    api.reset(Limits(ingest_batch_lines=2), books)
    books.refuse["big"] = Refused("IMPOSSIBLE_REQUEST", "no")
    lines = [job(job_id="a"), job(name="big"), b"{", job(), job(job_id="a"), job(job_id="b")]
    found = report(ingest(api, b"\n".join(lines), "?dry_run=1"))
    assert (found["accepted"], found["rejected"], found["dry_run"], found["first_id"]) == (3, 3, True, None)
    assert codes(found) == [(2, "IMPOSSIBLE_REQUEST"), (3, "BAD_FORMAT"), (5, "DUPLICATE_JOB")]
    assert (books.jobs, books.checked) == ([], 5 - 1)


def test_a_repeat_is_found_across_batches_and_against_the_books(api: Api, books: Books) -> None:
    api.reset(Limits(ingest_batch_lines=2), books)
    body = b"\n".join([job(job_id="a"), job(), job(), job(job_id="a")])
    assert codes(report(ingest(api, body))) == [(4, "DUPLICATE_JOB")]
    assert codes(report(ingest(api, body))) == [(1, "DUPLICATE_JOB"), (4, "DUPLICATE_JOB")]


def test_a_repeat_within_a_file_names_the_job_that_the_first_one_became(api: Api, books: Books) -> None:
    body = b"\n".join([job(), job(job_id="a"), job(), job(job_id="a")])
    (error,) = report(ingest(api, body, "?dry_run=1"))["errors"]
    assert "id" not in error["details"][0]
    (error,) = report(ingest(api, body))["errors"]
    assert (error["message"], error["details"][0]["id"]) == (
        "job_id a is also on line 2; give each job a key of its own.",
        2,
    )


def test_a_key_whose_first_line_was_bad_is_still_free(api: Api, books: Books) -> None:
    found = report(ingest(api, job(job_id="a", gpus=-1) + b"\n" + job(job_id="a")))
    assert (found["accepted"], codes(found)) == (1, [(1, "VALIDATION_ERROR")])


@pytest.mark.parametrize("query", ["?format=xml", "?dryrun=1", "?all_errors=perhaps"])
def test_bad_wishes_are_refused(api: Api, books: Books, query: str) -> None:
    assert refusal(ingest(api, GOOD, query)) == (422, "VALIDATION_ERROR")
    assert books.jobs == []


CSV = b'''job_id,command,num_gpu,memory_gb,environment,preemptible,name
a,"[""python"", ""train.py"", ""--note"", ""x, y""]",2,1.5,"{""A"": ""1""}",true,first

b,"[""sh"", ""-c"", ""
echo""]",,,,,"two
lines"
c,"[""true""]",,,,,"say ""hi"""
d,"[""true""]",1
e,"[""true""]",one,,,,
f,python train.py,1,,,,
g,"[""true""]",,,,,\xff
a,"[""true""]",,,,,again
h,"[""true""]",,,,,unended'''


def test_csv(api: Api, books: Books) -> None:
    found = report(ingest(api, CSV, "?format=csv"))
    assert codes(found) == [
        (4, "VALIDATION_ERROR"),
        (8, "BAD_FORMAT"),
        (9, "VALIDATION_ERROR"),
        (10, "VALIDATION_ERROR"),
        (11, "BAD_ENCODING"),
        (12, "DUPLICATE_JOB"),
    ]
    assert [error["job_id"] for error in found["errors"]] == ["b", None, "e", "f", "g", "a"]
    assert found["accepted"] == 3
    first = books.jobs[0]
    assert (first.command, first.gpus, first.memory_mb) == (["python", "train.py", "--note", "x, y"], 2, 1536)
    assert (first.environment, first.preemptible) == ({"A": "1"}, True)
    assert books.jobs[1].name == 'say "hi"'
    assert books.jobs[1].gpus == 0


def test_csv_a_line_break_in_a_quoted_cell_is_data(api: Api, books: Books) -> None:
    body = b'script,name\r\n"echo 1\r\necho 2",x\r\n"true",y\r\n'
    assert report(ingest(api, b"\xef\xbb\xbf" + body, "?format=csv"))["accepted"] == 2
    assert books.jobs[0].script == "echo 1\necho 2"


def test_csv_errors_carry_the_whole_record(api: Api, books: Books) -> None:
    (error, last) = told(ingest(api, b'script,gpus\n"a\nb",x\n', "?format=csv&all_errors=1"))
    assert (error["line"], error["input"]) == (2, '"a\nb",x')
    assert last["report"]["rejected"] == 1


@pytest.mark.parametrize(
    ("header", "status", "code", "hint"),
    [
        (b"command,gpuss", 422, "VALIDATION_ERROR", "gpus"),
        (b"command,gpus,num_gpu", 422, "VALIDATION_ERROR", "says the same as gpus"),
        (b"command,command", 422, "VALIDATION_ERROR", "says the same as command"),
        (b"command,", 422, "VALIDATION_ERROR", "unknown"),
        (b'"[""true""]",1', 400, "BAD_FORMAT", "header"),
        (b"command,g\xff", 400, "BAD_ENCODING", "UTF-8"),
        (b'command,"gpus', 400, "BAD_FORMAT", "header"),
        (b"", 400, "BAD_FORMAT", "header"),
    ],
)
@pytest.mark.parametrize("query", ["", "&all_errors=1&progress=1"])
def test_a_csv_header_that_is_wrong_takes_nothing_in(
    *, api: Api, books: Books, query: str, header: bytes, status: int, code: str, hint: str
) -> None:
    body = header + b'\n"[""true""]",1\n' if header else b"\n\n"
    answer = ingest(api, body, f"?format=csv{query}")
    assert refusal(answer) == (status, code)
    assert hint in answer.json()["error"]["message"]
    assert books.jobs == []


def test_a_hundred_thousand_lines(api: Api, books: Books) -> None:
    kinds = [
        b'{"command": ["x"], "gpus": -1}',
        b"{",
        b"[]",
        b'{"command": "x"}',
        b'{"command": ["x"], "zz": 1}',
        b'{"command": ["\xff"]}',
        b'{"command": ["x"], "job_id": "0"}',
        b"{}",
        b'{"command": ["x"], "array": "9-0"}',
        b'{"command": ["x"], "priority": 99}',
    ]
    lines = [b'{"job_id": "%d", "command": ["true"], "gpus": 1, "time_limit_s": 60}' % at for at in range(100_000)]
    for at in range(1000):
        lines[at * 100 + 50] = kinds[at % 10]
    waits: list[float] = []
    done = threading.Event()

    def look() -> None:
        client = api.client()
        while not done.is_set():
            began = time.monotonic()
            assert client.get("/healthz").status_code == 200
            waits.append(time.monotonic() - began)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        found = report(ingest(api, b"\n".join(lines)))
    finally:
        done.set()
        watcher.join()
    assert (found["accepted"], found["rejected"], found["last_id"]) == (99_000, 1000, 99_000)
    assert codes(found)[:3] == [(51, "VALIDATION_ERROR"), (151, "BAD_FORMAT"), (251, "BAD_FORMAT")]
    assert sum(books.batches) >= 99_000
    # Half of the questions, not all: on a busy machine any single one may wait for its turn on a core.
    assert statistics.median(waits) < 0.25, "the API has to answer while a file comes in"


def test_a_slow_stream_is_taken_in_as_it_comes(api: Api, books: Books) -> None:
    def slow() -> Iterator[bytes]:
        yield GOOD + b"\n" + GOOD[:5]
        wait_until(lambda: len(books.jobs) == 1)
        yield GOOD[5:] + b"\n"
        wait_until(lambda: len(books.jobs) == 2)
        yield GOOD

    assert report(ingest(api, slow()))["accepted"] == 3


def test_a_client_that_reads_only_at_its_end_gets_every_error(api: Api, books: Books) -> None:
    """httpx sends all before it reads: an answer that waited for its reader would hang here for ever."""
    body = (b"x" * 300 + b"\n") * 40_000
    lines = told(ingest(api, body, "?all_errors=1"))
    assert len(lines) == 40_001
    assert lines[39_999]["line"] == 40_000
    assert lines[-1]["report"]["rejected"] == 40_000


@pytest.mark.parametrize("query", ["", "?all_errors=1&progress=1"])
def test_a_client_that_leaves_loses_nothing_that_was_taken(
    api: Api, books: Books, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(api.socket))
        connection.sendall(
            b"POST /v1/ingest%s HTTP/1.1\r\nauthorization: Bearer good\r\ncontent-length: 1000\r\n\r\n" % query.encode()
        )
        connection.sendall(GOOD + b"\n" + GOOD + b"\n" + b'{"script": "half')
        wait_until(lambda: len(books.jobs) == 2)
    assert api.ask("GET", "/v1/me").status_code == 200
    assert (len(books.jobs), books.batches) == (2, [2])
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_batch(api: Api, books: Books) -> None:
    api.reset(Limits(ingest_batch_lines=2), books)
    jobs = [
        {"command": ["a"], "job_id": "x"},
        {"command": "a", "job_id": "y"},
        7,
        {"command": ["b"], "job_id": "x"},
        {"script": "c", "memory_gb": 1},
    ]
    found = report(api.ask("POST", "/v1/jobs/batch", json={"jobs": jobs}))
    assert (found["accepted"], found["rejected"], found["first_id"], found["last_id"]) == (2, 3, 1, 2)
    assert codes(found) == [(2, "VALIDATION_ERROR"), (3, "BAD_FORMAT"), (4, "DUPLICATE_JOB")]
    assert [error["job_id"] for error in found["errors"]] == ["y", None, "x"]


def test_batch_finds_keys_that_stand_twice_in_one_object(api: Api, books: Books) -> None:
    body = b'{"jobs": [{"command": ["a"], "gpus": 1, "gpus": 2}, {"command": ["a"]}]}'
    found = report(api.ask("POST", "/v1/jobs/batch", content=body))
    assert (found["accepted"], codes(found)) == (1, [(1, "VALIDATION_ERROR")])


def test_batch_dry_run_and_refusals(api: Api, books: Books) -> None:
    found = report(api.ask("POST", "/v1/jobs/batch?dry_run=1", json={"jobs": [{"command": ["a"]}]}))
    assert (found["accepted"], found["dry_run"], books.jobs) == (1, True, [])
    for body in ({}, {"jobs": {}}, {"jobs": [], "x": 1}):
        assert refusal(api.ask("POST", "/v1/jobs/batch", json=body)) == (422, "VALIDATION_ERROR")
    assert report(api.ask("POST", "/v1/jobs/batch", json={"jobs": []}))["accepted"] == 0


def test_an_array_is_one_accepted_line_and_all_its_ids(api: Api, books: Books) -> None:
    found = report(ingest(api, b"\n".join([job(), job(array="0-99%4"), job(array="5-", name="bad"), job()])))
    assert (found["accepted"], codes(found)) == (3, [(3, "VALIDATION_ERROR")])
    assert (found["first_id"], found["last_id"]) == (1, 102)


def test_lines_with_many_elements_do_not_share_one_commit(api: Api, books: Books) -> None:
    lines = [job(array="0-59999"), job(array="0-39999"), job(), job(array="0-899999"), job()]
    assert report(ingest(api, b"\n".join(lines)))["accepted"] == 5
    assert books.batches == [2, 1, 1, 1]


def test_csv_takes_arrays(api: Api, books: Books) -> None:
    table = b'command,array\n"[""true""]","1,3-5%2"\n"[""true""]",7\n"[""true""]",\n'
    assert report(ingest(api, table, "?format=csv"))["accepted"] == 3
    assert [one.array for one in books.jobs] == ["1,3-5%2", "7", None]
