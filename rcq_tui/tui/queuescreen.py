"""What a screen with the queue does: its rows move, are marked, filtered and sorted, and jobs in it are acted on.

Must not know what else is on the screen, nor how the queue is read: it watches the application's state.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from engine.protocol.listings import SORTS
from engine.protocol.responses import JobRow
from rcq_tui.tui import messages
from rcq_tui.tui import queuemessages as wishes
from rcq_tui.tui.palette import content
from rcq_tui.tui.screens.base import CommandScreen
from rcq_tui.tui.screens.columns import ColumnsScreen
from rcq_tui.tui.widgets.field import Field
from rcq_tui.tui.widgets.queue_table import QueueTable
from rcq_tui.tui.widgets.table import Table
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel import looks
from rcq_tui.viewmodel.filters import Filters
from rcq_tui.viewmodel.looks import Look
from rcq_tui.viewmodel.queuecolumns import KINDS, USUAL, USUAL_IN_CLUSTER, chosen, unknown
from rcq_tui.viewmodel.text import clean

_FAR = 1_000_000_000


class QueueScreen(CommandScreen[None]):
    """A screen with one `QueueTable`, its title and its filter."""

    def __init__(self) -> None:
        super().__init__()
        self._filters = Filters(())
        self._go_to: Hashable = None
        self._begun = False
        self._seeking = False
        self.table = QueueTable()

    def queue(self) -> Iterator[Widget]:
        """What to compose: the title, the jobs, the filter."""
        desk = self.desk
        self._filters = Filters(desk.remembered.of("filters", []))
        self._go_to = desk.remembered.of("job", 0) or None
        yield Words(id="queue-title")
        self.table = QueueTable(chosen(desk.remembered.of("columns", [])), ascii_only=desk.ascii_only)
        yield self.table
        yield Words(id="filter-wrong")
        yield Field(placeholder="words, state:failed, account:ada, gpus:>1; Enter keeps, Esc drops it", id="filter")

    def watch_queue(self) -> None:
        """Follow the state, once the widgets are there."""
        self.query_one("#filter").display = False
        self.query_one("#filter-wrong").display = False
        self.table.focus()
        self.watch(self.desk, "nodes", self._fit_columns)
        self.watch(self.desk, "jobs", self._show_jobs)
        self.watch(self.desk, "refused", self._show_refused)

    def on_unmount(self) -> None:
        """The next start begins where one was."""
        if (job := self.table.selected) is not None:
            self.desk.remembered.keep("job", job.id)

    def choices(self, kind: str) -> list[str]:
        """Orders and columns, besides what every screen knows."""
        known = {"sorts": list(SORTS), "columns": [one.key for one in KINDS]}
        return known.get(kind) or super().choices(kind)

    def at_once(self, wish: messages.Wish) -> None:
        """Letters follow `/`, so the line is there before the next key is looked at."""
        if isinstance(wish, messages.EditFilter):
            self.on_edit_filter(wish)
        else:
            super().at_once(wish)

    # ------------------------------------------------------------ state comes down

    def _show_jobs(self, jobs: list[JobRow]) -> None:
        desk, table = self.desk, self.table
        table.empty = "" if desk.refused else looks.empty_words(desk.look, desk.extent)  # below it says why
        table.sorted_by(desk.look)
        anew, desk.anew = desk.anew, False
        table.show(jobs, desk.clock(), anew=anew)
        if self._go_to is not None and jobs and desk.look.array is None and (anew or self._seeking or not self._begun):
            table.go_to(self._go_to)
            self._seeking = desk.extent.busy and table.place_of(self._go_to) is None
            self._go_to = self._go_to if self._seeking else None
        self._begun = self._begun or bool(jobs)
        self.show_title()

    @property
    def _usual(self) -> tuple[str, ...]:
        return USUAL_IN_CLUSTER if self.desk.nodes else USUAL

    def _fit_columns(self) -> None:
        """Whoever chose no columns sees where jobs are once there is a cluster."""
        if self.table.keys in {USUAL, USUAL_IN_CLUSTER} - {self._usual} and not self.desk.remembered.of("columns", []):
            self.table.choose(self._usual)

    def _show_refused(self, why: str) -> None:
        said = self.query_one("#filter-wrong", Words)
        said.put(content([(why, "warn")]))
        said.display = bool(why)

    def show_title(self) -> None:
        """What is shown of how much."""
        desk = self.desk
        marked = len(self.table.marks)
        line = looks.queue_title(desk.look, desk.extent, desk.stats, marked, ascii_only=desk.ascii_only)
        self.query_one("#queue-title", Words).put(content(line))

    def _look(self, look: Look) -> None:
        if look != self.desk.look:
            self.desk.look_at(look)
            self.show_title()

    # ------------------------------------------------------------ moving

    @property
    def _typing(self) -> bool:
        return isinstance(self.focused, Field)

    def _move(self, message: Message, by: int) -> None:
        message.stop()
        if self._seeking:  # somebody knows better by now where to go
            self._go_to, self._seeking = None, False
        self.table.move(by)

    def on_down(self, message: messages.Down) -> None:
        """Next job; in the filter, the filter behind."""
        if self._typing:
            self._put_filter(message, self._filters.newer())
        else:
            self._move(message, 1)

    def on_up(self, message: messages.Up) -> None:
        """Job before; in the filter, the filter before."""
        if self._typing:
            self._put_filter(message, self._filters.older(self.query_one("#filter", Field).value))
        else:
            self._move(message, -1)

    def on_page_down(self, message: messages.PageDown) -> None:
        """A page."""
        self._move(message, self.table.page)

    def on_page_up(self, message: messages.PageUp) -> None:
        """A page."""
        self._move(message, -self.table.page)

    def on_top(self, message: messages.Top) -> None:
        """First job; what was let go above is fetched anew."""
        self._move(message, -_FAR)
        if self.desk.extent.before:
            self.desk.look_from_top()

    def on_bottom(self, message: messages.Bottom) -> None:
        """Last job that is here; further ones are fetched."""
        self._move(message, _FAR)
        at = self.table.cursor
        self.desk.see_queue(max(0, at - self.table.page), at, far=True)

    def on_table_seen(self, message: Table.Seen) -> None:
        """What is looked at is kept fresh, and what comes next fetched ahead."""
        message.stop()
        self.desk.see_queue(message.top, message.bottom)

    # ------------------------------------------------------------ marks

    def on_toggle_mark(self, message: wishes.ToggleMark) -> None:
        """Mark the job, or not."""
        message.stop()
        self.table.toggle_mark()
        self.show_title()

    def on_mark_all(self, message: wishes.MarkAll) -> None:
        """Mark all that is here, or nothing."""
        message.stop()
        self.table.toggle_all()
        self.show_title()

    def on_clear(self, message: messages.Clear) -> None:
        """One step back: the marks, then the filter, then the array that was opened."""
        message.stop()
        look = self.desk.look
        if self.table.marks and not self._typing:
            self.table.unmark()
            self.show_title()
        elif look.search or self._typing:
            self.query_one("#filter", Field).value = ""
            self._look(replace(look, search=""))
            self._close_filter()
        elif look.array is not None:
            self._look(replace(look, array=None))

    # ------------------------------------------------------------ jobs

    def chosen_jobs(self) -> Sequence[JobRow]:
        """Those that are marked, else the one under the cursor."""
        return self.table.chosen

    def on_table_chosen(self, message: Table.Chosen) -> None:
        """A job was clicked."""
        message.stop()
        self.post_message(messages.OpenJob())

    def on_copy(self, message: messages.Copy) -> None:
        """The ids of the jobs that are meant."""
        message.stop()
        ids = [str(job.id) for job in self.chosen_jobs()]
        if ids:
            self.desk.copy(" ".join(ids), f"job id {ids[0]}" if len(ids) == 1 else f"{len(ids)} job ids")

    def on_right(self, message: messages.Right) -> None:
        """Into the job."""
        message.stop()
        self.post_message(messages.OpenJob())

    def on_open_job(self, message: messages.OpenJob) -> None:
        """Open the job under the cursor; of a row that stands for several elements, all of its array."""
        message.stop()
        job = self.table.selected
        if job is None:
            return
        if job.folded is None:
            self.desk.open_job(job)
        elif job.array_parent is not None:
            self._go_to = self.table.key_at(self.table.cursor)
            self._look(replace(self.desk.look, array=job.array_parent))

    def on_ask_cancel(self, message: messages.AskCancel) -> None:
        """Cancel the jobs that are meant, after a question."""
        message.stop()
        self.desk.deeds.cancel(self.chosen_jobs())

    def on_toggle_hold(self, message: messages.ToggleHold) -> None:
        """Hold or release the jobs that are meant."""
        message.stop()
        self.desk.deeds.toggle_hold(self.chosen_jobs())

    def on_release_jobs(self, message: wishes.ReleaseJobs) -> None:
        """Release the jobs that are meant."""
        message.stop()
        self.desk.deeds.release(self.chosen_jobs())

    def on_ask_requeue(self, message: wishes.AskRequeue) -> None:
        """Run the jobs that are meant again."""
        message.stop()
        self.desk.deeds.requeue(self.chosen_jobs())

    # ------------------------------------------------------------ what is shown

    def on_toggle_mine(self, message: messages.ToggleMine) -> None:
        """Mine or everybody's."""
        message.stop()
        self._look(replace(self.desk.look, mine=not self.desk.look.mine))

    def on_toggle_finished(self, message: messages.ToggleFinished) -> None:
        """Without finished jobs, with them, them alone."""
        message.stop()
        self._look(replace(self.desk.look, which=looks.next_which(self.desk.look.which)))

    def on_toggle_fold(self, message: wishes.ToggleFold) -> None:
        """Arrays as few rows, or each element on its own."""
        message.stop()
        self._look(replace(self.desk.look, fold=not self.desk.look.fold, array=None))

    def on_sort_by(self, message: wishes.SortBy) -> None:
        """Another order."""
        message.stop()
        if not message.said:
            self._look(looks.next_sort(self.desk.look))
        elif message.said in SORTS:
            self._look(looks.sorted_by(self.desk.look, message.said))
        else:
            self._tell(f"There is no order {message.said}. There are: {', '.join(SORTS)}")

    def on_table_title_chosen(self, message: Table.TitleChosen) -> None:
        """Sort by the column that was clicked."""
        message.stop()
        if (sort := self.table.sort_of(message.column)) is not None:
            self._look(looks.sorted_by(self.desk.look, sort))

    def on_reverse_sort(self, message: wishes.ReverseSort) -> None:
        """The other way round."""
        message.stop()
        if self.desk.look.sort == "queue":
            self._tell("The plan's order has no other way round. S sorts by something else.")
        else:
            self._look(replace(self.desk.look, reverse=not self.desk.look.reverse))

    def on_choose_columns(self, message: wishes.ChooseColumns) -> None:
        """The columns that are said, else choose them."""
        message.stop()
        keys = message.said.replace(",", " ").split()
        if wrong := unknown(keys):
            self._tell(f"There is no column {wrong[0]}. There are: {', '.join(one.key for one in KINDS)}")
        elif keys:
            self._keep_columns(keys)
        elif self.desk.is_free_for(ColumnsScreen):
            self.desk.push_screen(ColumnsScreen(self.table.keys), self._keep_columns)

    def _keep_columns(self, keys: Sequence[str] | None) -> None:
        if keys is not None:
            self.table.choose(chosen(keys))
            usual = self.table.keys == self._usual
            self.desk.remembered.keep("columns", [] if usual else list(self.table.keys))

    def _tell(self, said: str) -> None:
        self.desk.notify(clean(said), markup=False)

    # ------------------------------------------------------------ the filter

    def on_edit_filter(self, message: messages.EditFilter) -> None:
        """Open the filter's line, or set the filter that is said."""
        message.stop()
        if message.said:
            self._filters = self._filters.kept(message.said)
            self._look(replace(self.desk.look, search=message.said))
            return
        field = self.query_one("#filter", Field)
        field.value = self.desk.look.search
        field.display = True
        self.set_focus(field)  # now: what is typed next belongs to it

    def on_input_changed(self, event: Input.Changed) -> None:
        """The filter works while it is written."""
        event.stop()
        if event.input.display:
            self._look(replace(self.desk.look, search=event.value.strip()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter, go back to the queue."""
        event.stop()
        self._filters = self._filters.kept(event.value.strip())
        self.desk.remembered.keep("filters", list(self._filters.texts))
        self._close_filter()

    def _put_filter(self, message: Message, text: str | None) -> None:
        message.stop()
        if text is not None:
            field = self.query_one("#filter", Field)
            field.value = text
            field.cursor_position = len(text)

    def _close_filter(self) -> None:
        self.query_one("#filter").display = False
        self.table.focus()
