"""Metrics as the books have them: cards that are gone, Xids once each, hostile names, a cost that knows no queue."""

import shutil
import socket
import threading
from dataclasses import replace

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics import exposition
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from config import paths
from config.settings import MetricsSettings, Settings
from engine.api.asks import Identity
from engine.core.model import GpuUuid
from engine.daemon.carduse import CardUse
from engine.daemon.checks.finding import Host
from engine.daemon.checks.metrics import metrics as check
from engine.daemon.heldjobs import HeldJobs
from engine.daemon.metrics.jobmapping import JobMapping, file_of, texts, write
from engine.readings import GpuReading
from engine.store.groups import Group

ADMIN = Identity(account="root", group="ops", role="admin", via="token")
HOSTILE = ['qu"ote', "back\\slash", "new\nline", "curly{}=,#", "ünï 组 🙂", "\\n", "tab\t", "\x1b[31m", "", " "]


def told(world, who=ADMIN):
    """Samples by name and labels' values."""
    page = world.engine.metering.service.told(who)
    found = {}
    for family in page.collect():
        for one in family.samples:
            found.setdefault(one.name, {})[tuple(one.labels.values())] = one.value
    return found


def reading(world, number=0, **values):
    known = {"model": "NVIDIA A100", "memory_mb": 1000, "memory_used_mb": 300, "temperature_c": 40.0}
    uuid = GpuUuid(f"GPU-{number}")
    return GpuReading(uuid=uuid, index=number, read_at=world.clock.now(), **{**known, **values})


def see(world, *readings, uses=None):
    """These are the cards from now on."""
    world.books.cards._cards.clear()
    world.books.cards.update(readings, uses or {})
    world.engine.metering.service._sources.counts.look(world.clock.now())


def test_a_card_tells_what_it_knows_in_base_units(world):
    values = {
        "sm_clock_mhz": 1410,
        "ecc_corrected": 3,
        "ecc_uncorrected": 0,
        "energy_j": 5.5,
        "throttle": ("power-cap",),
    }
    see(world, reading(world, **values), uses={GpuUuid("GPU-0"): CardUse(held_mb=100)})
    found = told(world)
    assert found["rcq_gpu_sm_clock_hertz"] == {("GPU-0",): 1.41e9}
    assert found["rcq_gpu_ecc_errors_total"] == {("GPU-0", "corrected"): 3, ("GPU-0", "uncorrected"): 0}
    assert found["rcq_gpu_energy_joules_total"] == {("GPU-0",): 5.5}
    assert found["rcq_gpu_memory_foreign_bytes"] == {("GPU-0",): 200 * 2**20}
    throttled = {reason: value for (_, reason), value in found["rcq_gpu_throttled"].items()}
    assert [reason for reason, value in throttled.items() if value] == ["power-cap"]
    assert len(throttled) > 3
    assert "rcq_gpu_power_watts" not in found, "what is not known is not there"


def test_a_missing_card_has_a_state_and_no_figures_of_now(world):
    see(world, reading(world), reading(world, 1, present=False, fault="lost"))
    found = told(world)
    assert found["rcq_gpu_state"]["GPU-1", "missing"] == 1
    assert found["rcq_gpu_state"]["GPU-1", "ok"] == 0
    assert set(found["rcq_gpu_temperature_celsius"]) == {("GPU-0",)}
    assert set(found["rcq_gpu_info"]) == {
        ("GPU-0", "0", "NVIDIA A100", "", ""), ("GPU-1", "1", "NVIDIA A100", "", ""),
    }  # fmt: skip


def test_each_xid_is_counted_once(world):
    one = reading(world, xids=(31, 31, 79))
    see(world, one)
    see(world, one)  # another look at the same reading
    assert told(world)["rcq_gpu_xids_total"] == {("GPU-0", "31"): 2, ("GPU-0", "79"): 1}
    world.clock.time += 1
    see(world, reading(world, xids=(31,)))
    assert told(world)["rcq_gpu_xids_total"] == {("GPU-0", "31"): 3, ("GPU-0", "79"): 1}


@pytest.mark.parametrize(
    ("write_out", "parser"), [(generate_latest, plain), (exposition.generate_latest, openmetrics)], ids=("text", "open")
)
def test_no_name_breaks_out_of_its_label(world, write_out, parser):
    world.engine.register.groups = {name: Group(name=name) for name in HOSTILE}
    see(world, *(reading(world, number, model=name) for number, name in enumerate(HOSTILE)))
    text = write_out(world.engine.metering.service.told(ADMIN)).decode()
    labels = [one.labels for family in parser(text) for one in family.samples]
    assert {one["group"] for one in labels if "group" in one} == set(HOSTILE)
    assert {one["model"] for one in labels if "model" in one} == set(HOSTILE)


def test_a_reading_goes_through_no_jobs(world, monkeypatch):
    def refuse(_):
        raise AssertionError("it costs as much as there are jobs")

    monkeypatch.setattr(HeldJobs, "__iter__", refuse)
    monkeypatch.setattr(type(world.books.pending), "groups", refuse)
    monkeypatch.setattr(type(world.books.gate), "entries", refuse)
    assert told(world)["rcq_jobs"]["pending",] == 0


def test_files_are_named_as_the_driver_counts(world):
    card = reading(world, 4, position=2)
    assert file_of(card) == "2"
    assert file_of(replace(card, position=None)) == "4"
    assert file_of(replace(card, gpu_instance=0)) == "2.0"
    see(world, card, reading(world, 5, position=3, gpu_instance=7), reading(world, 6, position=3, gpu_instance=7))
    assert texts(world.books) == {"2": "", "3.7": ""}


def test_a_file_is_replaced_as_a_whole_and_never_goes(tmp_path):
    place = tmp_path / "jobs"
    before = write(place, {"0": "", "1": "7\n"}, None)
    kept = (place / "0").stat().st_ino
    with (place / "1").open() as opened:
        after = write(place, {"0": "", "1": "7\n8\n"}, before)
        assert opened.read() == "7\n", "who has it open reads what was"
    assert (place / "1").read_text() == "7\n8\n"
    assert (place / "0").stat().st_ino == kept, "what is as it was is not written"
    assert write(place, {"0": ""}, after) == {"0": ""}
    assert (place / "1").read_text() == ""
    (place / ".new-0").write_text("left by an engine that was killed")
    (place / "2.5").symlink_to(tmp_path / "elsewhere")
    write(place, {"0": "9\n"}, None)
    assert {file.name: file.read_text() for file in place.iterdir()} == {"0": "9\n", "1": "", "2.5": ""}
    assert not (tmp_path / "elsewhere").exists()


def test_files_that_somebody_took_away_come_again(tmp_path):
    place, wanted = tmp_path / "jobs", {"0": "", "1": "7\n"}
    before = write(place, wanted, None)
    (place / "1").unlink()
    assert write(place, wanted, before) == wanted
    assert (place / "1").read_text() == "7\n"
    shutil.rmtree(place)
    write(place, wanted, before)
    assert {file.name: file.read_text() for file in place.iterdir()} == wanted


def test_a_card_whose_file_cannot_be_written_keeps_no_other_from_its_own(tmp_path):
    place = tmp_path / "jobs"
    before = write(place, {"0": "7\n", "1": "8\n"}, None)
    (place / ".new-0").mkdir()
    with pytest.raises(OSError, match=r"\.new-0"):
        write(place, {"0": "", "1": ""}, before)
    assert (place / "1").read_text() == ""


def test_doctor_tells_who_answers_where_metrics_are_to_be_read(tmp_path):
    def look(**values):
        places = paths.personal(state_dir=tmp_path, socket=tmp_path)  # something is there: an engine seems to run
        settings = Settings(metrics=MetricsSettings(**values))
        host = Host(config_file=None, settings=settings, settings_trouble="", paths=places, paths_trouble="")
        return check(host), check(replace(host, system=True))

    assert look()[0].state == "ok"
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        threading.Thread(target=answer_once, args=(stranger,), daemon=True).start()
        mine, appliance = look(listen=f"127.0.0.1:{port}")
    assert (mine.state, "no rcq" in mine.found) == ("warn", True)
    assert (appliance.state, "no network" in appliance.found) == ("fail", True)
    mine, _ = look(listen=f"127.0.0.1:{port}")
    assert (mine.state, "nobody answers" in mine.found) == ("warn", True)
    mine, appliance = look(listen=str(tmp_path / "no.sock"))
    assert mine.state == appliance.state == "warn"
    assert look(listen=f"127.0.0.1:{port}", token_file=tmp_path / "none")[0].state == "fail"
    (tmp_path / "file").write_text("")
    for wrong in ("file", "file/below", "none/below"):
        assert look(job_mapping_dir=tmp_path / wrong)[0].state == "fail", wrong
    assert look(job_mapping_dir=tmp_path / "new")[0].state == "ok"


def answer_once(listener):
    line, _ = listener.accept()
    with line:
        line.recv(1000)
        line.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno")


async def test_many_changes_are_one_look(world, tmp_path):
    mapping = JobMapping(world.books, tmp_path / "jobs")
    for _ in range(100):
        mapping.changed()
    assert not (tmp_path / "jobs").exists(), "nobody who tells of a change waits for the disk"
