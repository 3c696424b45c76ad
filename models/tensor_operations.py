"""TENSOR_OPERATIONS: every operation on tensors that the page shows, by group; one row each.

To add one, add a row to a group's file: its arguments, function, line of PyTorch, where cells come from,
and source.
"""

from __future__ import annotations

from models.catalog import Catalog
from models.tensor_algebra import ALGEBRA
from models.tensor_creating import CREATING
from models.tensor_distributions import DISTRIBUTIONS
from models.tensor_indexing import INDEXING, JOINING
from models.tensor_operation import GROUPS, Operation
from models.tensor_reducing import REDUCING
from models.tensor_shaping import SHAPING

TENSOR_OPERATIONS: Catalog[Operation] = Catalog(
    "tensor operation",
    [*CREATING, *SHAPING, *INDEXING, *JOINING, *REDUCING, *ALGEBRA, *DISTRIBUTIONS],
)


def of_group(group: str) -> list[str]:
    """The names of a group's operations, in the order of the table. ValueError for a group that is none."""
    if group not in GROUPS:
        raise ValueError(f"no group of operations is {group!r}; there are {', '.join(GROUPS)}")
    return [row.name for row in TENSOR_OPERATIONS if row.group == group]
