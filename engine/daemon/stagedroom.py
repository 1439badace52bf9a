"""Whether there is room for one more staged file: by the quotas of its owner and group, and on the disk.

Owned by the event loop. Must not know files.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from engine.core.snapshot import Quotas
from engine.daemon.allowance import quota_of
from engine.daemon.tally import Bearer
from engine.protocol.errors import Refused
from engine.store.uploads import Upload

MIB = 1024 * 1024
LEAST_BYTES = 4096
"""What any file counts as, be it empty: it takes a place on the disk, too."""


def bearers_of(account: str, group: str) -> tuple[Bearer, ...]:
    """Whose quotas a staged file counts against."""
    return ("account", account), ("group", group)


class StagedRoom:
    """Counts bytes of staged files, those on their way included. free: bytes that the disk still takes."""

    def __init__(self, *, quotas: Callable[[], Quotas], free: Callable[[], int], reserve_bytes: int) -> None:
        self._quotas = quotas
        self._free = free
        self._reserve_bytes = reserve_bytes
        self._used: Counter[Bearer] = Counter()

    def load(self, uploads: Iterable[Upload]) -> None:
        """What there is at the start."""
        self._used.clear()
        for upload in uploads:
            self.add(bearers_of(upload.account, upload.group), counted(upload.size))

    def used(self, bearer: Bearer) -> int:
        """Bytes that count against a quota now."""
        return self._used[bearer]

    def add(self, bearers: Iterable[Bearer], size: int) -> None:
        """So many bytes more, or fewer."""
        for bearer in bearers:
            self._used[bearer] += size

    def ask(self, bearers: Iterable[Bearer], size: int) -> None:
        """Whether so many bytes more are allowed. Raises Refused (QUOTA_EXCEEDED)."""
        for bearer in bearers:
            quota = quota_of(self._quotas(), *bearer)
            limit = None if quota is None else quota.staged_mb
            if limit is not None and self._used[bearer] + size > limit * MIB:
                raise _over(bearer, limit, self._used[bearer], size)

    def ask_disk(self, size: int) -> None:
        """Whether the disk takes so many bytes more. Blocks on it. Raises Refused (SERVICE_NOT_READY), OSError."""
        free = self._free()
        if free - size >= self._reserve_bytes:
            return
        told = (
            f"The disk for staged files has {free // MIB} MiB left, and {self._reserve_bytes // MIB} are kept free "
            "(executor.disk_reserve_mb). Try again when there is room, or ask an admin."
        )
        detail = {"field": "", "message": "no room on the disk", "free_mb": free // MIB, "wanted_mb": _mib(size)}
        raise Refused("SERVICE_NOT_READY", told, [detail], retry_after_s=60.0)


def counted(size: int) -> int:
    """What a file of so many bytes counts as."""
    return max(LEAST_BYTES, size)


def _over(bearer: Bearer, limit: int, used: int, size: int) -> Refused:
    scope, name = bearer
    told = (
        f"At most {limit} MiB of staged files are kept for {scope} {name}; {_mib(used)} are, and this is {_mib(size)} "
        "more. They go with the files of ended jobs; unused ones: DELETE /v1/uploads/{id}. Or ask an admin for more."
    )
    numbers = {"limit": limit, "used": _mib(used), "wanted": _mib(size)}
    detail = {"field": "", "message": "over the quota", "scope": scope, "name": name, "resource": "staged_mb"}
    return Refused("QUOTA_EXCEEDED", told, [{**detail, **numbers}])


def _mib(size: int) -> int:
    """Rounded up, so that what does not fit is never told as if it did."""
    return -(-size // MIB)
