"""How a refusal's details are told."""

import pytest

from rcq_tui.cli.failures import detail_line


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ({"field": "gpus", "message": "9 wanted"}, "gpus: 9 wanted"),
        ({"field": "", "message": "over the quota", "limit": 40}, "over the quota (limit 40)"),
        ({"message": "busy"}, "busy"),
        ({"job": 7, "when": "ok"}, "job 7, when ok"),
    ],
)
def test_a_detail_names_its_field_only_where_one_is_to_blame(detail: dict[str, object], told: str) -> None:
    assert detail_line(detail) == told
