"""A program of its own, run as a job's owner: it tells what is in the job's directory, with all files' contents.

    python -I -S jobreader.py OPTIONS PREFIX DIRECTORY [PREFIX DIRECTORY]…

Standard library only, and nothing else of ours: it runs with the owner's rights, so that it reads what the owner may
read and nothing more. Follows no link, opens regular files with one name only, waits for nothing. It may be told lies
and may be made to tell some: whoever reads its output (`engine.executor.archive`) believes none of it.

It writes lines of JSON. First `{"files", "bytes", "largest"}`, what is there, or with `"over"` where that is more than
OPTIONS allow; then, unless it is, for each entry `{"folder"}`, `{"file", "size", "mtime", "mode"}` with contents after
it, or `{"left", "why", "lost"}`; at last `{"end"}`. Contents are pieces of a length (4 bytes, big-endian) and as many
bytes; an empty piece ends them, and one of length `BROKEN` says that the file could not be read to its end.
"""

import contextlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

PIECE_BYTES = 256 * 1024
BROKEN = 0xFFFFFFFF
DEEPEST = 100
"""Directories within directories; a job can make them until no path reaches them."""
SHOWN = 5
SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Entry(NamedTuple):
    """Something in an open directory. left: why it stays out, empty for what goes in; lost: it has contents."""

    folder: int
    name: str
    path: str
    facts: os.stat_result | None
    left: str
    lost: bool

    @property
    def is_folder(self) -> bool:
        """Whether it is a directory."""
        return self.facts is not None and stat.S_ISDIR(self.facts.st_mode)


def main(words: list[str]) -> None:
    """Tell of all directories, one after the other."""
    walk = Walk(json.loads(words[0]), list(zip(words[1::2], words[2::2], strict=True)))
    with contextlib.suppress(OSError):
        os.nice(10)
    if _told_before(walk):
        for entry in walk.entries():
            if entry.left:
                _tell({"left": entry.path, "why": entry.left, "lost": entry.lost})
            elif entry.is_folder:
                _tell({"folder": entry.path})
            else:
                _send(entry)
        _tell({"end": True})
    sys.stdout.buffer.flush()


def _told_before(walk: "Walk") -> bool:
    """Say how much it is; whether that may be sent."""
    count = size = 0
    largest: list[tuple[int, str]] = []
    for entry in walk.entries():
        count += 1
        if not entry.left and entry.facts is not None and not entry.is_folder:
            size += entry.facts.st_size
            largest = sorted([*largest, (entry.facts.st_size, entry.path)], reverse=True)[:SHOWN]
        if count > walk.most_files:
            break
    over = count > walk.most_files or size > walk.most_bytes
    _tell({"files": count, "bytes": size, "largest": [[name, n] for n, name in largest], "over": over})
    return not over


class Walk:
    """Through all directories, in the order of names. options: `most_files`, `most_bytes`, and `skip`, a pattern of
    paths within a job's directory that are passed over with all below them."""

    def __init__(self, options: dict[str, Any], places: list[tuple[str, str]]) -> None:
        self.most_files: int = options["most_files"]
        self.most_bytes: int = options["most_bytes"]
        self._skip = re.compile(options["skip"])
        self._places = places

    def entries(self) -> Iterator[Entry]:
        """What is there now, a directory before what is in it."""
        for prefix, place in self._places:
            try:
                top = os.open(place, _FOLDER)
            except OSError as problem:
                yield _unopened(prefix.rstrip("/") or ".", problem)
                continue
            try:
                yield from self._below(top, prefix, "", os.fstat(top).st_dev)
            finally:
                os.close(top)

    def _below(self, folder: int, prefix: str, within: str, device: int) -> Iterator[Entry]:
        """What is in an open directory and below it. within: its path in the job's directory."""
        with os.scandir(folder) as found:  # never the whole list: there may be millions
            names = sorted(one.name for one in islice(found, self.most_files + 1))
        for name in names:
            if self._skip.fullmatch(within + name):
                continue
            entry = _entry(folder, name, prefix + within + name, device)
            yield entry
            if entry.is_folder and not entry.left:
                yield from self._inside(entry, prefix, f"{within}{name}/", device)

    def _inside(self, entry: Entry, prefix: str, within: str, device: int) -> Iterator[Entry]:
        if within.count("/") > DEEPEST:
            yield Entry(-1, "", entry.path + "/*", None, f"it lies deeper than {DEEPEST} directories", True)
            return
        try:
            inside = os.open(entry.name, _FOLDER, dir_fd=entry.folder)
        except OSError as problem:
            yield _unopened(entry.path + "/*", problem)
            return
        try:
            yield from self._below(inside, prefix, within, device)
        finally:
            os.close(inside)


def _unopened(path: str, problem: OSError) -> Entry:
    return Entry(-1, "", path, None, f"it cannot be opened: {problem.strerror}", True)


def _entry(folder: int, name: str, path: str, device: int) -> Entry:
    try:
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as problem:
        return Entry(folder, name, path, None, f"it cannot be looked at: {problem.strerror}", True)
    kind = stat.S_IFMT(facts.st_mode)
    left, lost = "", False
    if kind == stat.S_IFLNK:
        with contextlib.suppress(OSError):
            left = f"a symbolic link to {os.readlink(name, dir_fd=folder)}"
        left = left or "a symbolic link"
    elif kind in SPECIAL:
        left = SPECIAL[kind]
    elif facts.st_dev != device:
        left, lost = "it is on another file system", True
    elif kind == stat.S_IFREG and facts.st_nlink > 1:
        left, lost = "a hard link: the file has another name, too", True
    return Entry(folder, name, path, facts, left, lost)


def _send(entry: Entry) -> None:
    """A file with at most the size that it has now: one that grows meanwhile is cut there."""
    try:
        handle = os.open(entry.name, _FILE, dir_fd=entry.folder)
    except OSError as problem:
        _tell({"left": entry.path, "why": f"it cannot be opened: {problem.strerror}", "lost": True})
        return
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
            _tell({"left": entry.path, "why": "it became something else meanwhile", "lost": True})
            return
        mode, size = stat.S_IMODE(facts.st_mode), facts.st_size
        _tell({"file": entry.path, "size": size, "mtime": facts.st_mtime, "mode": mode})
        _contents(handle, size)
    finally:
        os.close(handle)


def _contents(handle: int, size: int) -> None:
    out = sys.stdout.buffer
    end = 0
    while size > 0:
        try:
            piece = os.read(handle, min(PIECE_BYTES, size))
        except OSError:
            end = BROKEN
            break
        if not piece:
            break
        size -= len(piece)
        out.write(len(piece).to_bytes(4, "big"))
        out.write(piece)
    out.write(end.to_bytes(4, "big"))


def _tell(what: dict[str, object]) -> None:
    sys.stdout.buffer.write(json.dumps(what).encode("ascii") + b"\n")
    if "over" in what:
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main(sys.argv[1:])
        os._exit(0)
    os._exit(1)
