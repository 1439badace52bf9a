"""The check of the job directories: each belongs to a job that the database knows. Only looked at.

Must not know how long files are kept.
"""

import sqlite3
from collections.abc import Iterator

from engine.daemon.checks.finding import Finding, Host, is_there, unseen
from engine.daemon.checks.storage import reading

_AT_ONCE = 500


def job_files(host: Host) -> Finding:
    """No directory of a job that the database does not know: nobody removes one, and a new job never gets its id."""
    if host.paths is None or not is_there(host.paths.jobs_dir) or not is_there(host.paths.database):
        return Finding(state="ok", found="there are none yet")
    place = host.paths.jobs_dir
    try:
        # First what is there, then what is known: a job is known before it has a directory.
        there = [int(file.name) for file in place.iterdir() if file.name.isdecimal()]
        with reading(host.paths.database) as connection:
            known = {number for some in _slices(there) for number in _known(connection, some)}
    except PermissionError:
        return unseen(place)
    except sqlite3.Error as error:
        return Finding(state="skip", found=str(error), mend="See the line on the database.")
    unknown = sorted(set(there) - known)
    if unknown:
        example = place / str(unknown[-1])
        mend = f"A restored backup leaves such. Where nobody needs the files any more: remove them, such as {example}."
        return Finding(
            state="warn", found=f"directories of jobs that the database does not know: {len(unknown)}", mend=mend
        )
    return Finding(state="ok", found=f"{place}: {len(there)}, all of jobs that the database knows")


def _slices(numbers: list[int]) -> Iterator[list[int]]:
    return (numbers[start : start + _AT_ONCE] for start in range(0, len(numbers), _AT_ONCE))


def _known(connection: sqlite3.Connection, numbers: list[int]) -> Iterator[int]:
    marks = ",".join("?" * len(numbers))
    return (row[0] for row in connection.execute(f"SELECT id FROM jobs WHERE id IN ({marks})", numbers))  # noqa: S608 - marks alone
