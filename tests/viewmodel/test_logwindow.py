"""A window over an output shows what the file holds, however it is read: forwards, backwards, in pieces, let go."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.protocol.responses import LogChunk
from rcq_tui.viewmodel import logsearch, logwindow
from rcq_tui.viewmodel.log_title import LogLook, log_title
from rcq_tui.viewmodel.logsearch import LogSearch, hit_words, line_ends, next_hit
from rcq_tui.viewmodel.logwindow import Grown, LogWindow, shown


def piece(data: bytes, offset: int, limit: int) -> LogChunk:
    """As the engine answers: from the end for a negative offset, without an unfinished letter at its end."""
    begin = max(0, len(data) + offset) if offset < 0 else min(offset, len(data))
    some = data[begin : begin + limit]
    while some and begin + len(some) < len(data) and data[begin + len(some)] & 0xC0 == 0x80:
        some = some[:-1]
    text = some.decode(errors="replace")
    return LogChunk(text=text, offset=begin, next_offset=begin + len(some), size=len(data), complete=False)


class Reader:
    """Does to a list what a window tells."""

    def __init__(self, data: bytes, begin: int, limit: int) -> None:
        self.data, self.limit = data, limit
        self.window = LogWindow(begin)
        self.lines: list[str] = []

    def apply(self, grown: Grown) -> None:
        del self.lines[: grown.gone_before]
        del self.lines[len(self.lines) - grown.gone_after :]
        self.lines = [*grown.before, *self.lines, *grown.after]
        assert len(self.lines) == self.window.count

    def on(self) -> None:
        self.apply(self.window.take(piece(self.data, self.window.next_offset, self.limit)))

    def back(self) -> None:
        wanted = self.window.earlier()
        if wanted is not None:
            self.apply(self.window.take_earlier(piece(self.data, *wanted)))


LINES = st.lists(st.text("ab é€😀\r", max_size=9), max_size=30)


@given(lines=LINES, end=st.booleans(), limit=st.integers(8, 40), begin=st.integers(-60, 60), chunk=st.integers(8, 40))
def test_read_to_both_ends_it_shows_all_lines(lines, end, limit, begin, chunk):
    data = "\n".join(lines).encode() + b"\n" * end
    before = logwindow.CHUNK_BYTES
    logwindow.CHUNK_BYTES = chunk
    try:
        reader = Reader(data, min(begin, len(data)), limit)
        reader.on()
        while not reader.window.at_end:
            reader.on()
        while reader.window.earlier() is not None:
            reader.back()
    finally:
        logwindow.CHUNK_BYTES = before
    whole, newline, rest = data.decode().rpartition("\n")
    wanted = shown(whole + newline)
    assert reader.window.begin == 0
    assert len(reader.lines) == len(wanted)
    other = [(got, want) for got, want in zip(reader.lines, wanted, strict=True) if got != want]
    assert len(other) <= 1, "only the line in whose middle reading began may be half a line"
    assert all(want.endswith(got) for got, want in other)
    assert "".join(shown(rest)).endswith(reader.window.unfinished)


def test_what_is_let_go_is_read_again(monkeypatch):
    monkeypatch.setattr(logwindow, "CHUNK_BYTES", 100)
    monkeypatch.setattr(logwindow, "MOST_CHUNKS", 4)
    data = b"".join(b"line %d\n" % at for at in range(300))
    reader = Reader(data, -100, 100)
    reader.on()
    assert reader.lines[-1] == "line 299"
    while reader.window.earlier() is not None:
        reader.back()
    assert reader.lines[0] == "line 0"
    assert len(reader.lines) < 60, "the end was let go"
    assert not reader.window.at_end
    while not reader.window.at_end:
        reader.on()
    first = int(reader.lines[0].split()[1])
    assert first > 200
    assert reader.lines == [f"line {at}" for at in range(first, 300)]
    reader.back()
    assert reader.lines == [
        f"line {at}" for at in range(int(reader.lines[0].split()[1]), int(reader.lines[-1][5:]) + 1)
    ]


def test_little_by_little_makes_few_chunks(monkeypatch):
    monkeypatch.setattr(logwindow, "MOST_CHUNKS", 4)
    window, data = LogWindow(), b""
    for at in range(500):
        data += b"%d\n" % at
        window.take(piece(data, window.next_offset, 65_536))
    assert window.count == 500
    assert window.begin == 0


def test_a_letter_cut_in_two_by_reading_backwards_is_whole_again(monkeypatch):
    monkeypatch.setattr(logwindow, "CHUNK_BYTES", 7)
    data = "€€€€€€€€€€\nend\n".encode()
    reader = Reader(data, -5, 100)
    reader.on()
    while reader.window.earlier() is not None:
        reader.back()
    assert reader.lines == ["€€€€€€€€€€", "end"]


def test_what_is_not_next_is_left_alone():
    window = LogWindow(0)
    window.take(piece(b"one\ntwo\n", 0, 4))
    assert window.take(piece(b"one\ntwo\nthree\n", 8, 10)) == Grown()
    assert window.take_earlier(piece(b"one\n", 0, 4)) == Grown()
    assert window.take(piece(b"one\ntwo\n", 4, 10)).after == ("two",)


def chunk(text: str, offset: int, size: int | None = None, complete: bool = False) -> LogChunk:
    end = offset + len(text.encode())
    return LogChunk(text=text, offset=offset, next_offset=end, size=size or end, complete=complete)


@given(st.text(alphabet="ab\n", max_size=40), st.lists(st.integers(0, 40), max_size=5))
def test_any_chunking_gives_the_same_lines(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    window, lines = LogWindow(), []
    for low, high in pairwise(edges):
        lines += window.take(chunk(text[low:high], low)).after
    assert [*lines, *filter(None, [window.unfinished])] == text.splitlines()


def plain(line: list[tuple[str, str]]) -> str:
    return "".join(text for text, _ in line)


def titled(window: LogWindow, state: str = "running", *, following: bool = True, stream: str = "stdout", **more) -> str:
    return plain(log_title(LogLook(stream=stream, window=window, state=state, following=following, **more)))


def test_a_tail_begins_with_a_whole_line_and_shows_the_unfinished_one() -> None:
    window = LogWindow()
    assert window.take(chunk("alf a line\nwhole\n10%\r\x1b[32m20%", 500, 1000)).after == ("whole",)
    assert window.unfinished == "20%"
    assert window.take(chunk("\r30%\n", window.next_offset)).after == ("30%",)
    assert (window.unfinished, window.begin) == ("", 500)
    assert titled(window) == " [stdout] stderr    534 bytes, following"
    assert "wrote nothing" in titled(LogWindow(), "completed", stream="stderr")
    assert titled(window, following=False).endswith("not following (G follows), read 93% to 100%")


def test_the_title_tells_since_when_nothing_came_in_steps() -> None:
    window = LogWindow(0)
    window.take(chunk("a\n", 0))
    said = {quiet: titled(window, quiet_s=quiet) for quiet in (3.0, 17.0, 19.0, 185.0, 7260.0)}
    assert "nothing new" not in said[3.0]
    assert said[17.0] == said[19.0]
    assert said[17.0].endswith("nothing new for 10s")
    assert said[185.0].endswith("for 3m")
    assert said[7260.0].endswith("for 2h01m")


def test_a_tail_inside_one_long_progress_bar_or_line_is_not_empty() -> None:
    bar = LogWindow()
    assert bar.take(chunk("5%|##\r 86%|####\r 87%|#####", 500_000)).after == ()
    assert bar.unfinished == " 87%|#####"
    line = LogWindow()
    line.take(chunk("half of a very long line", 500_000))
    assert line.unfinished == "half of a very long line"


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    window = LogWindow()
    for at in range(50):
        window.take(chunk("x" * 100_000, at * 100_000))
    assert len(window.unfinished) <= 16 * 1024


# ---------------------------------------------------------------- searching


def searched(data: bytes, wanted: str, at: int) -> LogSearch:
    """A search that has looked through all of it, in the blocks that it asked for."""
    search = LogSearch(wanted, at, len(data))
    for begin, end in search.blocks():
        lines = data[begin:end].decode().splitlines()
        search.note(lines, [begin] * len(lines))
    return search


def test_a_search_counts_lines_whatever_their_case_and_knows_where_they_are(monkeypatch) -> None:
    monkeypatch.setattr(logsearch, "BLOCK_BYTES", 40)
    data = b"".join(b"%3d: %s\n" % (at, b"LOSS" if at % 10 == 0 else b"acc ") for at in range(100))
    search = searched(data, "loss", 500)
    assert (search.hits, search.done, hit_words(search)) == (10, True, "10 lines")
    assert search.beyond(400, 600, down=True) is not None
    assert search.beyond(400, 600, down=True) >= 600
    assert search.beyond(400, 600, down=False) < 400
    assert search.beyond(0, 600, down=False) is None
    search.written(["no", "a Loss"])
    assert search.hits == 11


def test_a_search_that_goes_on_says_how_far_it_is(monkeypatch) -> None:
    monkeypatch.setattr(logsearch, "BLOCK_BYTES", 100)
    search = LogSearch("x", 400, 400)
    blocks = search.blocks()
    assert next(blocks) == (300, 400)
    assert next(blocks) == (200, 300)
    assert hit_words(search) == "no line in 25% of it"
    assert not search.knows(down=False)
    assert search.knows(down=True)
    assert list(blocks) == [(100, 200), (0, 100)]
    assert search.done


def test_what_is_looked_for_is_no_pattern() -> None:
    search = LogSearch("a.*[", 0, 0)
    assert search.matching(["xa.*[y", "aab["]) == 1
    assert next_hit(search, ["a.*[", "b", "a.*["], 2, down=False) == 0
    assert next_hit(search, ["a.*[", "b"], 0, down=True) is None


def test_lines_end_at_their_line_feeds() -> None:
    told = chunk("é a\nbc\n\nrest", 100)
    assert line_ends(told, 3) == [104, 107, 108]
    assert line_ends(told, 1) == [108]
    assert line_ends(told, 0) == []
