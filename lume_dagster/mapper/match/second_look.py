"""A second look at assigned pairs: how sure all the others are, and what is left for this one.

In a file that was made for its schema a column that nothing speaks for may be the only one left.
Of a target of many tables nothing is left over that would tell anything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Evidence = NDArray[np.float64]
NAMES = (
    "first", "others", "columns_left", "fields_left", "more_fields", "more_columns",
    "first_if_others",
)  # fmt: skip
_SETTLED = 0.8  # pairs that are as likely leave their column and field to nobody else
_EDGE = 1e-3


def evidence(first: Evidence, columns: int) -> Evidence:
    """For each assigned pair what the others say of it, in the order of NAMES.

    Args:
        first: The probability of each field's pair at first sight; 0 where it has none.
        columns: How many there are in the source.
    """
    fields = len(first)
    paired = max(1, int(np.count_nonzero(first)))
    others = (first.sum() - first) / (paired - 1) if paired > 1 else np.full(fields, 0.5)
    settled = first >= _SETTLED
    taken = settled.sum() - settled
    columns_left, fields_left = np.log1p(np.maximum(columns - taken, 0)), np.log1p(fields - taken)
    bounded = np.clip(first, _EDGE, 1 - _EDGE)
    logit = np.log(bounded / (1 - bounded))
    told = {
        "first": logit,
        "others": others,
        "columns_left": columns_left,
        "fields_left": fields_left,
        "more_fields": np.maximum(fields_left - columns_left, 0),
        "more_columns": np.maximum(columns_left - fields_left, 0),
        "first_if_others": logit * others,
    }
    return np.stack([told[name] for name in NAMES], axis=-1)
