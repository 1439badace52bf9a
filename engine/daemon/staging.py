"""Staged files: taken in while they arrive, kept while a job needs them, then removed. The API's `Files`.

A file is on disk whole before the books know of it, and out of the books before it goes. Must not know HTTP, nor how a
job gets its files.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TypeVar

from config.settings import RetentionSettings
from engine.api.asks import Identity
from engine.daemon.answers import audited, not_ready
from engine.daemon.stagedroom import LEAST_BYTES, StagedRoom, bearers_of, counted
from engine.daemon.uploadclaims import UploadClaims
from engine.executor import staged
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.uploads import Uploads, UploadView
from engine.store.errors import InUse, Missing, StoreError
from engine.store.uploads import Terms, Upload
from engine.store.uploads import Uploads as Books

log = logging.getLogger(__name__)
T = TypeVar("T")

PIECE_BYTES = 1024 * 1024
"""So much is written in one go, in a thread."""
DAY_S, HOUR_S = 86_400.0, 3600.0


class Staging:
    """Keeps the originals of one state directory."""

    def __init__(
        self, *, state_dir: Path, store: Books, room: StagedRoom, settings: RetentionSettings, clock: Clock
    ) -> None:
        self._state_dir = state_dir
        self._store = store
        self._room = room
        self._unused_s = settings.uploads_h * HOUR_S
        self._kept_s = settings.job_files_days * DAY_S
        self._clock = clock
        self.claims = UploadClaims(store)

    async def open(self) -> None:
        """What an earlier engine left: count what is whole, remove what is not. Raises StoreError, OSError."""
        await asyncio.to_thread(staged.remove_drafts, self._state_dir)
        self._room.load(await self._store.all())

    async def add(self, who: Identity, chunks: AsyncIterator[bytes], told: int | None) -> UploadView:
        """Take a file in. told: its size, where the sender said it. Nothing of it is left if it does not arrive."""
        bearers = bearers_of(who.account, who.group)
        self._room.ask(bearers, counted(told or 0))
        draft = await self._on_disk(lambda: self._begin(told or 0))
        taken, kept = LEAST_BYTES, False
        self._room.add(bearers, taken)
        try:
            async with aclosing(_pieces(chunks)) as pieces:
                async for piece in pieces:
                    more = max(0, draft.size + len(piece) - taken)
                    self._room.ask(bearers, more)
                    self._room.add(bearers, more)
                    taken += more
                    await self._on_disk(partial(self._write, draft, piece))
            await self._on_disk(draft.keep)
            upload = await self._noted(who, draft)
            kept = True
        finally:
            if not kept:
                self._room.add(bearers, -taken)
            await self._on_disk(draft.close)
        return self._view(upload, 0, needed=False)

    async def uploads(self, who: Identity) -> Uploads:
        """One's own, the oldest first."""
        try:
            found = await self._store.own(who.account, self._terms())
        except StoreError as error:
            raise not_ready(error) from error
        views = [self._view(upload, jobs, needed=needed) for upload, jobs, needed in found]
        return Uploads(items=views, size=self._room.used(("account", who.account)))

    async def remove(self, who: Identity, number: str) -> None:
        """Remove one's own. NOT_FOUND, INVALID_STATE while a job needs it."""
        with self.claims.going([number]) as free:
            if not free:
                raise _in_use(number)
            known = (await self._store.known([number])).get(number)
            try:
                entry = audited(self._clock, who, "upload.remove", number, owner=who.account)
                await self._store.remove(number, who.account, self._terms(), entry)
            except Missing as error:
                raise Refused("NOT_FOUND", f"{error} See: GET /v1/uploads") from error
            except InUse as error:
                raise _in_use(number) from error
            except StoreError as error:
                raise not_ready(error) from error
            if known is not None:
                await self._gone(known)

    async def sweep(self) -> None:
        """Remove what nobody needs. Trouble is logged; the next sweep tries again."""
        try:
            await self._sweep()
        except (StoreError, OSError) as error:
            log.warning("Staged files were not tidied up: %s", error)

    async def _sweep(self) -> None:
        terms = self._terms()
        due = {one.id: one for one in await self._store.due(terms.now - self._unused_s, terms)}
        with self.claims.going(due) as free:
            for number in await self._store.drop(free, terms):
                await self._gone(due[number])
        await self._remove_strangers()

    async def _remove_strangers(self) -> None:
        """Files that the books do not know: an engine was killed between the one and the other, or they are older."""
        before = self._clock.now() - self._unused_s
        there = await asyncio.to_thread(lambda: [one for one, at in staged.present(self._state_dir) if at <= before])
        known = await self._store.known(there)
        for number in there:
            if number not in known:
                await asyncio.to_thread(staged.remove, self._state_dir, number)

    async def _noted(self, who: Identity, draft: staged.Draft) -> Upload:
        """In the books, or not there at all."""
        upload = Upload(
            id=draft.id,
            account=who.account,
            group=who.group,
            size=draft.size,
            sha256=draft.sha256,
            created_at=self._clock.now(),
        )
        detail = {"after": {"size": upload.size, "sha256": upload.sha256}}
        try:
            entry = audited(self._clock, who, "upload.add", upload.id, owner=who.account, **detail)
            await self._store.add(upload, entry)
        except StoreError as error:
            await self._on_disk(partial(staged.remove, self._state_dir, draft.id))
            raise not_ready(error) from error
        return upload

    async def _gone(self, upload: Upload) -> None:
        """It is out of the books."""
        self._room.add(bearers_of(upload.account, upload.group), -counted(upload.size))
        await asyncio.to_thread(staged.remove, self._state_dir, upload.id)

    def _begin(self, told: int) -> staged.Draft:
        staged.folder(self._state_dir)
        self._room.ask_disk(told)
        return staged.Draft(self._state_dir)

    def _write(self, draft: staged.Draft, piece: bytes) -> None:
        self._room.ask_disk(len(piece))
        draft.write(piece)

    async def _on_disk(self, call: Callable[[], T]) -> T:
        """In a thread, to its end whatever becomes of the caller. Raises Refused (SERVICE_NOT_READY)."""
        work = asyncio.ensure_future(asyncio.to_thread(call))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait({work})
            raise
        except OSError as error:
            raise Refused("SERVICE_NOT_READY", f"The file was not kept: {error}. Try again later.") from error

    def _terms(self) -> Terms:
        return Terms(now=self._clock.now(), kept_s=self._kept_s)

    def _view(self, upload: Upload, jobs: int, *, needed: bool) -> UploadView:
        return UploadView(
            upload=upload.id,
            size=upload.size,
            sha256=upload.sha256,
            created_at=upload.created_at,
            jobs=jobs,
            goes_at=None if needed else upload.created_at + self._unused_s,
        )


async def _pieces(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The same bytes in larger pieces."""
    waiting = bytearray()
    async for chunk in chunks:
        waiting += chunk
        if len(waiting) >= PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def _in_use(number: str) -> Refused:
    told = f"A job needs the upload {number}: it goes with that job's files. Cancelled jobs keep theirs as long, too."
    return Refused("INVALID_STATE", told)
