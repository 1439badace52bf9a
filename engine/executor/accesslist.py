"""Who else may use a job's directory: POSIX access lists (acl(5)), written as the kernel keeps them.

Python has no call for them; the two attributes are the kernel's own interface (linux/posix_acl_xattr.h): a version,
then entries of tag, permissions and id, little-endian, in ascending order of tag and id. Must not know jobs.
"""

import errno
import os
import struct
from collections.abc import Iterable

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
"""Of the directory itself; of whatever is made in it from now on."""
_VERSION = struct.pack("<I", 2)
_OWNER, _USER, _OWNING_GROUP, _MASK, _OTHERS = 0x01, 0x02, 0x04, 0x10, 0x20
_ALL, _READ, _OWN, _NONE = 0o7, 0o4, 0o6, 0o0
_NOBODYS = 0xFFFFFFFF
"""The id of an entry that names nobody."""


def share(directory: int, others: Iterable[int]) -> None:
    """The owner and these user ids may do everything in the directory (an open descriptor), and nobody else anything.

    What is made in it is open to the same ids as far as its maker gives its group rights: the usual umask does. So the
    owner reads what the others make, and they what the owner makes. The group's bits of the mode show the mask now.
    Raises OSError; with ENOTSUP the file system keeps no access lists.
    """
    users = set(others)
    try:
        os.setxattr(directory, ACCESS, packed(users))
        os.setxattr(directory, DEFAULT, packed(users | {os.fstat(directory).st_uid}))
    except OSError as problem:
        if problem.errno in (errno.ENOTSUP, errno.EOPNOTSUPP):
            raise OSError(errno.ENOTSUP, "the file system keeps no POSIX access lists") from problem
        raise


def let_read(file: int, user: int) -> None:
    """Besides the owner, that user id alone may read the file (an open descriptor). Raises OSError."""
    os.setxattr(file, ACCESS, packed([user], own=_OWN, others=_READ))


def keep_to_owner(file: int) -> None:
    """Nobody but the owner may read or write the file (an open descriptor). Raises OSError."""
    try:
        os.removexattr(file, ACCESS)
    except OSError as problem:
        if problem.errno not in (errno.ENODATA, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
    os.fchmod(file, 0o600)  # what was the list's mask is the group's rights without it


def packed(users: Iterable[int], *, own: int = _ALL, others: int = _ALL) -> bytes:
    """An access list that gives `own` to the owner and `others` to these user ids, and nothing to the rest."""
    entries = [
        (_OWNER, own, _NOBODYS),
        *((_USER, others, uid) for uid in sorted(set(users))),
        (_OWNING_GROUP, _NONE, _NOBODYS),
        (_MASK, others, _NOBODYS),
        (_OTHERS, _NONE, _NOBODYS),
    ]
    return _VERSION + b"".join(struct.pack("<HHI", *entry) for entry in entries)
