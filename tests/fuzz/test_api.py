"""Thousands of requests made up from the served document: no 5xx, nothing that the document does not name."""

import pytest

from tests.fuzz.api import run

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(280)]


def test_made_up_requests_get_documented_answers() -> None:
    outcome = run("user", examples=1, seed=7)  # the command does all roles, with more
    assert outcome.found == {}
    assert outcome.cases > 1000
    assert len(outcome.operations) > 40
    assert not [status for status in outcome.statuses if status >= 500]
    assert outcome.statuses[200] > 100
