"""/metrics of a real engine: read with the library's own parsers, by everybody who may, on the socket and over TCP."""

import json
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from engine.daemon.metrics.catalogue import METRICS, Part
from tests.e2e.conftest import SETTINGS

pytestmark = pytest.mark.e2e
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
OPEN = {"accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}


def samples(text: str, parser: Callable[[str], Any] = plain) -> Samples:
    found: Samples = {}
    for family in parser(text):
        for one in family.samples:
            key = one.name, frozenset(one.labels.items())
            assert key not in found, f"twice: {key}"
            found[key] = one.value
    return found


def read(person: Any) -> Samples:
    answer = person.ask("GET", "/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return samples(answer.text)


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def names(found: Samples) -> set[str]:
    """As the catalogue has them."""
    return {re.sub("_(bucket|sum|count)$", "", name) for name, _ in found}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def settings(*lines: str, before: str = SETTINGS) -> str:
    return "\n".join([before, "[metrics]", *lines])


def test_what_jobs_did_is_told(engine: Any, admin: Any, until: Any) -> None:
    before = read(admin)
    assert value(before, "rcq_healthy") == 1
    assert all(value(before, "rcq_jobs", state=state) == 0 for state in ("pending", "running", "completed", "failed"))
    good, bad, runs = admin.submit("true"), admin.submit("false"), admin.submit("sleep", "600", gpus=1)
    waits = admin.submit("true", begin=4e9)
    admin.ended(good), admin.ended(bad), admin.wait_for(runs, "running")
    admin.ask("DELETE", f"/v1/jobs/{waits}")
    late = admin.submit("true", after=[{"id": runs, "when": "ok"}])
    admin.ask("DELETE", f"/v1/jobs/{runs}")
    admin.ended(runs), admin.ended(late)
    admin.ask("POST", "/v1/ingest?format=ndjson", content=b'{"command": ["true"]}\n{"nope": 1}\nno json\n')
    admin.ask("POST", "/v1/ingest?format=ndjson&dry_run=true", content=b'{"command": ["true"]}\n')
    admin.ask("POST", "/v1/login", json={"name": "root", "password": "wrong"})

    found = until(lambda: now if value(now := read(admin), "rcq_jobs", state="completed") == 2 else None)
    assert {state: value(found, "rcq_jobs", state=state) for state in ("failed", "cancelled", "pending")} == {
        "failed": 2, "cancelled": 2, "pending": 0,
    }  # fmt: skip
    assert value(found, "rcq_jobs_submitted_total") == 6
    causes = {
        cause: value(found, "rcq_jobs_finished_total", cause=cause) for cause in ("exit", "dependency", "cancelled")
    }
    assert causes == {"exit": 3, "dependency": 1, "cancelled": 2}
    assert value(found, "rcq_job_wait_seconds_count") == 4  # all but the one that was cancelled, and the doomed one
    assert value(found, "rcq_ingest_lines_total", result="accepted") == 1
    assert value(found, "rcq_ingest_lines_total", result="rejected") == 2
    assert value(found, "rcq_login_failures_total", why="wrong") == 1
    assert value(found, "rcq_pass_seconds_count") > value(before, "rcq_pass_seconds_count")
    assert value(found, "rcq_pass_seconds_bucket", le="+Inf") == value(found, "rcq_pass_seconds_count")
    assert value(found, "rcq_last_pass_timestamp_seconds") > value(before, "rcq_last_pass_timestamp_seconds")
    assert value(found, "rcq_group_usage_gpu_seconds", group="ops") >= 0
    assert value(found, "process_resident_memory_bytes") > 1e7
    told = {name for name in names(found) if name.startswith("rcq_")}
    assert told <= METRICS.keys()
    assert not {name for name in told if METRICS[name].part is Part.ACCOUNTS}


def test_a_preempted_job_and_cards_are_told(launch: Any) -> None:
    engine = launch(SETTINGS.replace("[gpu]", "preemption_min_run_s = 0.0\n[gpu]"))
    admin = engine.admin()
    victim = admin.submit("sleep", "600", gpus=2, preemptible=True, priority=1)
    admin.wait_for(victim, "running")
    urgent = admin.submit("sleep", "600", gpus=1, priority=10)
    admin.wait_for(urgent, "running")
    found = read(admin)
    assert value(found, "rcq_preemptions_total") == 1
    assert value(found, "rcq_group_gpus", group="ops") == 1
    assert value(found, "rcq_group_jobs_waiting", group="ops") == 1
    cards = [card["uuid"] for card in admin.get("/v1/gpus")["items"]]
    assert sorted(value(found, "rcq_gpu_jobs", uuid=card) for card in cards) == [0, 1]
    admin.post(f"/v1/gpus/{cards[0]}/drain")
    found = read(admin)
    for card, state in zip(cards, ("drained", "ok"), strict=True):
        states = {name: value(found, "rcq_gpu_state", uuid=card, state=name) for name in ("ok", "drained", "missing")}
        assert states == {"ok": 0, "drained": 0, "missing": 0} | {state: 1}
        assert 20 < value(found, "rcq_gpu_temperature_celsius", uuid=card) < 100
        assert value(found, "rcq_gpu_memory_bytes", uuid=card) == 49_140 * 2**20


def test_both_formats_tell_the_same(admin: Any) -> None:
    text, other = admin.ask("GET", "/metrics"), admin.ask("GET", "/metrics", headers=OPEN)
    assert other.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert other.text.endswith("# EOF\n")
    assert samples(text.text).keys() == samples(other.text, openmetrics).keys()
    for strange in ("", "*/*", "application/openmetrics-text; version=what", "text/html\u00e9".encode(), "x" * 5000):
        assert admin.ask("GET", "/metrics", headers={"accept": strange}).status_code == 200


def test_people_see_their_own_group_and_nothing_of_the_engine(engine: Any, admin: Any, person: Any) -> None:
    user = engine.someone(admin, "ada", "bio")
    found = read(user)
    assert {METRICS[name].part for name in names(found)} == {Part.BOX, Part.GROUPS}
    assert {dict(labels)["group"] for name, labels in found if name == "rcq_group_gpus"} == {"bio"}
    assert {dict(labels)["group"] for name, labels in read(admin) if name == "rcq_group_gpus"} == {"bio", "ops"}
    assert person(engine.socket).refusal("GET", "/metrics") == "UNAUTHENTICATED"


def test_accounts_are_told_where_the_settings_say(launch: Any) -> None:
    engine = launch(settings("accounts = true"))
    admin = engine.admin()
    user = engine.someone(admin, "ada", "bio")
    user.submit("true", begin=4e9)
    for headers, parser in (({}, plain), (OPEN, openmetrics)):
        found = samples(admin.ask("GET", "/metrics", headers=headers).text, parser)
        assert value(found, "rcq_account_jobs_waiting", account="ada") == 1
        assert value(found, "rcq_account_usage_gpu_seconds", account="root", group="ops") == 0
    assert {dict(labels)["account"] for name, labels in read(user) if name == "rcq_account_gpus"} == {"ada"}


def test_counters_begin_anew_and_the_rest_goes_on_after_a_restart(engine: Any, admin: Any) -> None:
    admin.ended(admin.submit("true"))
    runs = admin.submit("sleep", "600", gpus=1)
    admin.wait_for(runs, "running")
    engine.end()
    engine.start()
    found = read(admin)
    assert value(found, "rcq_jobs", state="completed") == 1
    assert value(found, "rcq_jobs", state="running") == 1
    assert value(found, "rcq_jobs_submitted_total") == 0
    assert value(found, "rcq_jobs_finished_total", cause="exit") == 0
    assert value(found, "rcq_job_wait_seconds_count") == 0, "a job that was taken up has not started again"


def test_over_tcp_sums_alone_are_told_and_nothing_else_is_there(launch: Any) -> None:
    port = free_port()
    engine = launch(settings(f'listen = "127.0.0.1:{port}"'))
    admin = engine.admin()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        answer = http.get("/metrics")
        assert answer.status_code == 200
        found = samples(answer.text)
        assert {METRICS[name].part for name in names(found) if name in METRICS} == {Part.BOX, Part.ENGINE}
        head = http.head("/metrics")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 1000
        assert http.post("/metrics", content=b"x").status_code == 405
        for path in ("/", "/v1/jobs", "/healthz", "/openapi.json", "/docs", "/metrics/", "/%00?x=1"):
            answer = http.get(path)
            assert (answer.status_code, "only /metrics" in answer.text) == (404, True), path
        for host, status in (("evil.example", 403), ("evil.example:80", 403), ("localhost:1", 200), ("[::1]:1", 200)):
            assert http.get("/metrics", headers={"host": host}).status_code == status, host
    assert value(read(admin), "rcq_healthy") == 1


def test_an_engine_that_is_read_over_tcp_is_found_by_doctor(
    launch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))  # doctor looks there, whatever lies in one's own
    port, file = free_port(), tmp_path / "token"
    file.write_text("one token")
    file.chmod(0o600)
    engine = launch(settings(f'listen = "127.0.0.1:{port}"', f'token_file = "{file}"'))
    words = "doctor", "--personal", "--json", "--config", str(engine.config)

    admin = engine.admin()

    def found() -> dict[str, str]:
        told = json.loads(engine.rcq(admin, *words))
        return next(one for one in told["items"] if one["check"] == "metrics")

    assert (found()["state"], found()["found"]) == ("ok", f"127.0.0.1:{port}: read")
    file.write_text("another token")
    assert found()["state"] == "warn"


def test_a_flood_of_readers_costs_hardly_more_than_one(launch: Any) -> None:
    port = free_port()
    launch(settings(f'listen = "127.0.0.1:{port}"')).admin()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        texts = [http.get("/metrics").text for _ in range(200)]
        both = {
            http.get("/metrics", headers=OPEN).text.endswith("# EOF\n"),
            http.get("/metrics").text.endswith("EOF\n"),
        }
    assert len(set(texts)) < 20
    assert both == {True, False}
    connections = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(60)]
    try:
        assert httpx.get(f"http://127.0.0.1:{port}/metrics").status_code in (200, 429)
    finally:
        for one in connections:
            one.close()


def test_with_a_token_only_who_bears_it_reads_and_groups_are_let_out(launch: Any, tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "token"
    file.write_text("s3cret-of-prometheus\n")
    lines = f'listen = "127.0.0.1:{port}"', f'token_file = "{file}"', "groups = true"
    launch(settings(*lines)).admin()
    url = f"http://127.0.0.1:{port}/metrics"
    for given in (None, "Bearer wrong", "Bearer", "Basic s3cret-of-prometheus", "Bearer s3cret-of-prometheus2"):
        answer = httpx.get(url, headers={"authorization": given} if given else {})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), given
        assert "rcq_" not in answer.text
    found = samples(httpx.get(url, headers={"authorization": "bearer s3cret-of-prometheus"}).text)
    assert value(found, "rcq_group_gpus", group="ops") == 0
    named = {"authorization": "Bearer s3cret-of-prometheus", "host": "gpubox.lab.example:9838"}
    assert httpx.get(url, headers=named).status_code == 200, "a Prometheus elsewhere calls the machine by its name"
    assert httpx.get(url, headers={"host": "gpubox.lab.example"}).status_code == 401


def test_an_engine_whose_port_is_taken_does_all_else(launch: Any, until: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        engine = launch(settings(f'listen = "127.0.0.1:{port}"'))
        admin = engine.admin()
        admin.ended(admin.submit("true"))
        assert value(read(admin), "rcq_jobs", state="completed") == 1
        log = until(lambda: text if "metrics there" in (text := (engine.root / "engine.log").read_text()) else None)
        assert f"127.0.0.1:{port}: Address already in use. Another program has it: set metrics.listen" in log


def test_a_unix_socket_may_stand_for_the_port(launch: Any, tmp_path: Path) -> None:
    place = tmp_path / "m.sock"
    engine = launch(settings(f'listen = "{place}"'))
    with httpx.Client(
        transport=httpx.HTTPTransport(uds=str(place), verify=False), base_url="http://127.0.0.1:9838"
    ) as http:
        assert value(samples(http.get("/metrics").text), "rcq_healthy") == 1
    assert place.stat().st_mode & 0o777 == 0o666
    engine.end()
    assert not place.exists()


def test_files_say_which_jobs_are_on_which_card(launch: Any, tmp_path: Path, until: Any) -> None:
    place = tmp_path / "jobs-on-gpus"
    engine = launch(settings(f'job_mapping_dir = "{place}"'))
    admin = engine.admin()

    def shown() -> dict[str, str]:
        return {file.name: file.read_text() for file in place.iterdir() if not file.name.startswith(".")}

    until(lambda: shown() == {"0": "", "1": ""})
    assert place.stat().st_mode & 0o777 == 0o755
    one = admin.submit("sleep", "600", gpus=1)
    (card,) = admin.wait_for(one, "running")["gpu_indices"]
    until(lambda: shown()[str(card)] == f"{one}\n")
    engine.end()
    (place / "7").write_text("99\n")
    (place / str(card)).write_text("99\n")
    (place / "notes").write_text("not ours")
    engine.start()
    until(lambda: shown() == {"0": "", "1": "", "7": "", "notes": "not ours"} | {str(card): f"{one}\n"})
    assert {file.stat().st_mode & 0o777 for file in place.iterdir() if file.name in "017"} == {0o644}
    admin.ask("DELETE", f"/v1/jobs/{one}")
    until(lambda: shown()[str(card)] == "")


def test_files_come_again_when_somebody_takes_them_away(launch: Any, tmp_path: Path, until: Any) -> None:
    place = tmp_path / "jobs-on-gpus"
    launch(settings(f'job_mapping_dir = "{place}"')).admin()
    until((place / "1").exists)
    shutil.rmtree(place)
    until((place / "1").exists)


def test_strangers_write_nothing_into_the_log(launch: Any) -> None:
    port = free_port()
    engine = launch(settings(f'listen = "127.0.0.1:{port}"'))
    engine.admin()
    upgrade = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    for strange in (upgrade, b"\x16\x03\x01 no HTTP\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.sendall(strange)
            assert line.recv(100).startswith(b"HTTP/1.1")
    assert "WARNING" not in (engine.root / "engine.log").read_text()


def test_trouble_with_the_files_holds_no_job_up(launch: Any, tmp_path: Path, until: Any) -> None:
    (tmp_path / "file").write_text("")
    engine = launch(settings(f'job_mapping_dir = "{tmp_path / "file" / "below"}"'))
    admin = engine.admin()
    assert admin.ended(admin.submit("true", gpus=1))["state"] == "completed"
    until(lambda: "not written for dcgm-exporter now" in (engine.root / "engine.log").read_text())
