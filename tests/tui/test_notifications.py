"""A notification in the terminal UI: said on the screen, and the terminal rings as the account chose."""

import pytest

from rcq_tui.viewmodel.ringing import ringing

TOLD = {
    "id": "n1", "account": "ada", "host": "box", "at": 1.0, "counts": {"failed": 1},
    "jobs": [{"id": 7, "name": "tr\x07ai\x1b]52;c;x\x07n", "state": "failed", "cause": "exit", "exit_code": 3,
              "signal": None, "run_s": 61.0}],
    "arrays": [], "warnings": [], "test": False, "terminal": "both",
}  # fmt: skip


async def test_it_is_said_and_a_headless_terminal_stays_quiet(box, until, text, monkeypatch):
    fake = box.busy()
    app = box.app(fake)
    written: list[str] = []
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        monkeypatch.setattr(app._driver, "write", written.append)
        await until(pilot, lambda: "resnet-lr3e-4" in text(app) and fake.listeners)
        fake.emit("notification", TOLD)
        await until(pilot, lambda: "Job 7 (tr␇ain) failed" in text(app))
    assert not [piece for piece in written if "\a" in piece or "]9;" in piece]


async def test_a_real_terminal_rings(box, until, text, monkeypatch):
    monkeypatch.delenv("TMUX", raising=False)
    fake = box.busy()
    app = box.app(fake)
    written: list[str] = []
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        monkeypatch.setattr(app._driver, "write", written.append)
        monkeypatch.setattr(type(app), "is_headless", False)
        await until(pilot, lambda: "resnet-lr3e-4" in text(app) and fake.listeners)
        fake.emit("notification", TOLD)
        await until(pilot, lambda: "\a" in "".join(written))
    assert "\x1b]9;rcq on box: Job 7 (tr␇ain) failed after 1m01s: exit 3\a\a" in "".join(written)


@pytest.mark.parametrize(
    ("how", "in_tmux", "sequence"),
    [
        ("off", False, ""),
        ("made-up", False, ""),
        ("bell", True, "\a"),
        ("message", False, "\x1b]9;a␇b\a"),
        ("both", True, "\x1bPtmux;\x1b\x1b]9;a␇b\a\x1b\\\a"),
    ],
)
def test_the_sequence_for_each_choice(how: str, in_tmux: bool, sequence: str) -> None:
    assert ringing("a\x07b", how, in_tmux=in_tmux) == sequence


def test_nothing_in_the_words_ends_the_sequence() -> None:
    words = "".join(map(chr, range(0x100))) + "\x1b]0;x\x07\u202e"
    inner = ringing(words, "message").removeprefix("\x1b]9;").removesuffix("\a")
    assert not [char for char in inner if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0]
