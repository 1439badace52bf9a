"""Forms about accounts, groups, services, tokens and notifications: what they ask, and answers to what is sent.

Pure. Must not know widgets or the engine.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.protocol.people import AccountView, GroupView, QuotaView, ServiceView
from rcq_tui.tui.form.questions import SECRET, TICK, TICKED, Question
from rcq_tui.viewmodel.units import amount, mebibytes, whole

Texts = Mapping[str, str]
Asked = dict[str, Any]
Read = tuple[Asked, dict[str, str]]


def _q(field: str, label: str, hint: str = "", **what: str) -> Question:
    return Question(field=field, label=label, hint=hint, **what)  # type: ignore[arg-type]


LIMITS: tuple[Question, ...] = (
    _q("gpus", "GPUs", "held at once; empty: no limit, as below"),
    _q("gpus_by_type", "GPUs by type", "such as a100=2 h100=1"),
    _q("gpu_memory_mb", "GPU memory", "held at once, such as 80G"),
    _q("cpu_cores", "CPU cores", "held at once"),
    _q("memory_mb", "Memory", "of the host, held at once, such as 64G"),
    _q("jobs", "Running jobs", "at once"),
    _q("gpu_hours", "GPU-hours", "in a calendar month (UTC)"),
    _q("queued", "Waiting jobs", "at once"),
    _q("submissions_per_minute", "Submissions", "in a minute"),
    _q("ingest_per_minute", "Ingested jobs", "in a minute"),
    _q("staged_mb", "Staged files", "while they are kept, such as 10G"),
)
STAGED = "staged_mb"

_ROLE = _q("role", "Role", "user or admin", start="user")
_UNIX = _q("unix_user", "Unix user", "who it runs jobs as, and may come in as; empty: none")
_MANAGER = _q("manager", "Manager", "of the group's jobs, where that is on", kind=TICK)
NEW_ACCOUNT: tuple[Question, ...] = (
    _q("name", "Name"),
    _q("group", "Group"),
    _ROLE,
    _UNIX,
    _MANAGER,
    _q("password", "Password", "to be changed at the first log-in; empty: none", kind=SECRET),
)
ACCOUNT: tuple[Question, ...] = (
    _q("group", "Group"),
    _ROLE,
    _UNIX,
    _MANAGER,
    _q("disabled", "Disabled", "may not come in; running jobs run on", kind=TICK),
    _q("password", "New password", "to be changed at the next log-in; empty: as it is", kind=SECRET),
    *LIMITS,
)
_GROUP: tuple[Question, ...] = (
    _q("priority", "Priority", "1 to 10, added to that of its jobs", start="5"),
    _q("share", "Share", "of the box, against the other groups' shares", start="1"),
    _q("guarantee_gpus", "Guaranteed", "cards that are its own whenever it wants", start="0"),
    *LIMITS,
)
NEW_GROUP: tuple[Question, ...] = (_q("name", "Name"), *_GROUP)
GROUP = _GROUP
_SERVICE: tuple[Question, ...] = (
    _q("jobs_per_account", "For each account", "jobs at once; empty: no cap"),
    *(one for one in LIMITS if one.field != STAGED),
)
NEW_SERVICE: tuple[Question, ...] = (_q("name", "Name"), *_SERVICE)
SERVICE = _SERVICE
TOKEN: tuple[Question, ...] = (
    _q("name", "Name", "what it is for"),
    _q("days", "Days", "until it expires; empty: as long as may be"),
    _q("read_only", "Reads only", "it can change nothing", kind=TICK),
)
NOTIFY: tuple[Question, ...] = (
    _q("end", "Jobs end", kind=TICK),
    _q("failed", "Jobs fail", "for good", kind=TICK),
    _q("preempted", "Preemptions", "a job lost its place and waits again", kind=TICK),
    _q("warning", "Warnings", "idle cards, heat, slow starts", kind=TICK),
    _q("min_run_s", "Not under", "seconds that a job has to have run", start="0"),
    _q("mail", "Mail", "to this address; empty: none"),
    _q("webhook", "Webhook", "https://…; empty: none"),
    _q("command", "Command", "the program that the admin has set", kind=TICK),
    _q("terminal", "This screen", "off, bell, message or both", start="off"),
)

# ---------------------------------------------------------------- answers to what is sent


_PASSWORD = NEW_ACCOUNT[-1].field


def new_account(texts: Texts) -> Read:
    """POST /v1/accounts."""
    wrong = _missing(texts, "name", "group")
    asked: Asked = {"name": _t(texts, "name"), "group": _t(texts, "group"), "role": _t(texts, "role") or "user"}
    if unix_user := _t(texts, "unix_user"):
        asked["unix_user"] = unix_user
    if texts.get("manager"):
        asked["manager"] = True
    if password := texts.get("password", ""):
        asked |= {"password": password, "one_time": True}
    elif not unix_user:
        wrong[_PASSWORD] = "without one, only a linked Unix user gets in"
    return asked, wrong


def account_changes(old: AccountView) -> Callable[[Texts], Read]:
    """PATCH /v1/accounts/{name}: what differs."""

    def read(texts: Texts) -> Read:
        asked: Asked = {}
        for field in ("group", "role", "unix_user"):
            text = _t(texts, field)
            if text != (getattr(old, field) or ""):
                asked[field] = text
        for field in ("manager", "disabled"):
            if bool(texts.get(field)) != getattr(old, field):
                asked[field] = bool(texts.get(field))
        if password := texts.get("password", ""):
            asked |= {"password": password, "one_time": True}
        return _with_quota(asked, texts, old.quota)

    return read


def new_group(texts: Texts) -> Read:
    """POST /v1/groups."""
    terms, wrong = _terms(texts)
    quota, wrong_quota = quota_of(texts)
    return {"name": _t(texts, "name"), **terms, "quota": quota}, wrong | wrong_quota | _missing(texts, "name")


def group_changes(old: GroupView) -> Callable[[Texts], Read]:
    """PATCH /v1/groups/{name}: what differs."""

    def read(texts: Texts) -> Read:
        terms, wrong = _terms(texts)
        changed = {field: value for field, value in terms.items() if value != getattr(old, field)}
        asked, wrong_quota = _with_quota(changed, texts, old.quota)
        return asked, wrong | wrong_quota

    return read


def service(texts: Texts) -> Read:
    """PUT /v1/services/{name}; the name, where it is asked, beside the rest."""
    quota, wrong = quota_of(texts)
    each, text = None, _t(texts, "jobs_per_account")
    if text:
        each = _read(whole, "jobs_per_account", text, wrong)
    asked: Asked = {"jobs_per_account": each, "quota": quota}
    if "name" in texts:
        return {"name": _t(texts, "name"), **asked}, wrong | _missing(texts, "name")
    return asked, wrong


def token(texts: Texts) -> Read:
    """What an API token is made of."""
    wrong = _missing(texts, "name")
    days = _read(whole, "days", _t(texts, "days"), wrong) if _t(texts, "days") else None
    return {"name": _t(texts, "name"), "days": days, "read_only": bool(texts.get("read_only"))}, wrong


def notify(texts: Texts) -> Read:
    """PUT /v1/notify: the whole choice."""
    wrong: dict[str, str] = {}
    least = _read(amount, "min_run_s", _t(texts, "min_run_s") or "0", wrong)
    return {
        "on": [event for event in ("end", "failed", "preempted", "warning") if texts.get(event)],
        "min_run_s": least,
        "mail": _t(texts, "mail") or None,
        "webhook": _t(texts, "webhook") or None,
        "command": bool(texts.get("command")),
        "terminal": _t(texts, "terminal") or "off",
    }, wrong


def quota_of(texts: Texts) -> Read:
    """The whole quota that the limits' answers ask for; what is empty is no limit."""
    quota: Asked = {}
    wrong: dict[str, str] = {}
    for question in LIMITS:
        if text := _t(texts, question.field):
            quota[question.field] = _read(_LIMIT.get(question.field, whole), question.field, text, wrong)
    return quota, wrong


# ---------------------------------------------------------------- what stands there at first


def account_texts(one: AccountView) -> dict[str, str]:
    """Answers that say what is."""
    return {
        "group": one.group,
        "role": one.role,
        "unix_user": one.unix_user or "",
        "manager": TICKED if one.manager else "",
        "disabled": TICKED if one.disabled else "",
        **quota_texts(one.quota),
    }


def group_texts(one: GroupView) -> dict[str, str]:
    """Answers that say what is."""
    terms = {"priority": str(one.priority), "share": f"{one.share:g}", "guarantee_gpus": str(one.guarantee_gpus)}
    return {**terms, **quota_texts(one.quota)}


def service_texts(one: ServiceView) -> dict[str, str]:
    """Answers that say what is."""
    each = "" if one.jobs_per_account is None else str(one.jobs_per_account)
    return {"jobs_per_account": each, **quota_texts(one.quota)}


def quota_texts(quota: QuotaView) -> dict[str, str]:
    """Limits as they are written; sizes to the MiB, so that what is not touched does not change."""
    texts: dict[str, str] = {}
    for question in LIMITS:
        value = getattr(quota, question.field)
        if question.field == "gpus_by_type":
            texts[question.field] = " ".join(f"{kind}={limit}" for kind, limit in value.items())
        elif value is None:
            texts[question.field] = ""
        else:
            texts[question.field] = _written(question.field, value)
    return texts


def _written(field: str, value: float) -> str:
    if field not in _SIZES:
        return f"{value:g}" if field == "gpu_hours" else str(value)
    return f"{value // 1024:.0f}G" if value % 1024 == 0 else f"{value:.0f}M"


# ---------------------------------------------------------------- inside


def _with_quota(asked: Asked, texts: Texts, old: QuotaView) -> Read:
    quota, wrong = quota_of(texts)
    same = {name: _t(texts, name) for name in quota_texts(old)} == quota_texts(old)
    if not wrong and not same:
        asked["quota"] = quota
    if not wrong and not asked:
        wrong[""] = "nothing is changed"
    return asked, wrong


def _terms(texts: Texts) -> Read:
    wrong: dict[str, str] = {}
    readers = {"priority": whole, "share": amount, "guarantee_gpus": whole}
    given = {field: _t(texts, field) for field in readers if _t(texts, field)}
    return {field: _read(readers[field], field, text, wrong) for field, text in given.items()}, wrong


def _t(texts: Texts, field: str) -> str:
    return texts.get(field, "").strip()


def _missing(texts: Texts, *fields: str) -> dict[str, str]:
    return {field: "this has to be said" for field in fields if not _t(texts, field)}


def _read(reader: Callable[[str], Any], field: str, text: str, wrong: dict[str, str]) -> Any:
    try:
        return reader(text)
    except ValueError as error:
        wrong[field] = str(error)
        return None


def _by_type(text: str) -> dict[str, int]:
    pairs = [piece.partition("=") for piece in text.replace(",", " ").split()]
    if not all(kind and limit for kind, _, limit in pairs):
        raise ValueError("write TYPE=N, such as a100=2")
    return {kind.lower(): whole(limit) for kind, _, limit in pairs}


_SIZES: Sequence[str] = ("gpu_memory_mb", "memory_mb", "staged_mb")
_LIMIT: Mapping[str, Callable[[str], Any]] = {
    "gpus_by_type": _by_type, "gpu_hours": amount, **dict.fromkeys(_SIZES, mebibytes),
}  # fmt: skip
