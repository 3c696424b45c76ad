"""PyTorch's errors in plain words: every explanation belongs to an error that PyTorch really raises."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch

from models.tensor_errors import EXPLANATIONS, explained

X, CUBE, LINE, NUMBER = torch.arange(6.0).reshape(2, 3), torch.ones(2, 2, 3), torch.ones(3), torch.tensor(1.0)
WRONG: list[Callable[[], object]] = [
    lambda: X.view(4, 2),
    lambda: X.t().view(6),
    lambda: X.view(-1, -1),
    lambda: X.view(-2),
    lambda: torch.ones(0, 3).reshape(-1, 0),
    lambda: X.transpose(0, 3),
    lambda: X.permute(0, 0),
    lambda: X.permute(0, 1, 2),
    lambda: X.expand(4, 3),
    lambda: X.expand(3),
    lambda: X.expand(-1, 2, 3),
    lambda: X.repeat(2),
    lambda: X.flatten(1, 0),
    lambda: X.roll(1, (0, 1)),
    lambda: X.as_strided((3, 3), (3, 1), 0),
    lambda: X.as_strided((3, 3), (3,), 0),
    lambda: X.as_strided((2,), (-1,), 5),
    lambda: X.as_strided((2,), (1,), -1),
    lambda: X.unfold(1, 4, 1),
    lambda: X.unfold(1, 2, 0),
    lambda: torch.zeros(-1, 2),
    lambda: X + torch.ones(4),
    lambda: X @ X,
    lambda: X @ torch.ones(4),
    lambda: LINE @ torch.ones(4),
    lambda: CUBE @ torch.ones(2, 4, 2),
    lambda: NUMBER @ X,
    lambda: torch.cat([X, torch.ones(2, 2)]),
    lambda: torch.cat([X, torch.ones(2)]),
    lambda: torch.cat([NUMBER, X]),
    lambda: torch.stack([X, torch.ones(2)]),
    lambda: X[5],
    lambda: X[0, 0, 0],
    lambda: X[0:2:-1],
    lambda: X[0:2:0],
    lambda: X[[0, 1], [0, 1, 2]],
    lambda: NUMBER[0],
    lambda: X.gather(0, torch.tensor([0, 1])),
    lambda: X.gather(0, torch.tensor([[0, 1, 0, 0]])),
    lambda: X.index_select(0, torch.tensor([7])),
    lambda: X.index_select(0, torch.tensor([[0]])),
    lambda: X.topk(5),
    lambda: X.split(0),
    lambda: X.split([1, 3], 1),
    lambda: NUMBER.split(1),
    lambda: X.chunk(0),
    lambda: torch.linalg.inv(torch.arange(9.0).reshape(3, 3)),
    lambda: torch.linalg.inv(X),
    lambda: torch.linalg.svd(LINE),
    lambda: torch.linalg.svd(torch.full((2, 2), float("nan"))),
    lambda: torch.linalg.cholesky(torch.zeros(2, 2)),
    lambda: torch.arange(0, 5, 0),
    lambda: torch.arange(5.0, 0, 1.0),
    lambda: torch.linspace(0, 1, -1),
    lambda: torch.randint(5, 5, (2,)),
    lambda: torch.tensor([[1, 2], [3]]),
    lambda: torch.einsum("ij,jk->ik", X, X),
    lambda: torch.einsum("ii->i", X),
    lambda: torch.einsum("ijk,jk->ik", X, X),
    lambda: torch.einsum("ij->ij", X, X),
    lambda: torch.einsum("ij,jk->iz", X, X.t()),
    lambda: torch.einsum("ij,kl->ii", X, X),
    lambda: torch.einsum("i1->i", X),
    lambda: torch.zeros(0, 3).amax(0),
    lambda: LINE.to_sparse(layout=torch.sparse_csr),
    lambda: torch.ones(0, 2, 2).to_sparse(layout=torch.sparse_csc),
    lambda: torch.distributions.Uniform(torch.tensor(2.0), torch.tensor(1.0)),
]
HARDWARE = (  # what other computers say
    "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU",
    "PyTorch is not linked with support for mps devices",
)


def said_by(wrong: Callable[[], object]) -> str:
    with pytest.raises((RuntimeError, IndexError, ValueError)) as problem:
        wrong()
    return str(problem.value).strip().split("\n")[0]


@pytest.fixture(scope="module")
def said() -> list[str]:
    return [*map(said_by, WRONG), *HARDWARE]


def test_every_error_has_a_sentence_with_no_gap(said: list[str]) -> None:
    for text in said:
        why = explained(text)
        assert why.endswith("."), f"no explanation of: {text}"
        assert not re.search(r"\{\d\}|None", why.replace("torch.", "")), why
    assert explained("something else") == ""


def test_every_explanation_is_of_an_error_that_there_is(said: list[str]) -> None:
    unused = [
        row.pattern
        for row in EXPLANATIONS
        if not any(explained(text) and row is first(text) for text in said)
    ]
    assert not unused


def first(text: str) -> object:
    return next(row for row in EXPLANATIONS if re.search(row.pattern, text))


def test_a_sentence_names_the_sizes() -> None:
    assert "2 stand 3 and 4" in explained(said_by(lambda: torch.ones(1, 2, 3) + torch.ones(1, 2, 4)))
    assert "2 rows" not in explained(said_by(lambda: X @ X))
    assert "Index 5 is none of them" in explained(said_by(lambda: X[5]))
