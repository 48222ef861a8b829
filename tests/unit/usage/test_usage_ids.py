"""No two records have one id."""

import re
from itertools import islice

from services.usage.ids import ids


def test_no_two_rows_of_ids_have_one_in_common() -> None:
    found = [each for _ in range(20) for each in islice(ids(), 500)]
    assert len(set(found)) == 20 * 500
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in found)


def test_ids_of_a_row_lie_side_by_side() -> None:
    found = list(islice(ids(), 1000))
    assert found == sorted(found)
