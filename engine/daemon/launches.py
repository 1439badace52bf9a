"""From a lease and a request to something an executor can start. Must not know what an executor does with it."""

from collections.abc import Callable, Iterable
from pathlib import Path

from config.settings import ExecutorSettings
from engine.daemon.books import Live
from engine.daemon.containment import Containment
from engine.daemon.cores import Cores
from engine.daemon.fitness import unfit
from engine.daemon.persons import Persons
from engine.daemon.placing import Placing
from engine.executor import command, directory, environment, foreground, marks
from engine.ports import CannotLaunch, Clock, Launch, Process
from engine.protocol.fields import AdoptedFields, JobFields


class Launches:
    """Makes launches for jobs whose files are under `state_dir`.

    persons: tell whom jobs run as. memory_mb: MiB for all jobs, which is also what one may have that asked for none; on
    a cluster that is the cluster's to say, as is which cores and devices it gets.
    cores: gives each attempt the CPU cores that it is kept on; `None`: any will do. nodes: the device nodes of these
    cards. containment: puts a job into its image. placing: puts its staged files into its directory.
    """

    def __init__(
        self,
        *,
        state_dir: Path,
        settings: ExecutorSettings,
        persons: Persons,
        memory_mb: int,
        clock: Clock,
        nodes: Callable[[Iterable[str]], tuple[str, ...]],
        containment: Containment,
        placing: Placing,
        cores: Cores | None = None,
    ) -> None:
        self._state_dir = state_dir
        self._settings = settings
        self._persons = persons
        self._memory_mb = memory_mb
        self._clock = clock
        self._nodes = nodes
        self._containment = containment
        self._placing = placing
        self._cores = cores

    async def make(self, live: Live, fields: JobFields) -> Launch:
        """The launch of one attempt; makes the job's directory with its files and its script, which may take long.

        Raises OSError, ValueError, CannotLaunch, LauncherUnreachable.
        """
        if live.on_cluster and (refused := unfit(fields)) is not None:  # it waited here before all went to the cluster
            raise CannotLaunch(refused.message)
        person = await self._persons.of(live.lease.key.owner.account)
        place = directory.make(self._state_dir, live.job, person.uid)
        await self._placing.place(live, fields, place, person)
        adopt = _adopted(fields)
        if live.attempt > 1:
            marks.mark(place, live.attempt)
        launch = Launch(
            job=live.job,
            attempt=live.attempt,
            argv=self._argv(fields, place),
            environment=environment.build(
                fields=fields,
                lease=live.lease,
                attempt=live.attempt,
                directory=place,
                person=person,
                now=self._clock.now(),
            ),
            workdir=directory.workdir_of(place, fields),
            directory=place,
            time_limit_s=live.lease.key.shape.time_limit_s,
            warn_before_s=self._settings.warn_before_s,
            grace_s=self._settings.grace_s,
            lease=live.lease,
            cores=self._cores.give(live) if self._cores and adopt is None and not live.on_cluster else (),
            adopt=adopt,
            user=None if person.uid is None else person.name,
            memory_mb=live.lease.key.shape.memory_mb or (0 if live.on_cluster else self._memory_mb),
            devices=() if live.on_cluster else self._nodes(live.lease.gpus),
        )
        return await self._containment.around(launch, fields, person)

    def _argv(self, fields: JobFields, place: Path) -> tuple[str, ...]:
        words = command.argv(fields, place)
        if fields.foreground is None:
            return words
        return foreground.on_stage(
            words,
            socket=fields.foreground,
            grace_s=self._settings.grace_s,
            warn_before_s=self._settings.warn_before_s,
        )


def _adopted(fields: JobFields) -> Process | None:
    """What runs already, where nothing is to be started."""
    if not isinstance(fields, AdoptedFields):
        return None
    return Process(pid=fields.adopted_pid, start=fields.adopted_start)
