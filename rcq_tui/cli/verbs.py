"""The list of verbs: what each is for in one line, and the module that does it.

Must not import any of them: `rcq --help` and every command load this.
"""

from typing import NamedTuple


class Verb(NamedTuple):
    """One verb. module: its file in `rcq_tui.cli`, which has `run(argv) -> exit code`."""

    module: str
    summary: str


GROUPS: dict[str, dict[str, Verb]] = {
    "Jobs": {
        "submit": Verb("submit", "submit a command or a script as a job"),
        "run": Verb("run", "run a command in the foreground, as a job"),
        "shell": Verb("shell", "open a shell, or a notebook, on GPUs that are yours meanwhile"),
        "wait": Verb("wait", "wait until jobs have ended, and return their exit code"),
        "ingest": Verb("ingest", "submit many jobs from an NDJSON or CSV file"),
        "import": Verb("importing", "bring job scripts of Slurm, or the queue of task-spooler, here"),
        "queue": Verb("queue", "list jobs"),
        "show": Verb("show", "show all of one job"),
        "why": Verb("why", "say why a job does not start, and where it stands"),
        "logs": Verb("logs", "print or follow a job's output"),
        "results": Verb("results", "fetch what jobs left in their directories, as a ZIP"),
        "cancel": Verb("cancel", "end jobs, waiting or running"),
        "hold": Verb("hold", "keep pending jobs from starting"),
        "release": Verb("release", "let held jobs go on"),
        "requeue": Verb("requeue", "run jobs again, stopping those that run"),
        "redo": Verb("redo", "submit a job again as a new one, with the same files and code"),
        "adopt": Verb("adopt", "make a process that is on a GPU a job"),
        "edit": Verb("edit", "change the request of a job that has not started"),
    },
    "Machine": {
        "gpus": Verb("gpus", "show the GPUs and who uses them"),
        "nodes": Verb("nodes", "list the machines of the Slurm cluster"),
        "plan": Verb("plan", "draw what runs and what is to start on each GPU"),
        "drain": Verb("drain", "take a GPU out of use; running jobs finish (admins)"),
        "resume": Verb("resume", "put a drained or quarantined GPU back into use (admins)"),
        "reserve": Verb("reserve", "book GPUs for a time"),
        "reservations": Verb("reservations", "list booked GPUs"),
        "unreserve": Verb("unreserve", "take a booking back"),
        "usage": Verb("usage", "show what groups and people used, against what they may"),
        "stats": Verb("stats", "show counts, load and the engine's health"),
        "simulate": Verb("simulate", "replay a trace of jobs on virtual time"),
    },
    "You": {
        "login": Verb("login", "log in and keep the token"),
        "logout": Verb("logout", "end the session and forget the token"),
        "whoami": Verb("whoami", "say who you are to the engine"),
        "passwd": Verb("passwd", "change your password"),
        "token": Verb("token", "make, list and revoke API tokens, and sessions"),
        "notify": Verb("notify", "choose what you are told of, by mail, webhook or bell"),
    },
    "People (admins)": {
        "account": Verb("account", "add, list, set, disable accounts and their passwords"),
        "group": Verb("group", "add, list, set, remove research groups"),
        "service": Verb("service", "list services and limit what runs of each"),
    },
    "Engine": {
        "demo": Verb("demo", "see it all at work on simulated GPUs"),
        "web": Verb("web", "serve the terminal UI to browsers on this machine"),
        "engine": Verb("engine", "run the engine in the foreground"),
        "audit": Verb("audit", "show who changed what, when and from where"),
        "doctor": Verb("doctor", "check this machine and say what to mend"),
        "backup": Verb("backup", "back the engine's database up"),
        "restore": Verb("restore", "put a backup in the database's place (engine stopped)"),
        "replay": Verb("replay", "plan recorded passes again and show differences"),
    },
}
"""The verbs in the order in which `rcq --help` shows them."""

UNLISTED: dict[str, Verb] = {"__ids": Verb("jobids", "list your jobs' ids for the completion of shells")}
"""What programs of ours call; no list of verbs has it."""

VERBS: dict[str, Verb] = {name: verb for verbs in GROUPS.values() for name, verb in verbs.items()}


def overview() -> str:
    """The text of `rcq --help`."""
    lines = [
        "usage: rcq [VERB] [OPTIONS]",
        "",
        "rcq alone opens the terminal UI. `rcq VERB --help` tells more of a verb.",
    ]
    for title, verbs in GROUPS.items():
        lines += ["", f"{title}:", *(f"  {name:<14}{verb.summary}" for name, verb in verbs.items())]
    lines += [
        "",
        "Exit codes: 0 done, 1 failed, 2 usage, 3 partly done, 4 not logged in, 5 forbidden, 6 not found,",
        "7 wrong state or duplicate, 8 engine not reachable, 9 quota or rate limit, 130 interrupted.",
        "RCQ_SOCKET, RCQ_TOKEN and RCQ_CONFIG override where the engine, your token and the settings are.",
    ]
    return "\n".join(lines)
