"""`rcq notify`: what you are told of when it happens, and how: mail, webhook, command, the terminal."""

import argparse
from typing import Any

from engine.protocol.errors import EXIT_FAILED
from engine.protocol.notifications import EVENTS, TERMINAL
from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.fullparser import Parser
from rcq_tui.cli.options import add_json, parser
from rcq_tui.client.wire import Wire, escaped
from rcq_tui.viewmodel.formats import counted, duration, exact
from rcq_tui.viewmodel.text import clean, pad
from rcq_tui.viewmodel.units import seconds

TEST_S = 60.0
"""The engine answers a test within half a minute."""
_CHOSEN = ("on", "mail", "webhook", "command", "terminal", "min_run_s")
_TERMINALS = {"off": "no", "bell": "bell", "message": "message", "both": "bell and message"}


def run(argv: list[str]) -> int:
    """Do what the word after `notify` says; alone, show."""
    chosen = _parser().parse_args(["show", *argv] if argv in ([], ["--json"]) else argv)
    code: int = chosen.act(chosen)
    return code


def _show(chosen: argparse.Namespace) -> int:
    return _told(engine().request("GET", _address(chosen.account)), as_json=chosen.json)


def _set(chosen: argparse.Namespace) -> int:
    """The whole choice is sent: what is not named keeps its value. Who names no events wants them all."""
    wire = engine()
    before = wire.request("GET", "/v1/notify")
    changes = _changes(chosen)
    if not changes:
        raise UsageError("there is nothing to change; see: rcq notify set --help")
    body = {name: before[name] for name in _CHOSEN} | changes
    if not body["on"] and chosen.on is None:
        body["on"] = list(EVENTS)
    return _told(wire.request("PUT", "/v1/notify", body=body), as_json=chosen.json)


def _test(chosen: argparse.Namespace) -> int:
    tests = engine(TEST_S).request("POST", "/v1/notify/test")
    if chosen.json:
        print_json(tests)
    else:
        for one in tests["items"]:
            print(f"{pad(one['channel'], 9)} {'sent' if one['ok'] else 'FAILED'}: {clean(one['message'])}")
    return 0 if all(one["ok"] for one in tests["items"]) else EXIT_FAILED


def _off(chosen: argparse.Namespace) -> int:
    wire = engine()
    name = chosen.account or _me(wire)
    return _told(wire.request("DELETE", _address(name)), as_json=chosen.json)


def _me(wire: Wire) -> str:
    account: str = wire.request("GET", "/v1/me")["account"]
    return account


def _address(account: str | None) -> str:
    return "/v1/notify" if account is None else f"/v1/notify/{escaped(account)}"


def _changes(chosen: argparse.Namespace) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if chosen.on is not None:
        changes["on"] = _events(chosen.on)
    for name in ("mail", "webhook"):
        if (value := getattr(chosen, name)) is not None:
            changes[name] = None if value == "none" else value
    if chosen.min_run is not None:
        changes["min_run_s"] = _min_run(chosen.min_run)
    for name in ("command", "terminal"):
        if (value := getattr(chosen, name)) is not None:
            changes[name] = value
    return changes | ({"new_secret": True} if chosen.new_secret else {})


def _events(text: str) -> list[str]:
    names = [] if text == "none" else [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in EVENTS]:
        raise UsageError(f"--on takes {', '.join(EVENTS)}, or none, not {unknown[0]!r}")
    return names


def _min_run(text: str) -> int:
    try:
        return 0 if text == "0" else seconds(text)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _told(view: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(view)
    else:
        print("\n".join(lines(view)))
    return 0


def lines(view: dict[str, Any]) -> list[str]:
    """What is chosen, what waits, what went wrong last, and a new secret with what it is for."""
    shorter = f", runs of {duration(view['min_run_s'])} and longer" if view["min_run_s"] else ""
    chosen = {
        "account": view["account"],
        "told of": (", ".join(view["on"]) or "nothing") + shorter,
        "mail": view["mail"] or "no",
        "webhook": view["webhook"] or "no",
        "command": "yes" if view["command"] else "no",
        "terminal": _TERMINALS.get(view["terminal"], view["terminal"]),
        "engine has": ", ".join(view["available"]),
    }
    if view["waiting"]:
        chosen["waiting"] = f"{counted(view['waiting'], 'message')} to be sent"
    if (failure := view["last_failure"]) is not None:
        chosen["failed"] = f"{failure['channel']} at {exact(failure['at'])}: {failure['message']}"
    found = [f"{pad(name, 11)} {clean(value)}" for name, value in chosen.items()]
    if view["webhook_secret"]:
        found += ["", f"the webhook is signed with this secret, shown this once: {clean(view['webhook_secret'])}"]
    return found


def _parser() -> Parser:
    options = parser(
        "notify",
        "What you are told of when it happens: jobs that end or fail, that are preempted, warnings. By mail, webhook,\n"
        "the engine's command, or the terminal in which rcq is open. Many at once, and job arrays, are one message.",
        "rcq notify set --mail ada@example.org\nrcq notify set --on failed,warning --min-run 10m\n"
        "rcq notify set --webhook https://chat.example.org/hooks/x\nrcq notify set --terminal both --mail none\n"
        "rcq notify test\nrcq notify off",
    )
    words = options.add_subparsers(metavar="show|set|test|off", required=True)
    show = words.add_parser("show", help="show what is chosen")
    off = words.add_parser("off", help="be told nothing any more, and forget where")
    for word, act in ((show, _show), (off, _off)):
        word.add_argument("account", metavar="ACCOUNT", nargs="?", help="another's (admins)")
        word.set_defaults(act=act)
    change = words.add_parser("set", help="choose")
    _add_choices(change)
    change.set_defaults(act=_set)
    test = words.add_parser("test", help="send a test by each channel, and say how it went")
    test.set_defaults(act=_test)
    for word in (show, change, test, off):
        add_json(word)
    return options


def _add_choices(to: argparse.ArgumentParser) -> None:
    to.add_argument("--on", metavar="E,…", help=f"of {', '.join(EVENTS)}; all, unless chosen before; or none")
    to.add_argument("--mail", metavar="ADDRESS", help="mail there; none: no mail")
    to.add_argument("--webhook", metavar="URL", help="signed JSON by POST there; none: no webhook")
    to.add_argument("--new-secret", action="store_true", help="sign the webhook with a new secret")
    to.add_argument("--command", action=argparse.BooleanOptionalAction, default=None, help="the engine's command")
    to.add_argument("--terminal", choices=TERMINAL, help="what the terminal UI does; message: OSC 9")
    to.add_argument("--min-run", metavar="D", help="no ends of shorter runs: 60s, 10m; 0: of all")
