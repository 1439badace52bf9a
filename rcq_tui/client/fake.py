"""A scripted engine for tests and pictures: the same calls as the real client, without a socket.

Reading is answered from its state. Whatever changes something must have been announced with `expect`; a call that
was not fails the test, and so does an announced one that never came (`finish`). Must not know screens.
"""

from rcq_tui.client.fakebox import FakeBox
from rcq_tui.client.fakebulk import FakeBulk
from rcq_tui.client.fakefigures import FakeFigures
from rcq_tui.client.fakejobs import FakeJobs
from rcq_tui.client.fakepeople import FakePeople
from rcq_tui.client.fakescript import Unexpected

__all__ = ["FakeApi", "Unexpected"]


class FakeApi(FakeJobs, FakeBulk, FakeBox, FakeFigures, FakePeople):
    """An engine that exists in this process only; see `Script`."""
