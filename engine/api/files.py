"""Staged files as a stranger names them: where in the job's directory each may go.

Pure. Must not know HTTP, nor whether an upload exists and whose it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.api.complaints import wrong
from engine.api.schema import MAX_TEXT_BYTES
from engine.protocol.errors import Refused
from engine.protocol.fields import StagedFile
from engine.protocol.stagednames import unfit


def read_files(given: Sequence[Mapping[str, Any]]) -> list[StagedFile] | Refused:
    """The files of these that were given, or what is wrong with them."""
    names: dict[str, int] = {}
    for at, one in enumerate(given):
        name = one["name"]
        if (told := unfit(name)) is not None:
            return wrong(f"files.{at}.name", told)
        if name in names:
            return wrong(f"files.{at}.name", f"is the same as that of files.{names[name]}; give each a name of its own")
        names[name] = at
    for name, at in names.items():
        if (above := next((one for one in _above(name) if one in names), None)) is not None:
            return wrong(f"files.{at}.name", f"is below files.{names[above]}, which is a file and no directory")
    size = sum(len(name.encode()) + 1 for name in names)
    if size > MAX_TEXT_BYTES:
        return wrong("files", f"holds names of {size} bytes in all; {MAX_TEXT_BYTES} is the most (stage an archive)")
    return [StagedFile(**one) for one in given]


def _above(name: str) -> list[str]:
    """The directories that it is in."""
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
