"""`--snapshot` of `rcq submit`: the git repository that one stands in, as it is now, packed to be sent along.

Tracked files and new ones that are not ignored, as they are in the working tree; those of submodules, too. The
repository itself is only read. Must not know what a job does with it.
"""

# ruff: noqa: PTH115, PTH118, PTH123 - names are the file system's own, and a `..` in them stays

import gzip
import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from rcq_tui.cli.failures import Failed, UsageError
from rcq_tui.cli.surroundings import summary
from rcq_tui.viewmodel.formats import size
from rcq_tui.viewmodel.text import clean

MOST_BYTES = 1 << 30
"""Of a tree before it is packed: what is more is data, which --file or a path is for."""
SHOWN = 5
CREDENTIALS = re.compile(r"(?<=://)[^/@]*@")


class Captured(NamedTuple):
    """A packed tree and, where there is one, the difference to its commit: paths. facts: the rest of the field."""

    tree: str
    diff: str | None
    facts: dict[str, Any]


class Repository:
    """The repository around `directory`. Raises UsageError where there is none."""

    def __init__(self, directory: str) -> None:
        if shutil.which("git") is None:
            raise UsageError("--snapshot needs git, which is not installed here")
        found = _run(["git", "-C", directory, "rev-parse", "--show-toplevel"])
        if found is None:
            told = f"{directory} is in no git repository, so --snapshot has nothing to capture. Make one: git init"
            raise UsageError(f"{told}; or send files: --file")
        self.root = found.decode(errors="surrogateescape").removesuffix("\n")
        self.subdir = os.path.relpath(os.path.realpath(directory), os.path.realpath(self.root))

    def git(self, *words: str, environment: dict[str, str] | None = None) -> bytes | None:
        """What git says, `None` where it fails."""
        return _run(["git", "-C", self.root, *words], environment)

    def word(self, *words: str) -> str | None:
        """The one line that git says, if it says one."""
        said = (self.git(*words) or b"").decode(errors="replace").strip()
        return said or None

    def facts(self) -> dict[str, Any]:
        """Where the tree comes from."""
        commit, branch = (
            self.word("rev-parse", "--verify", "-q", "HEAD"),
            self.word("symbolic-ref", "-q", "--short", "HEAD"),
        )
        name = self.word("config", "--get", f"branch.{branch}.remote") or "origin"
        remote = self.word("config", "--get", f"remote.{name}.url")
        found = {"commit": commit, "branch": branch, "remote": remote and CREDENTIALS.sub("", remote)}
        return {key: value for key, value in found.items() if value}

    def diff(self, scratch: Path) -> bytes:
        """What the tree has that its commit has not, new files included, as `git apply` takes it.

        Its index and its objects are kept elsewhere: nothing is written to the repository.
        """
        if self.word("rev-parse", "--verify", "-q", "HEAD") is None:
            return b""
        objects = self.word("rev-parse", "--git-path", "objects") or ".git/objects"
        (scratch / "objects").mkdir()
        environment = {
            "GIT_INDEX_FILE": str(scratch / "index"),
            "GIT_OBJECT_DIRECTORY": str(scratch / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.path.join(self.root, objects),
        }
        for words in (("read-tree", "HEAD"), ("add", "-A")):
            if self.git(*words, environment=environment) is None:
                raise Failed(f"git {words[0]} failed in {clean(self.root)}; is the repository whole? See: git fsck")
        asked = ("diff", "--cached", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "HEAD")
        said = self.git(*asked, environment=environment)
        if said is None:
            raise Failed(f"git diff failed in {clean(self.root)}; is the repository whole? See: git fsck")
        return said


@contextmanager
def captured(directory: str) -> Iterator[Captured]:
    """The code that one stands in, packed. Raises UsageError, Failed."""
    repository = Repository(directory)
    with tempfile.TemporaryDirectory(prefix="rcq-snapshot-") as place:
        scratch = Path(place)
        names = sorted(set(_names(repository.root)))
        _judge(repository.root, names)
        tree = scratch / "code.tar.gz"
        with tree.open("wb") as file:
            _pack(repository, names, file)
        diff = repository.diff(scratch)
        facts = repository.facts() | {
            "dirty": bool(diff) or "commit" not in repository.facts(),
            "environment": summary(),
        }
        if repository.subdir != ".":
            facts["subdir"] = repository.subdir
        if diff:
            (scratch / "changes.diff").write_bytes(diff)
        yield Captured(str(tree), str(scratch / "changes.diff") if diff else None, facts)


def _names(root: str, prefix: str = "") -> Iterator[str]:
    """Paths of what is to be captured, those of repositories in it, too."""
    place = os.path.join(root, prefix)
    said = _run(["git", "-C", place, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    if said is None:
        raise Failed(f"git ls-files failed in {clean(place)}; is the repository whole?")
    for name in said.decode(errors="surrogateescape").split("\0"):
        path = prefix + name.rstrip("/")
        try:
            mode = os.lstat(os.path.join(root, path)).st_mode if name else 0
        except FileNotFoundError:  # tracked and removed
            continue
        if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
            yield path
        elif stat.S_ISDIR(mode) and os.path.lexists(os.path.join(root, path, ".git")):
            yield from _names(root, f"{path}/")


def _judge(root: str, names: Sequence[str]) -> None:
    sizes = {name: os.lstat(os.path.join(root, name)).st_size for name in names}
    if sum(sizes.values()) <= MOST_BYTES:
        return
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))[:SHOWN]
    told = ", ".join(f"{clean(name)} ({size(sizes[name])})" for name in largest)
    raise Failed(
        f"the code has {size(sum(sizes.values()))}, and {size(MOST_BYTES)} is the most. Keep data out of it by "
        f".gitignore, and name its path in the job. Largest: {told}"
    )


def _pack(repository: Repository, names: Sequence[str], file: BinaryIO) -> None:
    """The same tree gives the same bytes, whoever packs it."""
    packed = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0, filename="")
    with packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tree:
        if repository.subdir != ".":
            tree.addfile(_member(repository.subdir, tarfile.DIRTYPE, 0o755))
        for name in names:
            try:
                _add(tree, repository.root, name)
            except OSError as error:
                told = error.strerror or "it changed while it was read"
                raise Failed(f"{clean(name)} cannot be captured: {told}. Try again.") from error


def _add(tree: tarfile.TarFile, root: str, name: str) -> None:
    path = os.path.join(root, name)
    facts = os.lstat(path)
    if stat.S_ISLNK(facts.st_mode):
        link = _member(name, tarfile.SYMTYPE, 0o777)
        link.linkname = os.readlink(path)
        tree.addfile(link)
        return
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as source:
        facts = os.fstat(source.fileno())
        member = _member(name, tarfile.REGTYPE, 0o755 if facts.st_mode & stat.S_IXUSR else 0o644)
        member.size, member.mtime = facts.st_size, int(facts.st_mtime)
        tree.addfile(member, source)


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = kind, mode
    return member


def _run(command: list[str], environment: dict[str, str] | None = None) -> bytes | None:
    ran = subprocess.run(
        command, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return ran.stdout if ran.returncode == 0 else None
