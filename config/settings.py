"""Every setting, typed and grouped, with its unit, default and reason.

Must not know who uses a setting. `rcq.toml` beside this file shows the same keys with the same defaults; a test
holds the two against each other.
"""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Celsius = Annotated[float, Field(ge=0, le=150)]
Seconds = Annotated[float, Field(gt=0)]
FilePath = Annotated[Path, Field(strict=False)]  # TOML has no paths: a text is one


class _Group(BaseModel):
    # TOML has types: a text is no number, true is no 1. inf and nan are TOML, but no setting.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class EngineSettings(_Group):
    """[engine]"""

    state_dir: FilePath | None = Field(None, description="Where the database and the job files are; unset: by mode.")
    socket: FilePath | None = Field(None, description="The Unix socket that people talk to; unset: by mode.")
    pass_interval_s: Seconds = Field(5.0, description="A pass at least this often; events wake one at once.")
    sample_interval_s: Seconds = Field(1.0, description="How often the cards are read.")
    stall_after_s: Seconds = Field(60.0, description="No pass for so long: /healthz says stalled.")


class SchedulingSettings(_Group):
    """[scheduling]"""

    policy: Literal["fair-share", "aging"] = Field("fair-share", description="Order of pending jobs.")
    half_life_days: float = Field(7.0, gt=0, description="Recorded usage counts half after so many days.")
    shortness: float = Field(0.5, ge=0, le=4, description="How much sooner short jobs come in fair-share; 0: not.")
    estimates: bool = Field(True, description="Run times are expected by earlier runs, not by time limits alone.")
    estimate_quantile: float = Field(0.5, ge=0, le=1, description="Of earlier run times, which is expected.")
    starvation_bound_h: float = Field(24.0, gt=0, description="Hours after which a waiting job goes to the head.")
    starvation_stretch_h: float = Field(144.0, ge=0, description="So much later at most where the queue is long.")
    reservations: int = Field(8, ge=1, le=64, description="Jobs that are promised a future start in one pass.")
    promises: Literal["both", "limits", "estimates"] = Field("both", description="What promised starts rest on.")
    promise_window_h: float = Field(24.0, gt=0, description="A start is promised at most so far ahead.")
    forecast_h: float = Field(72.0, gt=0, le=24 * 90, description="How far ahead other starts are foreseen.")
    forecast_passes: int = Field(300, ge=1, le=10_000, description="Passes that one forecast may cost.")
    default_time_limit_s: int = Field(86_400, ge=1, description="For jobs that give none.")
    max_time_limit_s: int = Field(30 * 86_400, ge=1, description="Longer requests are refused.")
    max_array: int = Field(100_000, ge=1, le=1_000_000, description="Elements of one job array; more are refused.")
    preemption: bool = Field(True, description="Preemptible jobs may be stopped for others.")
    preemption_min_run_s: float = Field(600.0, ge=0, description="Nobody is stopped before having run so long.")
    preemption_priority_gap: int = Field(3, ge=1, le=20, description="So much higher must the other's priority be.")
    retry_time_limit: bool = Field(False, description="What its time limit ended is tried again, too.")
    cpu_cores: int | None = Field(None, ge=1, description="Cores for jobs; unset: all the host has.")
    memory_mb: int | None = Field(None, ge=1, description="MiB of host memory for jobs; unset: 95 % of it.")
    reserve_max_h: float = Field(12.0, ge=0, description="Longest booking of a user; 0: users may not book.")
    reserve_ahead_days: float = Field(14.0, gt=0, description="A user's booking starts at most so far ahead.")
    reserve_gpus: int = Field(2, ge=1, description="Cards that a user may have booked at once.")

    @model_validator(mode="after")
    def _default_within_max(self) -> "SchedulingSettings":
        if self.default_time_limit_s > self.max_time_limit_s:
            raise ValueError("default_time_limit_s must not be above max_time_limit_s")
        return self


class ThermalSettings(_Group):
    """[thermal]"""

    threshold_c: Celsius = Field(75.0, description="No start on a card at or above this.")
    resume_c: Celsius = Field(70.0, description="A hot card comes back below this.")
    margin_c: float = Field(5.0, ge=0, description="Cards that tell margins: hot with no more left than this.")
    neighbour: float = Field(0.2, ge=0, le=1, description="Weight of neighbours' heat when a card is chosen.")
    critical_c: Celsius = Field(90.0, description="At or above it the job on the card is acted on.")
    critical_action: Literal["warn", "pause", "preempt"] = Field("warn", description="What is done to it.")
    power_cap: bool = Field(False, description="Hot cards at work get a lower power limit until they are cool.")
    power_cap_share: float = Field(0.7, ge=0.3, le=1, description="That limit, as a part of the card's own.")

    @model_validator(mode="after")
    def _in_order(self) -> "ThermalSettings":
        if self.resume_c > self.threshold_c:
            raise ValueError("resume_c must not be above threshold_c")
        if self.critical_c < self.threshold_c:
            raise ValueError("critical_c must not be below threshold_c")
        return self


class PowerSettings(_Group):
    """[power]"""

    budget_w: float | None = Field(None, gt=0, description="All cards together may draw so much; unset: no bound.")
    idle_w: float = Field(25.0, ge=0, description="What a card without a job is taken to draw.")


class SimulatedCard(_Group):
    """[[gpu.simulated]]: `count` equal cards with a first-order thermal model."""

    count: int = Field(1, ge=1, le=64, description="How many.")
    model: str = Field("NVIDIA RTX A6000", description="Model name, as the driver would tell it.")
    memory_mb: int = Field(49_140, ge=1, description="MiB.")
    idle_w: float = Field(22.0, ge=0, description="Power at rest, watts.")
    limit_w: float = Field(300.0, gt=0, description="Power at full load, watts.")
    ambient_c: Celsius = Field(25.0, description="Air around it.")
    kelvin_per_watt: float = Field(0.18, gt=0, description="Steady temperature over ambient, per watt.")
    coupling: float = Field(0.0, ge=0, le=1, description="Kelvin per watt of the card in the next slot.")
    time_constant_s: Seconds = Field(20.0, description="Of the approach to the steady temperature.")
    start_c: Celsius | None = Field(None, description="Temperature at start; unset: that of rest.")
    load: float = Field(0.9, ge=0, le=1, description="Of a job that does not tell its own (tag `sim_load`).")
    target_c: Celsius = Field(84.0, description="From there on heat takes power from the card.")
    slowdown_c: Celsius = Field(95.0, description="At or above it half of its power and speed are left.")

    @model_validator(mode="after")
    def _in_order(self) -> "SimulatedCard":
        if self.idle_w > self.limit_w:
            raise ValueError("idle_w must not be above limit_w")
        if self.target_c > self.slowdown_c:
            raise ValueError("target_c must not be above slowdown_c")
        return self


class GpuSettings(_Group):
    """[gpu]"""

    provider: Literal["auto", "nvml", "simulated", "none"] = Field("auto", description="Where readings come from.")
    read_timeout_s: float = Field(
        10.0, gt=0, le=3600, description="A driver call that takes longer hangs: its card is left alone."
    )
    tolerated_foreign_mb: int = Field(500, ge=0, description="MiB of strangers' processes on a card to ignore.")
    foreign: Literal["ignore", "avoid", "warn", "charge"] = Field(
        "avoid", description="What is done about processes that rcq did not start."
    )
    fault_action: Literal["requeue", "fail", "leave"] = Field(
        "requeue", description="What becomes of jobs on a card that is quarantined."
    )
    leak_s: Seconds = Field(60.0, description="Memory of nobody on an idle card for so long: it is quarantined.")
    canary: bool = Field(True, description="A quarantined card has to pass a short test before it comes back.")
    canary_after_s: Seconds = Field(30.0, description="A card that heals by itself is tested after so long.")
    idle_minutes: float = Field(30.0, ge=0, description="A job that uses none of its cards so long is told; 0: never.")
    idle_utilization: float = Field(0.05, ge=0, le=1, description="A card under this load is not in use.")
    idle_action: Literal["warn", "preempt"] = Field("warn", description="What is done about such a job.")
    oom_retry: Literal["off", "larger", "alone"] = Field(
        "larger", description="How a job that ran out of GPU memory is tried again."
    )
    oom_retries: int = Field(1, ge=0, le=10, description="So many times, beside the job's own retries.")
    over_declared: Literal["warn", "stop"] = Field(
        "warn", description="What is done about a sharer that uses more GPU memory than it asked for."
    )
    simulated: Annotated[tuple[SimulatedCard, ...], Field(strict=False)] = Field(
        (), description="The cards of the simulated provider."
    )


class QuotaSettings(_Group):
    """[quota]: limits of accounts that have no quota of their own."""

    account_gpus: int | None = Field(None, ge=0, description="GPUs held at once.")
    account_gpu_memory_mb: int | None = Field(None, ge=0, description="MiB of GPU memory held at once.")
    account_cpu_cores: int | None = Field(None, ge=0, description="Cores held at once.")
    account_memory_mb: int | None = Field(None, ge=0, description="MiB of host memory held at once.")
    account_jobs: int | None = Field(None, ge=0, description="Jobs running at once.")
    account_gpu_hours: float | None = Field(None, ge=0, description="GPU-hours in a calendar month.")
    account_queued: int | None = Field(None, ge=0, description="Jobs waiting at once.")
    submissions_per_minute: int | None = Field(None, ge=0, description="Jobs submitted in a minute.")
    ingest_per_minute: int | None = Field(None, ge=0, description="Lines of files and batches taken in in a minute.")
    account_staged_mb: int | None = Field(None, ge=0, description="MiB of staged files that are kept.")


class AuthSettings(_Group):
    """[auth]"""

    peer: bool = Field(True, description="An account's linked Unix user gets in without a password.")
    root: str | None = Field(None, description="The account that root on the socket is; unset: as anybody else.")
    group_managers: bool = Field(False, description="Accounts made managers may manage their group's jobs.")
    session_days: float = Field(7.0, gt=0, le=30, description="A session ends after so many days.")
    sessions_per_account: int = Field(1, ge=1, le=100, description="A further log-in ends the oldest.")
    bcrypt_rounds: int = Field(12, ge=4, le=16, description="Cost of a password hash, as a power of two.")
    token_days: float = Field(30.0, gt=0, le=30, description="An API token ends after so many days at most.")
    tokens_per_account: int = Field(20, ge=0, le=1000, description="API tokens at once; 0: none.")
    lockout_failures: int = Field(5, ge=1, description="Wrong passwords in a row that lock a name for a Unix user.")
    lockout_s: Seconds = Field(60.0, description="For so long; each further time twice as long.")
    lockout_max_s: Seconds = Field(3600.0, description="But not longer; after so long without one it begins anew.")

    @model_validator(mode="after")
    def _first_within_longest(self) -> "AuthSettings":
        if self.lockout_s > self.lockout_max_s:
            raise ValueError("lockout_s must not be above lockout_max_s")
        return self


class ExecutorSettings(_Group):
    """[executor]"""

    kind: Literal["auto", "process", "systemd", "slurm"] = Field(
        "auto", description="What runs the jobs; auto: by mode."
    )
    overflow: Literal["none", "slurm"] = Field(
        "none", description="Where jobs go that may run anywhere and that find no room here."
    )
    grace_s: float = Field(30.0, ge=0, description="Between SIGTERM and SIGKILL.")
    warn_before_s: float = Field(120.0, ge=0, description="SIGUSR1 so long before the time limit.")
    pin_cores: bool = Field(False, description="Jobs are kept on CPU cores of their own, near their GPUs.")
    disk_reserve_mb: int = Field(1024, ge=0, description="MiB of disk that staged files leave free.")
    tasks_max: int = Field(16_384, ge=16, description="Processes and threads of one job, by systemd or docker.")
    container: Literal["auto", "apptainer", "podman", "docker"] = Field(
        "auto", description="What runs container images; auto: the first of these that is installed."
    )

    @model_validator(mode="after")
    def _one_cluster(self) -> "ExecutorSettings":
        if self.kind == "slurm" and self.overflow != "none":
            raise ValueError('overflow is for another kind than "slurm": there everything goes to the cluster anyway')
        return self


class SlurmCard(_Group):
    """[slurm.cards.TYPE]: what Slurm does not know of its GPUs of that type."""

    model: str = Field("", max_length=100, description="Model name; empty: the type itself.")
    memory_mb: int = Field(0, ge=0, description="MiB of each; 0: unknown, and no job that asks for GPU memory fits.")


SlurmName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@][A-Za-z0-9_.@,-]*$")]
SbatchOption = Annotated[str, Field(pattern=r"^--[a-z][a-z-]*(=[^\x00\n]*)?$")]
_RCQS_OWN = frozenset(
    {"array", "begin", "chdir", "comment", "dependency", "error", "export", "hold", "input", "job-name", "no-requeue"}
    | {"open-mode", "output", "parsable", "requeue", "time", "uid", "gid", "wait", "wrap", "nodes", "ntasks"}
    | {"account", "partition", "qos", "clusters"}
)
"""Options of sbatch that rcq gives itself, or that would change what a submission means."""


class SlurmSettings(_Group):
    """[slurm]: the cluster, where executor.kind or executor.overflow says so."""

    partition: SlurmName | None = Field(None, description="Partitions that jobs go to; unset: Slurm's default.")
    account: SlurmName | None = Field(None, description="Slurm's account that is charged; unset: each user's default.")
    qos: SlurmName | None = Field(None, description="Quality of service; unset: Slurm's default.")
    extra: list[SbatchOption] = Field([], description="Further options of sbatch.")
    ahead: int = Field(5, ge=1, le=1000, description="Released jobs that may wait in Slurm's queue at once.")
    after_min: float = Field(30.0, ge=0, description="So long a job finds no room here before it overflows.")
    poll_s: Seconds = Field(1.0, description="How often Slurm is asked what became of jobs.")
    timeout_s: Seconds = Field(20.0, description="A command of Slurm's that takes longer is ended.")
    bin_dir: FilePath | None = Field(None, description="Where Slurm's commands are; unset: on PATH.")
    cards: dict[str, SlurmCard] = Field({}, description="What Slurm does not know of GPUs, by their type.")

    @model_validator(mode="after")
    def _leaves_rcq_its_own(self) -> "SlurmSettings":
        for option in self.extra:
            name = option.removeprefix("--").partition("=")[0]
            if name in _RCQS_OWN:
                raise ValueError(f"extra must not have --{name}: rcq decides that itself, or has a setting for it")
        return self


class ApiSettings(_Group):
    """[api]: how long callers are waited for, and how much they may have at once."""

    head_timeout_s: Seconds = Field(10.0, description="In which a request's whole head must come.")
    body_timeout_s: Seconds = Field(30.0, description="Then its whole body, but for ingested and staged files.")
    stream_idle_s: Seconds = Field(86_400.0, description="Silence within an ingested or staged file.")
    write_timeout_s: Seconds = Field(60.0, description="For which an answer may be left unread.")
    request_timeout_s: Seconds = Field(60.0, description="In which a request must begin to be answered.")
    connections: int = Field(8192, ge=16, description="Open at once, and requests under way.")
    connections_per_user: int = Field(2048, ge=4, description="Of one Unix user.")
    event_streams: int = Field(512, ge=1, description="Followed at once.")
    event_streams_per_account: int = Field(32, ge=1, description="By one account.")
    uploads_per_account: int = Field(8, ge=1, description="Ingested and staged files of one account on their way.")


class IngestSettings(_Group):
    """[ingest]"""

    max_line_bytes: int = Field(1_048_576, ge=1024, description="A longer line is that line's TOO_LARGE.")
    max_body_bytes: int = Field(8_388_608, ge=1024, description="Of any other request.")
    batch_lines: int = Field(1000, ge=1, le=100_000, description="Lines that share a commit.")


class RetentionSettings(_Group):
    """[retention]"""

    decisions_mb: int = Field(64, ge=0, description="MiB of records in the decision log, the youngest; 0: no log.")
    decisions_days: float = Field(30.0, gt=0, description="Older records are dropped.")
    backups: int = Field(7, ge=0, le=3650, description="Daily backups of the database that are kept; 0: none is made.")
    backup_hour: int = Field(3, ge=0, le=23, description="From this hour of the day on (local time) one is due.")
    backup_dir: FilePath | None = Field(None, description="Where they are; unset: `backups` beside the database.")
    job_files_days: float = Field(30.0, ge=0, description="Days after its end, a job's files go; 0: never for age.")
    job_files_after_download_h: float = Field(
        48.0, ge=0, description="Hours after its results were fetched, they go; 0: not for that."
    )
    uploads_h: float = Field(24.0, gt=0, description="Hours after which an upload goes that no job is given.")
    results_mb: int = Field(102_400, ge=1, description="MiB of files in one download of results, at most.")
    results_files: int = Field(100_000, ge=1, description="Files and directories in one download, at most.")
    results_at_once: int = Field(4, ge=1, le=64, description="Downloads of results under way at once.")


_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
HostEntry = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]+$")]


class NotifySettings(_Group):
    """[notify]"""

    summary_s: float = Field(60.0, ge=0, description="An account gets a message at most so often; one sums up.")
    per_hour: int = Field(20, ge=1, le=1000, description="Messages to one account in an hour.")
    max_age_h: float = Field(24.0, gt=0, le=24 * 30, description="A message that cannot be sent is tried so long.")
    mail: Literal["off", "sendmail", "smtp"] = Field("off", description="How mail is sent.")
    mail_from: str | None = Field(None, max_length=254, description="Sender of mail; unset: rcq at the host's name.")
    mail_domains: list[str] = Field([], description="Mail goes to these domains alone; empty: to any.")
    sendmail: str = Field("/usr/sbin/sendmail", description="The program that takes mail.")
    smtp_host: str = Field("localhost", min_length=1, description="The server that takes mail.")
    smtp_port: int = Field(25, ge=1, le=65_535, description="Its port.")
    smtp_security: Literal["none", "starttls", "tls"] = Field("none", description="Encryption on the way to it.")
    smtp_user: str | None = Field(None, description="Log in there as; unset: without a log-in.")
    smtp_password_file: FilePath | None = Field(None, description="File with that user's password, nothing else.")
    webhook_hosts: list[HostEntry] = Field([], description="Hosts whose webhooks may be called; empty: no webhooks.")
    command: list[str] = Field([], description="Program and arguments that get each message; empty: none.")
    command_timeout_s: float = Field(30.0, gt=0, le=600, description="It is ended after so long.")

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> "NotifySettings":
        if (self.smtp_user is None) != (self.smtp_password_file is None):
            raise ValueError("smtp_user and smtp_password_file belong together")
        if self.smtp_user is not None and self.smtp_security == "none" and self.smtp_host not in _HERE:
            raise ValueError("a password does not leave this machine in the clear: set smtp_security")
        return self


class MetricsSettings(_Group):
    """[metrics]: figures for Prometheus and for dcgm-exporter."""

    listen: str | None = Field(None, description="ADDRESS:PORT where Prometheus reads them, or a path.")
    beyond_loopback: bool = Field(False, description="The address may be another than a loopback one.")
    token_file: FilePath | None = Field(None, description="Who reads there must bear the token in this file.")
    groups: bool = Field(False, description="Readers there see each group, not sums alone.")
    accounts: bool = Field(False, description="There are figures of each account, too.")
    job_mapping_dir: FilePath | None = Field(None, description="Which jobs are on which card, for dcgm-exporter.")

    @property
    def place(self) -> tuple[str, int] | Path | None:
        """Address and port of `listen`, or the path of a socket."""
        if self.listen is None:
            return None
        if self.listen.startswith("/"):
            return Path(self.listen)
        host, _, port = self.listen.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)

    @model_validator(mode="after")
    def _near_or_guarded(self) -> "MetricsSettings":
        if self.listen is None or self.listen.startswith("/"):
            return self
        host, _, port = self.listen.rpartition(":")
        if not re.fullmatch("[0-9]{1,5}", port, re.ASCII) or not 0 < int(port) < 65_536:
            raise ValueError(
                'listen is an address and a port ("127.0.0.1:9838", "[::1]:9838"), or the path of a socket'
            )
        try:
            near = ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
        except ValueError as error:
            raise ValueError(f"listen wants an address, not {host!r}: a name may lead anywhere") from error
        if not near and not self.beyond_loopback:
            raise ValueError(f"{host} is no loopback address: others could read from afar; set beyond_loopback")
        if not near and self.token_file is None:
            raise ValueError("beyond_loopback needs a token_file")
        return self


class PrivacySettings(_Group):
    """[privacy]"""

    others: Literal["hidden", "redacted", "visible"] = Field(
        "redacted", description="What one sees of other people's jobs."
    )


class Settings(_Group):
    """All groups of `rcq.toml`."""

    engine: EngineSettings = EngineSettings()
    scheduling: SchedulingSettings = SchedulingSettings()
    thermal: ThermalSettings = ThermalSettings()
    power: PowerSettings = PowerSettings()
    gpu: GpuSettings = GpuSettings()
    quota: QuotaSettings = QuotaSettings()
    auth: AuthSettings = AuthSettings()
    executor: ExecutorSettings = ExecutorSettings()
    slurm: SlurmSettings = SlurmSettings()
    api: ApiSettings = ApiSettings()
    ingest: IngestSettings = IngestSettings()
    retention: RetentionSettings = RetentionSettings()
    notify: NotifySettings = NotifySettings()
    metrics: MetricsSettings = MetricsSettings()
    privacy: PrivacySettings = PrivacySettings()
