"""Reads groups' terms and quotas for a simulation from a TOML file, in the form of the demo's people.

    [[groups]]             name, priority (1-10), share, guarantee_gpus, and a table [groups.quota]
    [[accounts]]           name, and a table [accounts.quota]
    [[services]]           name, jobs_per_account, and a table [services.quota]

A quota holds gpus, gpus_by_type, gpu_memory_mb, cpu_cores, memory_mb, jobs, gpu_hours. Must not know what is simulated.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.core.model import AccountName, GroupName, ServiceName
from engine.core.quota import Quota
from engine.core.snapshot import GroupTerms, Quotas

_KEYS = {
    "groups": frozenset({"name", "priority", "share", "guarantee_gpus", "quota"}),
    "accounts": frozenset({"name", "quota"}),
    "services": frozenset({"name", "jobs_per_account", "quota"}),
}
_LIMITS = frozenset({"gpus", "gpus_by_type", "gpu_memory_mb", "cpu_cores", "memory_mb", "jobs", "gpu_hours"})

MOST = 1e9
"""No limit is above it: nobody means such a number."""


class TermsError(ValueError):
    """The file cannot be used; the message names it, the place and what to mend."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Terms:
    """What groups were promised, and the limits in force."""

    groups: Mapping[GroupName, GroupTerms] = field(default_factory=dict)
    quotas: Quotas = field(default_factory=Quotas)


def read_terms(path: Path) -> Terms:
    """The terms in a file. Raises TermsError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TermsError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TermsError(f"{path}: {error}. A TOML file with [[groups]] is wanted") from error
    _known(path, "", document, frozenset(_KEYS))
    groups, accounts, services = (dict(_entries(path, kind, document)) for kind in ("groups", "accounts", "services"))
    return Terms(
        groups={GroupName(name): _group_terms(path, name, entry) for name, entry in groups.items()},
        quotas=Quotas(
            accounts={AccountName(name): _quota(path, name, entry) for name, entry in accounts.items()},
            groups={GroupName(name): _quota(path, name, entry) for name, entry in groups.items()},
            services={
                ServiceName(name): int(_number(path, f"{name}.jobs_per_account", entry["jobs_per_account"]))
                for name, entry in services.items()
                if "jobs_per_account" in entry
            },
            service_totals={ServiceName(name): _quota(path, name, entry) for name, entry in services.items()},
        ),
    )


def _entries(path: Path, kind: str, document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = document.get(kind, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) and "name" in entry for entry in found):
        raise TermsError(f"{path}: {kind} are written as [[{kind}]], each with a name")
    for entry in found:
        _known(path, f"{kind} {entry['name']}: ", entry, _KEYS[kind])
        yield str(entry["name"]), entry


def _group_terms(path: Path, name: str, entry: Mapping[str, Any]) -> GroupTerms:
    plain = GroupTerms()
    return GroupTerms(
        priority=int(_number(path, f"{name}.priority", entry.get("priority", plain.priority), least=1, most=10)),
        share=_number(path, f"{name}.share", entry.get("share", plain.share)),
        guarantee_gpus=int(_number(path, f"{name}.guarantee_gpus", entry.get("guarantee_gpus", plain.guarantee_gpus))),
    )


def _quota(path: Path, name: str, entry: Mapping[str, Any]) -> Quota:
    limits = entry.get("quota", {})
    if not isinstance(limits, dict):
        raise TermsError(f"{path}: {name}.quota is a table of limits")
    _known(path, f"{name}.quota: ", limits, _LIMITS)
    types = limits.get("gpus_by_type", {})
    if not isinstance(types, dict):
        raise TermsError(f"{path}: {name}.quota.gpus_by_type is a table of model words and counts")
    counts = {
        " ".join(kind.lower().split()): int(_number(path, f"{name}.{kind}", most)) for kind, most in types.items()
    }
    plain = {limit: _number(path, f"{name}.{limit}", most) for limit, most in limits.items() if limit != "gpus_by_type"}
    whole = {limit: most if limit == "gpu_hours" else int(most) for limit, most in plain.items()}
    return Quota(gpus_by_type=counts, **whole)  # type: ignore[arg-type]  # gpu_hours alone may have a fraction


def _number(path: Path, key: str, value: object, *, least: float = 0, most: float = MOST) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise TermsError(f"{path}: {key} is {value!r}; a number is wanted there, {least:g} to {most:g}")
    return value


def _known(path: Path, where: str, table: Mapping[str, Any], keys: frozenset[str]) -> None:
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, sorted(keys), n=1)
            mend = f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(keys))}"
            raise TermsError(f"{path}: {where}unknown key {key}; {mend}")
