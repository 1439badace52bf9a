"""Metrics on one ground: who counts, who tells, who listens. Must not run anything unless `begin` is called."""

import asyncio
from dataclasses import dataclass

from engine.daemon.books import Live
from engine.daemon.box import BoxService
from engine.daemon.clusterviews import ClusterViews
from engine.daemon.figures import FigureService
from engine.daemon.ground import Ground
from engine.daemon.logins import Logins
from engine.daemon.metrics.boxfigures import Sources
from engine.daemon.metrics.counts import Counts
from engine.daemon.metrics.jobmapping import JobMapping
from engine.daemon.metrics.listening import Listening
from engine.daemon.metrics.service import MetricService
from engine.daemon.passes import Passes
from engine.daemon.runs import Runs
from engine.daemon.sampler import Sampler
from engine.daemon.submission import Submission


@dataclass(slots=True, frozen=True, kw_only=True)
class Metering:
    """What the API asks, and what goes on beside the engine."""

    service: MetricService
    listening: Listening
    mapping: JobMapping | None

    def begin(self) -> list[asyncio.Task[None]]:
        """Once running jobs were taken up: listen and write, until these are cancelled."""
        found = []
        if self.listening.wanted:
            found.append(asyncio.create_task(self.listening.run(), name="metrics"))
        if self.mapping is not None:
            found.append(asyncio.create_task(self.mapping.run(), name="job mapping"))
        return found


@dataclass(slots=True, frozen=True, kw_only=True)
class Heard:
    """Who is listened to and asked."""

    passes: Passes
    runs: Runs
    sampler: Sampler
    submission: Submission
    logins: Logins
    box: BoxService
    cluster: ClusterViews
    figures: FigureService


def metering_of(ground: Ground, heard: Heard) -> Metering:
    """All of it; who counts hears from now on."""
    counts = Counts(ground.books.cards)
    directory = ground.settings.metrics.job_mapping_dir
    mapping = None if directory is None else JobMapping(ground.books, directory)
    _listen(heard, counts, mapping)
    settings = ground.settings.metrics
    service = MetricService(
        sources=_sources(ground, heard, counts),
        register=ground.register,
        views=ground.views,
        cluster=heard.cluster,
        settings=settings,
        clock=ground.clock,
    )
    return Metering(service=service, listening=Listening(service, settings), mapping=mapping)


def _sources(ground: Ground, heard: Heard, counts: Counts) -> Sources:
    return Sources(
        books=ground.books,
        policy=ground.policy,
        paths=ground.paths,
        counts=counts,
        passes=heard.passes,
        submission=heard.submission,
        failures=heard.logins.failures,
        writer=ground.store.writer,
        feed=ground.feed,
        host=ground.host,
        backups=ground.backups,
        lag=heard.figures.about_engine.lag,
        healthy=lambda: heard.box.fitness().status == "ok",
    )


def _listen(heard: Heard, counts: Counts, mapping: JobMapping | None) -> None:
    earlier = heard.runs.started

    def started(live: Live) -> None:
        earlier(live)
        counts.started(live)
        if mapping is not None:
            mapping.changed()

    heard.runs.started = started
    heard.passes.past.took = counts.passes.observe
    heard.sampler.watchers.append(counts.look)
    if mapping is not None:
        heard.runs.leaving.append(mapping.changed)
        heard.sampler.watchers.append(mapping.changed)
