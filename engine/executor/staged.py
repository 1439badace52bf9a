"""Staged originals on disk: files that people uploaded, kept apart from every job's directory, under their ids.

They are the engine's own and never change once they have their name. Must not know whose they are, nor who needs them.
"""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

STAGED = "staged"
_ID = re.compile(r"[0-9a-f]{32}")
_DRAFT = ".new-"


class Draft:
    """A file that is being uploaded. Every method blocks on the disk."""

    def __init__(self, state_dir: Path) -> None:
        """Begin an empty one. Raises OSError."""
        self.id = secrets.token_hex(16)
        self.size = 0
        self._sum = hashlib.sha256()
        self._path = folder(state_dir) / f"{_DRAFT}{self.id}"
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(self._path, flags, 0o600)

    @property
    def sha256(self) -> str:
        """Of what was written so far, hex."""
        return self._sum.hexdigest()

    def write(self, data: bytes) -> None:
        """Add to its end. Raises OSError."""
        left = memoryview(data)
        while left:
            left = left[os.write(self._handle, left) :]
        self._sum.update(data)
        self.size += len(data)

    def keep(self) -> None:
        """Give it its name: from now on it survives a power cut. Raises OSError."""
        os.fsync(self._handle)
        self._path.rename(self._path.with_name(self.id))
        _sync(self._path.parent)

    def close(self) -> None:
        """Let go; what was not kept goes."""
        os.close(self._handle)
        with contextlib.suppress(OSError):
            self._path.unlink()


def folder(state_dir: Path) -> Path:
    """Where they are; made unless it is there.

    Who knows an id may pass through, to the file that an access list opens to them: nobody can list it. Raises OSError.
    """
    path = state_dir / STAGED
    path.mkdir(mode=0o711, parents=True, exist_ok=True)
    if path.stat().st_mode & 0o777 != 0o711:  # whatever the umask is
        path.chmod(0o711)
    return path


def path_of(state_dir: Path, upload: str) -> Path:
    """Where an original is. Raises ValueError for what is no id."""
    if not _ID.fullmatch(upload):
        raise ValueError(f"{upload!r} is no upload")
    return state_dir / STAGED / upload


def remove(state_dir: Path, upload: str) -> None:
    """Take one away; twice is once. Raises OSError."""
    path_of(state_dir, upload).unlink(missing_ok=True)


def remove_drafts(state_dir: Path) -> None:
    """Take away what an earlier engine had not taken in whole; on a disk that takes no writes it stays."""
    for path in (state_dir / STAGED).glob(f"{_DRAFT}*"):
        with contextlib.suppress(OSError):
            path.unlink()


def present(state_dir: Path) -> Iterator[tuple[str, float]]:
    """The ids of those that are there, each with when it was last written (Unix seconds). Raises OSError."""
    with contextlib.suppress(FileNotFoundError), os.scandir(state_dir / STAGED) as entries:
        for entry in entries:
            if _ID.fullmatch(entry.name):
                with contextlib.suppress(FileNotFoundError):
                    yield entry.name, entry.stat(follow_symlinks=False).st_mtime


def free_bytes(place: Path) -> int:
    """How much more its disk takes from who is not root. Raises OSError."""
    return shutil.disk_usage(place).free


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
