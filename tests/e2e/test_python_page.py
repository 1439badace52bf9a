"""The page on Python is a walk that works: its examples are run, in order, against a real engine."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
TRAIN = """
import argparse
options = argparse.ArgumentParser()
options.add_argument("--lr", type=float)
options.add_argument("--seed", type=int, default=0)
chosen = options.parse_args()
if chosen.lr < 0.001 and chosen.seed == 3:
    raise SystemExit("it diverged")
print(f"loss {chosen.lr * (chosen.seed + 1):.4f}")
"""


@pytest.mark.e2e
def test_every_example_of_the_page_runs(engine, admin, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(TRAIN)
    monkeypatch.setenv("RCQ_SOCKET", str(engine.socket))
    monkeypatch.setenv("RCQ_TOKEN", admin.http.headers["Authorization"].removeprefix("Bearer "))
    text = PAGE.read_text(encoding="utf-8")
    blocks = list(re.finditer(r"```python\n(.*?)```", text, re.S))
    names: dict[str, object] = {"__name__": "__main__"}
    told: list[str] = []
    for block in blocks:
        lines_before = text.count("\n", 0, block.start(1))
        exec(compile("\n" * lines_before + block[1], str(PAGE), "exec"), names)  # noqa: S102  our own page
        told.append(capsys.readouterr().out)
    assert len(blocks) == 11
    assert told[0].startswith("root ['")
    assert "True exit 0" in told[1]
    assert "loss 0.0100" in told[1]
    assert "loss 0.1000" in told[2]
    assert told[4] == "0.93\n\n"
    assert told[5].startswith("<Sweep lr-search: 12 jobs, ")
    assert "{'lr': 0.001, 'seed': 3} exit 0 loss 0.0040" in told[5]
    assert "{'completed': 15, 'failed': 1}" in told[6]
    assert "it diverged" in told[6]
    assert told[6].strip().endswith(" 16")
    assert "[(1, {'gpus': '99'}, 'IMPOSSIBLE_REQUEST')]" in told[7]
    assert "is not over" in told[8]
    assert told[8].endswith("cancelled\n")
    assert told[9].startswith("IMPOSSIBLE_REQUEST ")
