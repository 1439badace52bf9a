"""Where an attempt's output begins in the logs that all attempts of a job append to: the file logs-N.json.

Must not know what the output is looked at for. Like everything in a job's directory it may have been tampered with: a
mark only ever says how much is left out.
"""

import contextlib
import os
from pathlib import Path

from engine.executor import logs, records


def mark(directory: Path, attempt: int) -> None:
    """Before the attempt starts: note how long the logs are. The first word about an attempt stays. Raises OSError."""
    sizes: records.Record = {stream: logs.read(directory, stream, 0, 0).size for stream in logs.NAMES}
    if not any(sizes.values()):
        return
    handle = records.open_directory(str(directory))
    try:
        if records.read(handle, _name(attempt)) is None:
            records.write(handle, _name(attempt), sizes)
    finally:
        os.close(handle)


def tail(directory: Path, attempt: int, stream: str, limit: int) -> bytes:
    """At most `limit` bytes from the end of what the attempt wrote to `stdout` or `stderr`."""
    begin = 0
    with contextlib.suppress(OSError):
        handle = records.open_directory(str(directory))
        try:
            at = (records.read(handle, _name(attempt)) or {}).get(stream)
        finally:
            os.close(handle)
        begin = at if isinstance(at, int) and not isinstance(at, bool) and at > 0 else 0
    found = logs.read(directory, stream, -limit, limit)
    return found.data[max(0, begin - found.offset) :]


def _name(attempt: int) -> str:
    return f"logs-{attempt}.json"
