"""Jobs with a container image: whether this host can run them, and their launches as containers.

What is installed is looked up each time: it may come and go while the engine runs. Must not know options of programs.
"""

import asyncio
import os

from config.settings import ExecutorSettings
from engine.core.snapshot import CLUSTER
from engine.executor import containers
from engine.executor.environment import Person
from engine.executor.spawn import DEFAULT_PATH
from engine.ports import CannotLaunch, Launch
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields

ON_CLUSTER = "on Slurm only apptainer runs one: an admin sets executor.container to apptainer and installs it there"


class Containment:
    """Runs jobs in containers. cards: whether the host's cards can be given to one, as simulated ones cannot."""

    def __init__(self, settings: ExecutorSettings, *, cards: bool) -> None:
        self._settings = settings
        self._cards = cards

    def refusal(self) -> Refused | None:
        """IMPOSSIBLE_REQUEST for a request with an image, where nothing is installed that could run it."""
        if self._found() is not None:
            return None
        told = containers.lacking(self._settings.container)
        return Refused(
            "IMPOSSIBLE_REQUEST",
            f"This host cannot run a container image: {told}, or leave image out.",
            [{"field": "image", "message": told}],
        )

    def refusal_on_cluster(self) -> Refused | None:
        """The same of the cluster, as far as the settings tell it."""
        if self._on_cluster() is not None:
            return None
        told = f"{ON_CLUSTER}; or leave image out"
        return Refused("IMPOSSIBLE_REQUEST", f"{told[0].upper()}{told[1:]}.", [{"field": "image", "message": told}])

    async def around(self, launch: Launch, fields: JobFields, person: Person) -> Launch:
        """The launch in its container; as it is where it needs none. Raises CannotLaunch, ValueError."""
        if fields.image is None or launch.adopt is not None:
            return launch
        on_cluster = launch.lease.place == CLUSTER
        runtime = self._on_cluster() if on_cluster else self._found()
        if runtime is None:
            why = ON_CLUSTER if on_cluster else containers.lacking(self._settings.container)
            raise CannotLaunch(f"the job needs its image {fields.image}, and {why}")
        try:
            ids = await asyncio.to_thread(containers.whose, launch.user)
        except KeyError as error:
            raise CannotLaunch(f"the Unix user {launch.user} is gone: an admin links the account to another") from error
        terms = containers.Terms(
            image=fields.image,
            own=fields.environment,
            person=person,
            ids=ids,
            cards=self._cards or on_cluster,
            cores=launch.lease.key.shape.cpu_cores,
            tasks=self._settings.tasks_max,
        )
        return containers.contained(launch, runtime, terms)

    def _on_cluster(self) -> containers.Runtime | None:
        """What its nodes have, where their PATH has it: nothing there takes away what podman or docker leave behind."""
        if self._settings.container not in {"auto", "apptainer"}:
            return None
        return containers.Runtime(kind="apptainer", program="apptainer")

    def _found(self) -> containers.Runtime | None:
        return containers.find(self._settings.container, os.environ.get("PATH") or DEFAULT_PATH)
