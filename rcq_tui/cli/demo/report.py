"""What the demo's jobs came to, as tables and closing words. Pure, but for the width of the terminal.

Must not know how any of it was found out.
"""

from dataclasses import dataclass
from typing import Any

from rcq_tui.cli.columns import Column, table, terminal_width
from rcq_tui.cli.demo.watch import Watched
from rcq_tui.cli.demo.workload import Taken
from rcq_tui.cli.rows import ending, gpus, ran_s, state, waited_s, what, who
from rcq_tui.viewmodel.formats import degrees, memory
from rcq_tui.viewmodel.text import clean

EXPECT = "expect"
"""The tag that names the state in which a job should end; `completed` unless given."""

GPU_COLUMNS = (
    Column("GPU", right=True),
    Column("MODEL", least=10),
    Column("MEMORY", right=True),
    Column("STATE"),
    Column("NOW", right=True),
    Column("HOTTEST", right=True),
    Column("NO START AT", right=True),
    Column("JOBS RUN", right=True),
)
JOB_COLUMNS = (
    Column("ID", right=True),
    Column("NAME", least=12),
    Column("WHO"),
    Column("GPUS", least=6),
    Column("WAITED", right=True),
    Column("RAN", right=True),
    Column("EXIT"),
    Column("STATE"),
    Column("EXPECTED"),
    Column("HELD BY", least=12),
)


@dataclass(slots=True, frozen=True, kw_only=True)
class Judged:
    """A job that ended, the state it should have ended in, and the codes of what held it back, first seen first."""

    job: dict[str, Any]
    expected: str
    held_by: list[str]

    @property
    def as_expected(self) -> bool:
        """Whether it ended as it should."""
        return bool(self.job["state"] == self.expected)


def judge(job: dict[str, Any], held_by: list[str]) -> Judged:
    """Hold one job against its tag."""
    return Judged(job=job, expected=job["tags"].get(EXPECT, "completed"), held_by=held_by)


def gpu_lines(watched: Watched) -> list[str]:
    """The table of the cards."""
    rows = [
        [
            str(card["index"]),
            clean(card["model"]),
            memory(card["memory_mb"]),
            clean(card["state"]),
            degrees(card["temperature_c"]),
            degrees(watched.hottest.get(card["index"])),
            degrees(card["threshold_c"]),
            str(sum(card["index"] in job["gpu_indices"] for job in watched.jobs)),
        ]
        for card in watched.cards
    ]
    return table(GPU_COLUMNS, rows, terminal_width())


def job_lines(judged: list[Judged]) -> list[str]:
    """The table of the jobs."""
    return table(JOB_COLUMNS, [_cells(job) for job in judged], terminal_width())


def closing_words(judged: list[Judged], taken: Taken, watched: Watched) -> list[str]:
    """What the tables show, in sentences."""
    stories = [
        ("gang jobs (several GPUs, all or nothing)", [job for job in judged if job.job["gpus"] > 1]),
        ("shared a GPU by memory", [job for job in judged if job.job["gpu_share"]]),
        ("held back by a quota", [job for job in judged if "QUOTA_REACHED" in job.held_by]),
        ("held back by heat", [job for job in judged if "GPU_HOT" in job.held_by]),
        ("failed on purpose, as expected", [job for job in judged if job.expected == "failed" and job.as_expected]),
        ("DID NOT END AS EXPECTED", [job for job in judged if not job.as_expected]),
    ]
    lines = [f"{title}: {', '.join(_named(job) for job in jobs)}" for title, jobs in stories if jobs]
    if taken.beyond:
        lines.append(f"{taken.beyond} jobs ask for more than these GPUs and were refused, as they should be")
    if taken.failed:
        lines.append(f"{taken.failed} lines WERE REFUSED and should not have been")
    if not watched.complete:
        lines.append(f"after {watched.seconds:.0f} s NOT ALL JOBS HAD ENDED")
    well = sum(job.as_expected for job in judged)
    return [*lines, f"{well} of {len(judged)} jobs ended as expected, in {watched.seconds:.0f} s"]


def _cells(judged: Judged) -> list[str]:
    job = judged.job
    ended = job["ended_at"] or job["submitted_at"]
    ran = ran_s(job, ended)
    return [
        str(job["id"]),
        what(job),
        who(job),
        gpus(job),
        f"{waited_s(job, ended):.1f}s",
        "-" if ran is None else f"{ran:.1f}s",
        ending(job) or "-",
        state(job),
        clean(judged.expected) if judged.as_expected else f"{clean(judged.expected)} !",
        " ".join(judged.held_by) or "-",
    ]


def _named(judged: Judged) -> str:
    return f"{judged.job['id']} {what(judged.job)}"
