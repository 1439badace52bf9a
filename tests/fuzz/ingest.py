"""Coverage-guided fuzz of the parser of ingest: `python -m tests.fuzz.ingest --seconds N` (wants the extra `fuzz`).

What it starts from is `tests/fuzz/corpus`; what it finds new goes to the folder of --corpus, and is thrown away unless
one is given.
"""

import argparse
import sys
import tempfile
from pathlib import Path

SEEDS = Path(__file__).with_name("corpus")
MOST = 2048


def main(argv: list[str]) -> None:
    """Fuzz until the time is over; ends the process, with an error where something was found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--runs", type=int, default=-1)
    options.add_argument("--corpus", type=Path)
    chosen = options.parse_args(argv)
    import atheris

    with atheris.instrument_imports(include=["engine.api", "engine.protocol", "json"]):
        from tests.fuzz.lines import check

    def one(data: bytes) -> None:
        if len(data) > 2:
            check(data[2:], [data[0] * 7, data[1] * 13])

    with tempfile.TemporaryDirectory(prefix="rcq-fuzz-") as scratch:
        new = chosen.corpus or Path(scratch)
        limits = [f"-max_total_time={chosen.seconds}", f"-runs={chosen.runs}", f"-max_len={MOST}", "-timeout=10"]
        dictionary = Path(scratch, "words")
        dictionary.write_text(words())
        own = [f"-dict={dictionary}", f"-artifact_prefix={new}/", "-rss_limit_mb=2048", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *limits, *own, str(new), str(SEEDS)], one)
        atheris.Fuzz()


def words() -> str:
    """The names of all fields and what formats are made of, as libFuzzer reads them."""
    from engine.api.schema import JOB_NAMES

    marks = [
        r"\"",
        r"\"\"",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        r"\x0a",
        r"\x0d\x0a",
        r"\xef\xbb\xbf",
        r"\\u0000",
        r"\\ud800",
    ]
    return "".join(f'"{word}"\n' for word in (*JOB_NAMES, *marks, "null", "true", "NaN", "1e999", "0-9%4", r"\xff"))


if __name__ == "__main__":
    main(sys.argv[1:])
