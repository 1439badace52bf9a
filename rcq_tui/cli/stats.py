"""`rcq stats`: counts, load and the age of the last pass."""

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.options import add_json, parser
from rcq_tui.cli.rows import Row
from rcq_tui.viewmodel.formats import duration, memory
from rcq_tui.viewmodel.slurmwords import backend_sentence, called
from rcq_tui.viewmodel.text import clean


def run(argv: list[str]) -> int:
    """Show the engine's own state."""
    options = parser("stats", "Show counts, load and the engine's health.", "rcq stats\nrcq stats --json")
    add_json(options)
    chosen = options.parse_args(argv)
    stats = engine().request("GET", "/v1/stats")
    if chosen.json:
        print_json(stats)
    else:
        print("\n".join(described(stats)))
    return 0


def described(stats: Row) -> list[str]:
    """The figures as lines of `name value`."""
    jobs = ", ".join(f"{count} {clean(state)}" for state, count in stats["jobs"].items() if count) or "none"
    hot = f", {stats['gpus_hot']} hot" if stats["gpus_hot"] else ""
    return [
        f"engine  {clean(stats['version'])}, policy {clean(stats['policy'])}, up {duration(stats['uptime_s'])}",
        f"jobs    {jobs}",
        f"gpus    {stats['gpus_busy']} of {stats['gpus_total']} busy{hot}",
        f"cores   {stats['cpu_cores_busy']} of {stats['cpu_cores_total']} leased",
        f"memory  {memory(stats['memory_mb_busy'])} of {memory(stats['memory_mb_total'])} leased",
        *_backends(stats),
        *_power(stats),
        *_host(stats),
        f"passes  {stats['passes']}{_last_pass(stats)}",
        *_backup(stats),
    ]


def _backends(stats: Row) -> list[str]:
    """Who runs jobs, where that is not this host alone; an older engine does not tell."""
    backends = stats.get("backends") or []
    if len(backends) < 2:
        return []
    return [f"{'runs' if not at else '':<8}{_backend(one, stats['now'])}" for at, one in enumerate(backends)]


def _backend(one: Row, now: float) -> str:
    if away := backend_sentence(one, now):
        return away
    told = [f"{called(one)}: {one['running']} running"]
    if one["nodes_total"] is not None:
        told.append(f"{one['waiting']} in its queue")
        told.append(
            f"{one['nodes_open']} of {one['nodes_total']} nodes open" if one["nodes_total"] else "no node known"
        )
    return ", ".join(told)


def _power(stats: Row) -> list[str]:
    drawn, budget = stats.get("power_w"), stats.get("power_budget_w")
    if budget is not None:
        return [f"power   {'?' if drawn is None else round(drawn)} of {round(budget)} W"]
    return [] if drawn is None else [f"power   {round(drawn)} W"]


def _host(stats: Row) -> list[str]:
    """Of the whole machine; an engine that has not looked yet, or an older one, tells nothing of it."""
    told = [
        "" if (cpu := stats.get("host_cpu")) is None else f"CPU {cpu:.0%}",
        "" if (load := stats.get("load1")) is None else f"load {load:.1f}",
        _of(stats, "memory", "host_memory_used_mb", "host_memory_total_mb", "used"),
        _of(stats, "disk", "disk_free_mb", "disk_total_mb", "free"),
    ]
    known = ", ".join(part for part in told if part)
    return [f"host    {known}"] if known else []


def _of(stats: Row, name: str, part: str, whole: str, word: str) -> str:
    if stats.get(part) is None or stats.get(whole) is None:
        return ""
    return f"{name} {memory(stats[part])} of {memory(stats[whole])} {word}"


def _backup(stats: Row) -> list[str]:
    at = stats.get("last_backup_at")
    return [] if at is None else [f"backup  {duration(max(0.0, stats['now'] - at))} ago"]


def _last_pass(stats: Row) -> str:
    if stats["last_pass_age_s"] is None:
        return ", none yet"
    took = "" if stats["last_pass_s"] is None else f", took {stats['last_pass_s'] * 1000:.1f} ms"
    return f", the last {duration(stats['last_pass_age_s'])} ago{took}"
