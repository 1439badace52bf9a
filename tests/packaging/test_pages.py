"""Man pages and completions: as the commands declare them, without warnings, and at work in real shells."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rcq_tui.cli.verbs import VERBS

ROOT = Path(__file__).resolve().parents[2]
COMPLETIONS = ROOT / "packaging" / "completions"
PAGES = sorted((ROOT / "packaging" / "man").iterdir())
PATIENCE_S = 30.0


def test_the_pages_are_as_the_commands_declare_them() -> None:
    checked = subprocess.run(
        [sys.executable, "packaging/pages", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (checked.stdout, checked.stderr) == ("", ""), "run: .venv/bin/python packaging/pages"
    assert checked.returncode == 0


def test_a_page_that_lags_behind_is_named(tmp_path: Path) -> None:
    for name in ("packaging", "rcq_tui", "engine", "config", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    page = tmp_path / "packaging/man/rcq.1"
    good = page.read_text()
    page.write_text(good + "more\n")
    write = [sys.executable, "packaging/pages"]
    checked = subprocess.run([*write, "--check"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (1, "packaging/man/rcq.1\n")
    subprocess.run(write, cwd=tmp_path, check=True, capture_output=True)
    assert page.read_text() == good


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_a_page_is_set_without_warnings(page: Path) -> None:
    set_ = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", str(page)], capture_output=True, text=True, check=True
    )
    assert set_.stderr == ""


def test_every_verb_has_its_part_of_the_page() -> None:
    page = (ROOT / "packaging/man/rcq.1").read_text()
    assert [verb for verb in VERBS if f'.SS "rcq {verb}"' not in page] == []


class Shell:
    """A real shell on a terminal, where `rcq` prints the words that it is given."""

    def __init__(self, name: str, command: list[str], directory: Path) -> None:
        self.name = name
        self.pid, self.line = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
            os.execvpe(command[0], command, environment)  # noqa: S606 - it is to be the shell itself
        self.seen = ""

    def type(self, words: str) -> None:
        """As fingers would."""
        os.write(self.line, words.encode())

    def wait_for(self, words: str) -> None:
        """Until the terminal has shown them, and forget what it showed before."""
        self.wait_for_each(words)
        self.seen = self.seen.partition(words)[2]

    def wait_for_each(self, *words: str) -> None:
        """Until the terminal has shown all of them, in whatever order."""
        until = time.monotonic() + PATIENCE_S
        while missing := [one for one in words if one not in self.seen]:
            ready, _, _ = select.select([self.line], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"{missing} was not shown, but: {self.seen[-2000:]!r}"
            self.seen += os.read(self.line, 65536).decode(errors="replace")

    def close(self) -> None:
        """End it and wait for its end."""
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.line)


STARTS = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        "bind 'set enable-bracketed-paste off' 'set bell-style none'; source {completions}/rcq.bash",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        "unsetopt zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste; PROMPT_EOL_MARK=; "
        "fpath=({completions} $fpath); autoload -Uz compinit && compinit -u -D",
    ),
    "fish": (["fish", "--no-config", "--interactive"], "set fish_greeting; source {completions}/rcq.fish"),
}
STAND_IN = r"""if [ "$1" = __ids ]; then cat ".asked/$2"; else printf '<%s>' "$@"; echo " end"; fi;"""
HOSTILE = ("x$(touch${IFS}ran)`touch${IFS}ran`;touch${IFS}ran", "y'two words\"*&|>ran", "z:a\\n\\\\b~#!1 $HOME %s")
"""Names of services, each begins as no other does."""
ASKED = {
    "job": "7041\trunning\n8042\tpending\n",
    "service": "".join(f"{name}\t$(touch ran)\n" for name in HOSTILE),
    "group": "bio\tgroup\nchem\tgroup\n",
    "account": "ann\tuser in bio\n",
    "gpu": "0\tH100\nGPU-0a1\t0: H100\n",
    "reservation": "31\tGPU 0\n",
    "token": "",
}
FUNCTIONS = {
    "bash": f"rcq() {{ {STAND_IN} }}",
    "zsh": f"rcq() {{ {STAND_IN} }}",
    "fish": r"function rcq; if test $argv[1] = __ids; cat .asked/$argv[2]; else; "
    "printf '<%s>' $argv; echo ' end'; end; end",
}


@pytest.fixture(params=STARTS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """Each shell with rcq's completion, in a directory with one file and one folder."""
    name = request.param
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    (tmp_path / "sweep.ndjson").touch()
    (tmp_path / "results").mkdir()
    (tmp_path / ".asked").mkdir()
    for kind, lines in ASKED.items():
        (tmp_path / ".asked" / kind).write_text(lines)
    command, start = STARTS[name]
    made = Shell(name, command, tmp_path)
    made.type(f"{start.format(completions=COMPLETIONS)}\n{FUNCTIONS[name]}\nrcq is ready\n")
    made.wait_for("<is><ready> end")
    yield made
    made.close()


def completed(shell: Shell, typed: str, words: str) -> None:
    """What is typed, Tabs included, becomes these words: zsh joins an option and its value by `=`."""
    shell.type(typed + "\n")
    given = words.replace(" =", "=" if shell.name == "zsh" else " ").split()
    shell.wait_for("".join(f"<{word}>" for word in given) + " end")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("rcq ado\t7", "adopt 7"),
        ("rcq account li\t", "account list"),
        ("rcq account add --unix\tada ada", "account add --unix-user =ada ada"),
        ("rcq account add --role ad\tada", "account add --role admin ada"),
        ("rcq group set x --prio\t3", "group set x --priority =3"),
        ("rcq logs 80\t-f", "logs 8042 -f"),
        ("rcq hold 70\t80\t", "hold 7041 8042"),
        ("rcq ingest --dry\tswe\t", "ingest --dry-run sweep.ndjson"),
        ("rcq submit --workdir res\trun1 true", "submit --workdir results/run1 true"),
        ("rcq submit --gpus 2 cat swe\t", "submit --gpus 2 cat sweep.ndjson"),
        ("rcq submit --group ch\ttrue", "submit --group chem true"),
        ("rcq queue --account an\t--mine", "queue --account ann --mine"),
        ("rcq account disable an\t", "account disable ann"),
        ("rcq group set bi\t--share 2", "group set bio --share 2"),
        ("rcq drain GPU\t--why x", "drain GPU-0a1 --why x"),
        ("rcq unreserve 3\t", "unreserve 31"),
        ("rcq queue --state comp\t", "queue --state completed"),
        ("rcq queue --state failed,canc\t", "queue --state failed,cancelled"),
        ("rcq queue --format nd\t", "queue --format ndjson"),
    ],
)
def test_words_of_every_kind_are_completed(shell: Shell, typed: str, words: str) -> None:
    completed(shell, typed, words)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_to_every_shell_and_never_run(shell: Shell, name: str, tmp_path: Path) -> None:
    shell.type(f"rcq submit --service {name[0]}\ttrue\n")
    shell.wait_for(f"<submit><--service><{name}><true> end")
    shell.type("rcq submit --service \t\t\x15rcq is alive\n")  # all of them are shown
    shell.wait_for("<is><alive> end")
    assert not (tmp_path / "ran").exists()


def test_verbs_are_listed(shell: Shell) -> None:
    shell.type("rcq re\t\t")
    shell.wait_for_each("redo", "release", "requeue", "reserve", "results", "resume")


def test_bash_needs_no_package_for_completion_and_the_script_is_sound() -> None:
    script = COMPLETIONS / "rcq.bash"
    assert "bash_completion" not in script.read_text().replace("bash-completion", "")
    assert not {"_init_completion", "_get_comp_words_by_ref", "_filedir"} & set(script.read_text().split())
    if shutil.which("shellcheck"):
        checked = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False)
        assert checked.stdout == ""
