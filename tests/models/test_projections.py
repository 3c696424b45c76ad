"""PCA and LDA against scikit-learn and scipy, and shapes aligned as PyTorch broadcasts them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Tensor

from models.broadcasting import aligned
from models.projections import lda, pca, rebuilt
from models.tensor_operation import RefusedError, performed
from models.tensor_operations import TENSOR_OPERATIONS

SHAPE = st.lists(st.integers(1, 3), max_size=4)


@pytest.fixture(scope="module", params=["iris", "digits"])
def table(request: pytest.FixtureRequest) -> tuple[str, Tensor, Tensor]:
    x, labels = {"iris": load_iris, "digits": load_digits}[request.param](return_X_y=True)
    return request.param, torch.tensor(x, dtype=torch.float64), torch.tensor(labels)


def up_to_sign(found: Tensor, wanted: np.ndarray) -> None:
    """Columns are the same, each perhaps turned round."""
    signs = np.sign((found.numpy() * wanted).sum(0))
    np.testing.assert_allclose(found.numpy() * signs, wanted, rtol=1e-6, atol=1e-8)


def test_pca_is_scikit_learns(table: tuple[str, Tensor, Tensor]) -> None:
    _, x, _ = table
    theirs, ours = PCA(3, svd_solver="full").fit(x.numpy()), pca(x, 3)
    up_to_sign(ours.coordinates, theirs.transform(x.numpy()))
    np.testing.assert_allclose(ours.shares[:3].numpy(), theirs.explained_variance_ratio_)
    assert ours.shares.sum().item() == pytest.approx(1)
    wanted = theirs.inverse_transform(theirs.transform(x.numpy()))[5]
    np.testing.assert_allclose(rebuilt(x, 3, 5).numpy(), wanted, atol=1e-9)
    scaled = (x - x.mean(0)) / torch.where(x.std(0) > 0, x.std(0), 1.0)
    up_to_sign(pca(x, 2, scaled=True).coordinates, PCA(2, svd_solver="full").fit_transform(scaled.numpy()))


def test_lda_is_scikit_learns_where_nothing_is_shrunk() -> None:
    x, labels = load_iris(return_X_y=True)
    theirs = LinearDiscriminantAnalysis(solver="eigen", n_components=2).fit(x, labels)
    ours = lda(torch.tensor(x), torch.tensor(labels), 2)
    wanted = (x - x.mean(0)) @ theirs.scalings_[:, :2]
    up_to_sign(ours.coordinates, wanted)
    ratio = ours.shares / ours.shares.sum()
    np.testing.assert_allclose(ratio.numpy(), theirs.explained_variance_ratio_)
    assert len(lda(torch.tensor(x), torch.tensor(labels), 9).directions) == 2  # one fewer than classes


def test_lda_solves_its_equation_with_shrinkage_too(table: tuple[str, Tensor, Tensor]) -> None:
    _, x, labels = table
    ours = lda(x, labels, 2, shrinkage=0.2)
    classes = [x[labels == each].numpy() for each in labels.unique()]
    within = sum(len(each) * np.cov(each.T, bias=True) for each in classes) / len(x)
    between = np.cov(x.numpy().T, bias=True) - within
    shrunk = 0.8 * within + 0.2 * np.trace(within) / len(within) * np.eye(len(within))
    ratios, axes = scipy.linalg.eigh(between, shrunk)
    np.testing.assert_allclose(ours.shares.numpy(), ratios[::-1][: len(ours.shares)], atol=1e-9)
    up_to_sign(ours.coordinates, (x - x.mean(0)).numpy() @ axes[:, ::-1][:, :2])


@pytest.mark.parametrize("settings", [{}, {"scaled": True, "components": 3}])
@pytest.mark.parametrize("name", ["pca", "lda"])
def test_the_printed_lines_give_the_projection(
    name: str, settings: dict[str, object], table: tuple[str, Tensor, Tensor]
) -> None:
    data, x, labels = table
    outcome = performed(TENSOR_OPERATIONS[name], {"data": data, **settings}, (x, labels))
    space: dict[str, object] = {"torch": torch}
    exec("\n".join(outcome.lines), space)
    found = space["out"]
    assert isinstance(found, Tensor)
    torch.testing.assert_close(found, outcome.outputs[0])


def test_pixels_that_never_change_need_shrinkage() -> None:
    real = tuple(torch.tensor(part) for part in load_digits(return_X_y=True))
    with pytest.raises(RefusedError, match="Shrinkage above 0"):
        performed(TENSOR_OPERATIONS["lda"], {"data": "digits", "shrinkage": 0.0}, real)


@given(first=SHAPE, second=SHAPE)
def test_shapes_are_aligned_as_pytorch_broadcasts_them(first: list[int], second: list[int]) -> None:
    rows = aligned(first, second)
    assert [row.dimension for row in rows] == list(range(-len(rows), 0))
    try:
        wanted = list(torch.broadcast_shapes(tuple(first), tuple(second)))
    except RuntimeError:
        assert None in [row.result for row in rows]
        return
    assert [row.result for row in rows] == wanted
