"""Who may do what: one table of actions and of the standings that may take them. All permission is asked here.

Pure. docs/security.md shows the same table and a test tries every cell of it through the API. Must not know how an
action is carried out.
"""

from dataclasses import dataclass
from enum import StrEnum

from engine.api.asks import Identity
from engine.core.model import Owner
from engine.protocol.errors import Refused


class Standing(StrEnum):
    """What somebody is to a thing: one may be several. `OTHER` is anybody who is logged in."""

    NOBODY = "nobody"
    NEWCOMER = "newcomer"
    OWNER = "owner"
    MANAGER = "manager"
    OTHER = "other"
    ADMIN = "admin"


class Action(StrEnum):
    """What can be asked for."""

    HEALTH = "health"
    LOG_IN = "log in"
    BE_SOMEBODY = "whoami, password, logout"
    LOOK = "see cards, stats, plan, own usage"
    SUBMIT = "submit jobs"
    SUBMIT_TO_ANY_GROUP = "submit to another group"
    LIST_JOBS = "list jobs"
    SEE_JOB = "see a job, why it waits"
    SEE_SECRETS = "see a job's environment and script"
    READ_FILES = "read a job's log and results"
    CONTROL_JOB = "cancel, hold, release, requeue a job"
    CHANGE_TERMS = "change a job's priority and limits"
    CHANGE_JOB = "change what a job runs"
    REDO_JOB = "run a job again as a new one"
    STAGE_FILES = "stage files of one's own"
    REMOVE_UPLOAD = "remove a staged file"
    ADOPT = "adopt a process"
    SEE_COMMANDS = "see strangers' whole command lines"
    STEER_CARDS = "drain and resume cards"
    BOOK = "book cards"
    BOOK_WITHOUT_LIMITS = "book without limits"
    UNBOOK = "take a booking back"
    SEE_ALL_USAGE = "see other groups' usage"
    SEE_ENGINE = "see the engine's passes, database and timers"
    SEE_ALL_PEOPLE = "see other accounts and groups"
    CHANGE_PEOPLE = "make and change accounts, groups, services"
    MAKE_TOKENS = "make API tokens of one's own"
    SEE_ALL_TOKENS = "see others' sessions and API tokens"
    REVOKE_TOKENS = "revoke a session or an API token"
    CHOOSE_NOTIFY = "choose and try one's notifications"
    SEE_NOTIFY = "see and switch off an account's notifications"
    READ_AUDIT = "read what one did, or what is about one, in the audit log"
    READ_ALL_AUDIT = "read all of the audit log, check its chain"
    SEE_ALL_JOBS = "see everything of others' jobs in lists"


EVERYBODY = frozenset(Standing)
KNOWN = EVERYBODY - {Standing.NOBODY}
LOGGED_IN = KNOWN - {Standing.NEWCOMER}
ADMINS = frozenset({Standing.ADMIN})
OWNERS = frozenset({Standing.OWNER})
OWNERS_AND_ADMINS = OWNERS | ADMINS
MANAGERS_TOO = OWNERS_AND_ADMINS | {Standing.MANAGER}


@dataclass(slots=True, frozen=True, kw_only=True)
class Rule:
    """Who may take an action. told: what the others are answered. routes: where the API offers it."""

    may: frozenset[Standing]
    told: str = "Only admins may do that. Ask one of them."
    routes: tuple[str, ...] = ()


_YOURS = "That is for its owner and for admins."
_OWN_WORK = "That is for its owner alone: it would run as them."
_LOG_IN = "Log in first: rcq login NAME."

TABLE: dict[Action, Rule] = {
    Action.HEALTH: Rule(may=EVERYBODY, routes=("GET /healthz", "GET /openapi.json")),
    Action.LOG_IN: Rule(may=EVERYBODY, routes=("POST /v1/login",)),
    Action.BE_SOMEBODY: Rule(may=KNOWN, told=_LOG_IN, routes=("GET /v1/me", "POST /v1/password", "POST /v1/logout")),
    Action.LOOK: Rule(
        may=LOGGED_IN,
        told=_LOG_IN,
        routes=(
            "GET /v1/gpus",
            "GET /v1/nodes",
            "GET /v1/stats",
            "GET /v1/plan",
            "GET /v1/events",
            "GET /v1/reservations",
            "GET /v1/services",
            "GET /v1/usage",
            "GET /v1/usage/days",
            "GET /v1/usage/span",
            "GET /v1/accounts",
            "GET /v1/groups",
            "GET /metrics",
        ),
    ),
    Action.SUBMIT: Rule(
        may=LOGGED_IN, told=_LOG_IN, routes=("POST /v1/jobs", "POST /v1/jobs/batch", "POST /v1/ingest")
    ),
    Action.SUBMIT_TO_ANY_GROUP: Rule(may=ADMINS, routes=("POST /v1/jobs",)),
    Action.LIST_JOBS: Rule(may=LOGGED_IN, told=_LOG_IN, routes=("GET /v1/jobs",)),
    Action.SEE_JOB: Rule(
        may=MANAGERS_TOO, told=_YOURS, routes=("GET /v1/jobs/{id}", "GET /v1/jobs/{id}/why", "GET /v1/jobs/{id}/series")
    ),
    Action.SEE_SECRETS: Rule(
        may=OWNERS_AND_ADMINS, told=_YOURS, routes=("GET /v1/jobs/{id}", "GET /v1/jobs/{id}/diff")
    ),
    Action.READ_FILES: Rule(
        may=OWNERS_AND_ADMINS, told=_YOURS, routes=("GET /v1/jobs/{id}/log", "GET /v1/jobs/{id}/results")
    ),
    Action.CONTROL_JOB: Rule(
        may=MANAGERS_TOO,
        told=_YOURS,
        routes=(
            "DELETE /v1/jobs/{id}",
            "POST /v1/jobs/{id}/hold",
            "POST /v1/jobs/{id}/release",
            "POST /v1/jobs/{id}/requeue",
        ),
    ),
    Action.CHANGE_TERMS: Rule(may=MANAGERS_TOO, told=_YOURS, routes=("PATCH /v1/jobs/{id}",)),
    Action.CHANGE_JOB: Rule(
        may=OWNERS_AND_ADMINS,
        told="What a job runs is for its owner and for admins; a manager changes its terms alone.",
        routes=("PATCH /v1/jobs/{id}",),
    ),
    Action.REDO_JOB: Rule(may=OWNERS, told=_OWN_WORK, routes=("POST /v1/jobs/{id}/redo",)),
    Action.STAGE_FILES: Rule(may=LOGGED_IN, told=_LOG_IN, routes=("POST /v1/uploads", "GET /v1/uploads")),
    Action.REMOVE_UPLOAD: Rule(may=OWNERS, told=_OWN_WORK, routes=("DELETE /v1/uploads/{id}",)),
    Action.ADOPT: Rule(may=OWNERS_AND_ADMINS, told=_YOURS, routes=("POST /v1/adopt",)),
    Action.SEE_COMMANDS: Rule(may=OWNERS_AND_ADMINS, routes=("GET /v1/gpus",)),
    Action.STEER_CARDS: Rule(may=ADMINS, routes=("POST /v1/gpus/{uuid}/drain", "POST /v1/gpus/{uuid}/resume")),
    Action.BOOK: Rule(may=LOGGED_IN, told=_LOG_IN, routes=("POST /v1/reservations",)),
    Action.BOOK_WITHOUT_LIMITS: Rule(may=ADMINS, routes=("POST /v1/reservations",)),
    Action.UNBOOK: Rule(may=OWNERS_AND_ADMINS, told=_YOURS, routes=("DELETE /v1/reservations/{id}",)),
    Action.SEE_ALL_USAGE: Rule(
        may=ADMINS, routes=("GET /v1/usage", "GET /v1/usage/days", "GET /v1/usage/span", "GET /metrics")
    ),
    Action.SEE_ENGINE: Rule(may=ADMINS, routes=("GET /v1/passes", "GET /v1/engine", "GET /metrics")),
    Action.SEE_ALL_PEOPLE: Rule(may=ADMINS, routes=("GET /v1/accounts", "GET /v1/groups")),
    Action.CHANGE_PEOPLE: Rule(
        may=ADMINS,
        routes=(
            "POST /v1/accounts",
            "PATCH /v1/accounts/{name}",
            "POST /v1/groups",
            "PATCH /v1/groups/{name}",
            "DELETE /v1/groups/{name}",
            "PUT /v1/services/{name}",
        ),
    ),
    Action.MAKE_TOKENS: Rule(may=LOGGED_IN, told=_LOG_IN, routes=("POST /v1/tokens", "GET /v1/tokens")),
    Action.SEE_ALL_TOKENS: Rule(may=ADMINS, routes=("GET /v1/tokens",)),
    Action.REVOKE_TOKENS: Rule(may=OWNERS_AND_ADMINS, told=_YOURS, routes=("DELETE /v1/tokens/{id}",)),
    Action.CHOOSE_NOTIFY: Rule(
        may=LOGGED_IN, told=_LOG_IN, routes=("GET /v1/notify", "PUT /v1/notify", "POST /v1/notify/test")
    ),
    Action.SEE_NOTIFY: Rule(
        may=OWNERS_AND_ADMINS, told=_YOURS, routes=("GET /v1/notify/{account}", "DELETE /v1/notify/{account}")
    ),
    Action.READ_AUDIT: Rule(may=LOGGED_IN, told=_LOG_IN, routes=("GET /v1/audit",)),
    Action.READ_ALL_AUDIT: Rule(may=ADMINS, routes=("GET /v1/audit", "GET /v1/audit/chain")),
    Action.SEE_ALL_JOBS: Rule(may=MANAGERS_TOO, told=_YOURS, routes=("GET /v1/jobs", "GET /v1/gpus", "GET /v1/plan")),
}
"""Every action with who may take it. What others see of a job in a list besides, `privacy.others` says."""

TERMS = frozenset({"priority", "preemptible", "time_limit_s", "begin", "retries", "idle_ok", "anywhere"})
"""Fields of a job that say when and how long it runs, not what: a group's manager may change these."""


def standings(who: Identity | None, owner: Owner | None = None) -> frozenset[Standing]:
    """What `who` is to a thing of `owner`, or in general."""
    if who is None:
        return frozenset({Standing.NOBODY})
    if who.must_change_password:
        return frozenset({Standing.NEWCOMER})
    found = {Standing.OTHER}
    if who.role == "admin":
        found.add(Standing.ADMIN)
    if owner is not None and owner.account == who.account:
        found.add(Standing.OWNER)
    if owner is not None and who.manages_group and owner.group == who.group:
        found.add(Standing.MANAGER)
    return frozenset(found)


def may(who: Identity | None, action: Action, owner: Owner | None = None) -> bool:
    """Whether `who` may take the action, on a thing of `owner` where it is about one."""
    return not TABLE[action].may.isdisjoint(standings(who, owner))


def require(who: Identity | None, action: Action, owner: Owner | None = None) -> None:
    """Raises Refused: UNAUTHENTICATED for nobody, FORBIDDEN for who may not."""
    if may(who, action, owner):
        return
    if who is None:
        raise Refused("UNAUTHENTICATED", _LOG_IN)
    raise Refused("FORBIDDEN", TABLE[action].told)
