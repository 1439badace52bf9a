"""A real engine on a temporary socket and state directory, people to talk to it, and a bounded wait.

`engine` is started; `launch` starts others on other settings. Nothing may be left running after a test.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from tests.e2e import template
from tests.gpu.scripted import ScriptedDriver

T = TypeVar("T")
PATIENCE_S = 40.0
AT_START = ("PYTHONASYNCIO", "RCQ_SCRIPTED_EUID", "TEST_CLOCK")
"""Settings of the environment that only a Python which has just started takes in, by its own or a `sitecustomize`."""
PASSWORD = "correct horse"
SETTINGS = """
[scheduling]
cpu_cores = 8
memory_mb = 8000
[gpu]
provider = "simulated"
[[gpu.simulated]]
count = 2
[auth]
bcrypt_rounds = 4
peer = false
lockout_failures = 3
[executor]
grace_s = 1.0
"""


def until(condition: Callable[[], T]) -> T:
    """The condition's first true answer; the test fails if none comes in time."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return answer


class Person:
    """Somebody who talks to an engine."""

    def __init__(self, socket: Path, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(socket), verify=False),
            base_url="http://rcq",
            headers=headers,
            timeout=20.0,
        )

    def ask(self, method: str, path: str, **values: Any) -> httpx.Response:
        return self.http.request(method, path, **values)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.ask("POST", path, json=body) if body is not None else self.ask("POST", path)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def refusal(self, method: str, path: str, **values: Any) -> str:
        """The code of a request that is refused."""
        answer = self.ask(method, path, **values)
        assert answer.status_code >= 400, answer.text
        return str(answer.json()["error"]["code"])

    def submit(self, *command: str, **fields: Any) -> int:
        return int(self.post("/v1/jobs", {"command": list(command), **fields})["id"])

    def script(self, text: str, **fields: Any) -> int:
        return int(self.post("/v1/jobs", {"script": text, **fields})["id"])

    def job(self, number: int) -> dict[str, Any]:
        return dict(self.get(f"/v1/jobs/{number}"))

    def wait_for(self, number: int, *states: str) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            job = self.job(number)
            return job if job["state"] in states else None

        return until(there)

    def ended(self, number: int) -> dict[str, Any]:
        return self.wait_for(number, "completed", "failed", "cancelled")

    def log(self, number: int, stream: str = "stdout") -> str:
        return str(self.get(f"/v1/jobs/{number}/log", stream=stream, offset=0, limit=100_000)["text"])


class Engine:
    """One state directory and the engine processes that work on it, one after the other. program: what is run."""

    program: tuple[str, ...] = ("engine.daemon",)

    def __init__(self, root: Path, settings: str = SETTINGS, environment: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.environment = {**os.environ, **(environment or {})}
        self.state = root / "state"
        self.socket = root / "rcq.sock"
        self.config = root / "rcq.toml"
        self.config.write_text(settings)
        self._own_start = any(name.startswith(AT_START) for name in environment or {})
        self.process: subprocess.Popen[bytes] | template.Process | None = None

    def command(self) -> list[str]:
        return [sys.executable, "-m", *self.program, *self.arguments()]

    def arguments(self) -> list[str]:
        options = ["--config", self.config, "--socket", self.socket, "--state-dir", self.state]
        return [str(one) for one in options]

    def start(self) -> "Engine":
        if not self._own_start:
            program, *first = self.program
            log = str(self.root / "engine.log")
            request = template.Request(program, [*first, *self.arguments()], log, self.environment)
            self.process = template.engine(request)
        else:
            with (self.root / "engine.log").open("ab") as log:
                self.process = subprocess.Popen(
                    self.command(), stderr=log, stdout=log, start_new_session=True, env=self.environment
                )
        until(self.answers)
        return self

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.root / "engine.log").read_text()
        if not self.socket.exists():
            return False
        try:
            with Person(self.socket).http as http:
                return http.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def rcq(self, person: Person, *words: str, code: int = 0) -> str:
        """What the command line prints for that person; it has to end with `code`."""
        token = person.http.headers["Authorization"].removeprefix("Bearer ")
        environment = {**os.environ, "RCQ_SOCKET": str(self.socket), "RCQ_TOKEN": token, "COLUMNS": "160"}
        command = [sys.executable, "-P", "-m", "rcq_tui.cli.main", *words]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == code, ran.stderr
        return ran.stdout

    def log_in(self, name: str, password: str = PASSWORD) -> Person:
        answer = Person(self.socket).post("/v1/login", {"name": name, "password": password})
        return Person(self.socket, answer["token"])

    def admin(self) -> Person:
        """Makes the first account, `root`."""
        new = {"name": "root", "group": "ops", "password": PASSWORD}
        Person(self.socket).post("/v1/accounts", new)
        return self.log_in("root")

    def someone(self, admin: Person, name: str, group: str) -> Person:
        admin.post("/v1/accounts", {"name": name, "group": group, "password": PASSWORD})
        return self.log_in(name)

    def leftovers(self) -> list[int]:
        """Processes that have this directory in their arguments or environment."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                except OSError:
                    continue
                if str(self.root).encode() in text:
                    found.append(int(entry.name))
        return found

    def clean_up(self) -> None:
        """End the engine, then whatever it left, jobs too."""
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGKILL)

        def gone() -> bool:
            left = self.leftovers()
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            return not left

        until(gone)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Starts an engine on a fresh directory: `launch(settings)`. environment: more than this process's own.

    program: another module than the engine's own that runs one, and its first arguments.
    """
    engines: list[Engine] = []

    def start(
        settings: str = SETTINGS, environment: Mapping[str, str] | None = None, program: tuple[str, ...] | None = None
    ) -> Engine:
        root = tmp_path / f"e{len(engines)}"
        root.mkdir()
        engine = Engine(root, settings, environment)
        engine.program = program or engine.program
        engines.append(engine)
        return engine.start()

    yield start
    for engine in engines:
        engine.clean_up()


@pytest.fixture
def driver(tmp_path: Path) -> ScriptedDriver:
    """Two scripted cards: `launch(driver.settings(), environment=driver.environment)` starts an engine on them."""
    return ScriptedDriver(tmp_path / "driver")


@pytest.fixture
def engine(launch: Callable[..., Engine]) -> Engine:
    return launch()


@pytest.fixture
def admin(engine: Engine) -> Person:
    return engine.admin()


def lines(path: Path) -> list[str]:
    """What jobs appended to a file."""
    return path.read_text().splitlines() if path.exists() else []


def events(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Kind and data of server-sent events."""
    kind = ""
    for line in answer.iter_lines():
        if line.startswith("event:"):
            kind = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            yield kind, json.loads(line.removeprefix("data:"))


@pytest.fixture(name="until")
def _until() -> Callable[..., Any]:
    return until


@pytest.fixture(name="lines")
def _lines() -> Callable[[Path], list[str]]:
    return lines


@pytest.fixture(name="events")
def _events() -> Callable[..., Any]:
    return events


@pytest.fixture(name="person")
def _person() -> type[Person]:
    return Person
