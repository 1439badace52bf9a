"""From settings to what keeps and places staged files. Must not run anything."""

from config.paths import Paths
from config.settings import Settings
from engine.daemon.books import Books
from engine.daemon.placing import Placing
from engine.daemon.stagedroom import MIB, StagedRoom
from engine.daemon.staging import Staging
from engine.executor import staged
from engine.executor.usertask import UserTasks
from engine.ports import Clock
from engine.store.store import Store


def staging_of(settings: Settings, paths: Paths, books: Books, store: Store, clock: Clock) -> Staging:
    """What keeps them."""
    room = StagedRoom(
        quotas=lambda: books.quotas,
        free=lambda: staged.free_bytes(paths.state_dir),
        reserve_bytes=settings.executor.disk_reserve_mb * MIB,
    )
    return Staging(state_dir=paths.state_dir, store=store.uploads, room=room, settings=settings.retention, clock=clock)


def placing_of(settings: Settings, paths: Paths, tasks: UserTasks | None) -> Placing:
    """What places them. tasks: run programs as another Unix user, where jobs do."""
    return Placing(state_dir=paths.state_dir, tasks=tasks, reserve_bytes=settings.executor.disk_reserve_mb * MIB)
