"""Promise 18: the drop-ins keep PyTorch's numbers; where they do not, a table of docs/from-torch.md says so."""

from __future__ import annotations

import pytest

from tests.torch.differences import PAGE, PEERS, Difference, answer, differences

ROWS = differences()


def test_every_row_of_the_tables_is_read() -> None:
    assert len(ROWS) == PAGE.read_text("utf-8").count("\n| `") > 40


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.call)
def test_promise_18_a_difference_is_as_the_page_says(row: Difference) -> None:
    assert answer(row.call, PEERS["PyTorch"]) == row.theirs
    assert answer(row.call, PEERS["crossentropy"]) == row.ours
    assert row.theirs != row.ours and row.why
