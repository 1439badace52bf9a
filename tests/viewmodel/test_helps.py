"""Words for when, for what would help, and for who holds what."""

import pytest

from rcq_tui.viewmodel.helps import PHRASES, help_sentence, helps_of, holder_sentence, start_sentence

NOW = 1_772_373_900.0
"""Sunday 2026-03-01 14:05 UTC."""

QUOTA = {"code": "RAISE_QUOTA", "scope": "group", "name": "vision", "each": False}
SAID = [
    ({"code": "FEWER_GPUS", "gpus": 1, "wanted": 2}, "With 1 GPU instead of 2 it starts now."),
    ({"code": "ANY_GPU_TYPE", "gpu_type": "a100"}, "With cards of any type instead of a100 it starts now."),
    ({"code": "LESS_GPU_MEMORY", "gpu_memory_mb": 20_480, "wanted": 40_960},
     "With 20G instead of 40G of each card it starts now."),
    ({"code": "SHARE_GPU", "gpu_memory_mb": 20_480}, "Sharing its card with others (20G of it) it starts now."),
    ({"code": "LESS_POWER", "gpu_power_w": 200, "wanted": 350},
     "With its cards held to 200 W instead of 350 it starts now."),
    ({"code": "FEWER_CORES", "cpu_cores": 4, "wanted": 8}, "With 4 CPU cores instead of 8 it starts now."),
    ({"code": "LESS_MEMORY", "memory_mb": 1024, "wanted": 2048},
     "With 1G instead of 2G of host memory it starts now."),
    ({"code": "SHORTER_LIMIT", "time_limit_s": 3599, "wanted": 7200},
     "With a time limit of 59m59s instead of 2h00m it starts now."),
    ({"code": "PREEMPTIBLE"}, "As a preemptible job it starts now."),
    ({"code": "ANYWHERE"}, "With --anywhere, on Slurm, it starts now."),
    ({**QUOTA, "resource": "gpus", "limit": 4, "by": 1},
     "With group vision's cap of 4 GPUs raised by 1 it starts now."),
    ({**QUOTA, "resource": "gpu_hours", "limit": 40.0, "by": 1.52},
     "With group vision's cap of 40 GPU-hours raised by 1.5 it starts now."),
    ({**QUOTA, "scope": "service", "name": "fold", "resource": "jobs", "limit": 1, "by": 1, "each": True},
     "With service fold's cap of 1 job for each account raised by 1 it starts now."),
    ({**QUOTA, "resource": "memory_mb", "limit": 4096, "by": 1024},
     "With group vision's cap of 4G memory raised by 1G it starts now."),
    ({"code": "RESUME_GPU", "gpu": "GPU-3", "index": 3}, "With GPU 3, which is drained, back in use it starts now."),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), SAID)
def test_every_change_in_words(change, said):
    assert help_sentence({"start_at": NOW, "changes": [change]}, NOW) == said


def test_no_change_is_without_words_here():
    assert {change["code"] for change, _ in SAID} == set(PHRASES)


def test_changes_that_go_together_and_a_later_start():
    both = [SAID[0][0], SAID[-1][0]]
    assert helps_of({"helps": [{"start_at": NOW + 3600, "changes": both}]}, NOW) == [
        "With 1 GPU instead of 2 and with GPU 3, which is drained, back in use it starts in 1h00m (15:05)."
    ]


def test_what_a_newer_engine_says_shows_with_its_numbers():
    new = [{"code": "LOUDER", "by": 3}, {"code": "FEWER_GPUS", "cards": 2}]
    assert help_sentence({"start_at": NOW, "changes": new}, NOW) == (
        "With LOUDER (by 3) and with FEWER_GPUS (cards 2) it starts now."
    )


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"expected_start": None, "later_than": None}, None),
        ({"expected_start": None, "later_than": NOW + 3600}, "It is not foreseen to start before 15:05."),
        ({"expected_start": NOW + 60, "basis": "forecast"},
         "It is foreseen to start at about 14:06 (in 1m00s), if runs end as expected and nobody better comes."),
        (
            {"expected_start": NOW + 60, "basis": "promised"},
            "Promised to start at 14:06 (in 1m00s); runs that end sooner or later than expected move it.",
        ),
    ],
)  # fmt: skip
def test_when_it_starts_and_on_what_that_rests(told, said):
    assert start_sentence(told, NOW) == said


def test_who_holds_what():
    one = {
        "codes": ["GPUS_BUSY", "CORES_BUSY", "MEMORY_BUSY"], "id": 7, "account": "an\x1bn", "group": "vision",
        "gpus": [0, 1], "cpu_cores": 8, "memory_mb": 2048, "since": NOW - 60, "until": NOW + 60, "basis": "time limit",
        "ending": False,
    }  # fmt: skip
    assert holder_sentence(one, NOW) == (
        "Job 7 of an (vision) has GPU 0, 1 and 8 cores and 2G of memory since 14:04, until 14:06 by its time limit."
    )
    hidden = {**one, "id": None, "account": None, "codes": ["GPUS_BUSY"], "basis": "history"}
    assert holder_sentence(hidden, NOW) == (
        "A job (vision) has GPU 0, 1 since 14:04, until 14:06 as such jobs did before."
    )


def test_who_waits_in_slurms_queue_holds_nothing_and_a_card_of_the_cluster_has_a_machine():
    one = {
        "codes": ["QUOTA_REACHED"], "id": 7, "account": "ann", "group": "vision", "gpus": [], "cpu_cores": 4,
        "memory_mb": 1, "since": NOW, "until": NOW + 60, "basis": "history", "ending": False, "waits": True,
        "node": None,
    }  # fmt: skip
    assert holder_sentence(one, NOW) == "Job 7 of ann (vision) counts, too: it waits in Slurm's queue."
    runs = {**one, "waits": False, "node": "n\x1b1", "gpus": [2, 3]}
    assert "Job 7 of ann (vision) has 4 cores since" in holder_sentence({**runs, "gpus": []}, NOW)
    assert "Job 7 of ann (vision) has 2 GPUs of n" in holder_sentence(runs, NOW)
    assert "\x1b" not in holder_sentence(runs, NOW)
