"""Responses about staged files: what was uploaded, and which files a job is given.

Must not know how files are kept.
"""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class UploadView:
    """A file that was uploaded to be staged. size: bytes. sha256: of its content, hex.

    created_at: Unix seconds. jobs: of how many submissions it is a file (an array is one). goes_at: Unix seconds from
    which on it is removed if no job is submitted with it; `None` while one is.
    """

    upload: str
    size: int
    sha256: str
    created_at: float
    jobs: int = 0
    goes_at: float | None = None


@dataclass(slots=True, kw_only=True)
class Uploads:
    """One's own uploads, the oldest first. size: bytes of all of them, as they count against `staged_mb`."""

    items: list[UploadView] = field(default_factory=list)
    size: int = 0


@dataclass(slots=True, kw_only=True)
class FileView:
    """A staged file of a job. name: in its directory. size: bytes, `None` where nobody knows any more."""

    name: str
    upload: str
    size: int | None = None
    executable: bool = False
