"""Every notice has words with its numbers; strangers' text in them is harmless; measures in words."""

from typing import Any

import pytest

from engine.protocol.notices import NOTICES
from rcq_tui.viewmodel.measures import energy, measure_facts
from rcq_tui.viewmodel.notices import SHORT_CELLS, sentence, short, summary, toast
from rcq_tui.viewmodel.text import width

CARD = {"gpu": "GPU-1", "index": 3}
EXAMPLES: dict[str, tuple[dict[str, Any], str, str]] = {
    "GPU_IDLE": (
        {"gpus": 4, "idle_s": 2520},
        "It has not used any of its 4 GPUs for 42m00s.",
        "no GPU in use for 42m00s",
    ),
    "GPU_CRITICAL": (
        {**CARD, "temperature_c": 91.2, "critical_c": 90.0, "action": "pause"},
        "GPU 3 is critically hot: 91°C, at or above 90°C; the job is paused until it is cool.",
        "GPU 3 critical: 91°C",
    ),
    "GPU_OVER_DECLARED": (
        {**CARD, "declared_mb": 8192, "used_mb": 12288, "action": "warn"},
        "It uses 12G of GPU 3 and asked for 8G of it.",
        "uses 12G of 8G asked",
    ),
    "GPU_FAULT": (
        {**CARD, "cause": "lost", "action": "requeue"},
        "GPU 3 is out of use: the driver has lost it; the job is stopped and queued again.",
        "GPU 3 fault: lost",
    ),
    "GPU_XID": (
        {**CARD, "xid": 13},
        "GPU 3 reported Xid 13, an error that a program on it usually causes itself.",
        "GPU 3: Xid 13",
    ),
    "FOREIGN_PROCESS": (
        {**CARD, "pid": 4711, "user": "eve\x1b[2J", "memory_mb": 2048, "charged": True},
        "Process 4711 of eve is on GPU 3 with 2G and was not started by rcq; it is charged to the account.",
        "GPU 3: eve beside",
    ),
    "POWER_CAPPED": (
        {**CARD, "watts": 280.0, "limit_w": 350.0},
        "GPU 3 is held to 280 W instead of 350 W until it is cool.",
        "GPU 3 held to 280 W",
    ),
    "POWER_NOT_RESTORED": (
        {**CARD, "watts": 280.0, "limit_w": 350.0},
        "GPU 3 is still held to 280 W: its limit of 350 W could not be set again.",
        "GPU 3 still at 280 W",
    ),
    "BACKUP_FAILED": (
        {"why": "the disk is\x1b[2J full.", "last_at": None},
        "The database could not be backed up, there is none: the disk is full.",
        "no backup of the database",
    ),
    "DISK_FAILING": (
        {"why": "the disk is\x1b[2J full."},
        "Nothing can be written to the database: the disk is full.",
        "the disk takes no writes",
    ),
    "START_DELAYED": (
        {"why": "the disk is\x1b[2J full."},
        "It cannot be started now, and is tried again until it can: the disk is full.",
        "cannot be started now",
    ),
}


def test_every_code_is_shown_here_with_its_numbers() -> None:
    assert {code: set(numbers) for code, (numbers, _, _) in EXAMPLES.items()} == {
        code: set(names) for code, names in NOTICES.items()
    }


@pytest.mark.parametrize("code", EXAMPLES)
def test_words(code: str) -> None:
    numbers, long, few = EXAMPLES[code]
    notice = {"code": code, "at": 1.0, **numbers}
    assert (sentence(notice), short(notice)) == (long, few)
    assert width(few) <= SHORT_CELLS
    assert toast({**notice, "job": 12}) == f"Job 12: {long}"
    assert toast({**notice, "job": None}) == long


def test_what_a_newer_engine_tells_is_shown_with_its_numbers_and_harmless() -> None:
    assert sentence({"code": "NEW", "at": 1.0, "x\x1b[1m": "a\nb"}) == "NEW: x a␊b."
    assert sentence({"code": "GPU_IDLE", "at": 1.0, "cards": 2}) == "GPU_IDLE: cards 2."
    assert width(short({"code": "N" * 99})) == SHORT_CELLS


def test_one_word_for_several() -> None:
    several = [{"code": code, **EXAMPLES[code][0]} for code in ("GPU_IDLE", "GPU_XID")]
    assert summary(several) == "GPU 3: Xid 13 +1"
    assert summary(several[:1]) == "no GPU in use for 42m00s"
    assert summary([]) == ""


def test_measures_in_words_and_a_hint_where_too_many_cards_were_asked() -> None:
    measured = {
        "energy_kwh": 1.2376, "peak_gpu_memory_mb": 31_949, "gpu_utilization": 0.23, "gpus": 4, "gpus_used": 1,
    }  # fmt: skip
    assert measure_facts(measured, 40_960, 3600) == [
        ("energy", "1.24 kWh"),
        ("peak GPU memory", "31G on one card (40G asked)"),
        ("GPUs used", "1 of 4, 23% busy (4 GPUs asked, 1 used)"),
    ]
    assert measure_facts(measured, 0, 10)[-1] == ("GPUs used", "1 of 4, 23% busy")
    unread = {**measured, "peak_gpu_memory_mb": None, "gpu_utilization": None, "gpus_used": 4}
    assert measure_facts(unread, 1, 3600)[1:] == [("GPUs used", "4 of 4")]
    assert measure_facts(None, 1, 3600) == []
    told = {
        0.0: "0 Wh",
        2.2e-8: "under 0.01 Wh",
        0.0421: "42.1 Wh",
        0.5: "0.50 kWh",
        12.34: "12.3 kWh",
        310.4: "310 kWh",
    }
    assert {kwh: energy(kwh) for kwh in told} == told


@pytest.mark.parametrize(("celsius", "told"), [(78.0, " at 78°C"), (None, "")])
def test_a_card_that_is_critical_and_not_so_hot_is_not_said_to_be(celsius: float | None, told: str) -> None:
    notice = {"code": "GPU_CRITICAL", **CARD, "temperature_c": celsius, "critical_c": 90.0, "action": "warn"}
    assert sentence(notice) == f"GPU 3 is critically hot{told}: it was at 90°C, or heat slows it down."
