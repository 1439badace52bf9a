"""What the store raises on purpose, drawn as one tree.

Must not know how any of it comes about: each message is made where the trouble is seen.
"""

from engine.protocol.errors import RcqError


class StoreError(RcqError):
    """Root of the store's own errors.

    StoreError
    ├── DatabaseUnavailable   the file cannot be opened or is in use; nothing was changed
    ├── DatabaseDamaged       the file is not a sound SQLite database; nothing was changed
    ├── DatabaseForeign       the file is some other program's database; nothing was changed
    ├── DatabaseTooNew        a newer rcq wrote it; nothing was changed
    ├── WriteFailed           the disk is full or broken; this write did not happen
    ├── CopyFailed            a backup could not be made; no half of one is left
    ├── StoreClosed           asked after `close()`
    ├── Exists                the name, or the Unix user, is taken
    ├── Missing               there is no such thing (also a KeyError)
    └── InUse                 something else still refers to it
    """


class DatabaseUnavailable(StoreError):
    """The file cannot be opened, or another program holds it."""


class DatabaseDamaged(StoreError):
    """The file is not a sound SQLite database; it was left byte for byte as it is."""


class DatabaseForeign(StoreError):
    """The file is a sound database, but not one of rcq."""


class DatabaseTooNew(StoreError):
    """The schema holds migrations that this version does not know."""


class WriteFailed(StoreError):
    """The write did not happen and left nothing behind; the message says why and what to do."""


class CopyFailed(StoreError):
    """A copy of the database was not made, and nothing of it is left."""


class StoreClosed(StoreError):
    """The store takes no more calls."""


class Exists(StoreError):
    """What was to be made is there already."""


class Missing(StoreError, KeyError):
    """What was to be read or changed is not there."""

    __str__ = StoreError.__str__


class InUse(StoreError):
    """What was to be removed is still referred to."""
