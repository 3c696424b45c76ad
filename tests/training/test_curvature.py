"""Eigenvalues, trace and spectrum of a Hessian: closed forms, and the whole matrix where it is small."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.func import functional_call, jacrev

from training.curvature import (
    Eigenpairs,
    NotFiniteError,
    Spectrum,
    hessian_trace,
    spectral_density,
    top_eigenpairs,
)
from training.krylov import Krylov
from training.objective import Objective, Product

CROSS_ENTROPY = nn.CrossEntropyLoss(reduction="none")


@dataclass(frozen=True)
class Quadratic:
    """x^T A x / 2, whose Hessian is A everywhere."""

    matrix: Tensor

    @property
    def point(self) -> Tensor:
        return torch.zeros_like(self.matrix[0])

    def value(self, vector: Tensor) -> float:
        return float(vector @ self.matrix @ vector) / 2

    def gradient(self, vector: Tensor) -> Tensor:
        return self.matrix @ vector

    def hessian(self, vector: Tensor) -> Product:
        return lambda direction: self.matrix @ direction


def quadratic(values: list[float] | np.ndarray, dtype: torch.dtype = torch.float64) -> Quadratic:
    """A quadratic with these eigenvalues and random eigenvectors."""
    rotation = torch.linalg.qr(torch.randn(len(values), len(values), dtype=torch.float64)).Q
    return Quadratic(
        (rotation @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ rotation.T).to(dtype)
    )


def check(found: Eigenpairs, matrix: Tensor, expected: np.ndarray, digits: float = 1e-4) -> None:
    """The values, and that each vector is one of that value, as far off as its error says."""
    np.testing.assert_allclose(
        found.values, expected, rtol=digits, atol=digits * np.abs(expected).max() / 100
    )
    residual = (
        found.vectors @ matrix - torch.from_numpy(found.values).to(matrix)[:, None] * found.vectors
    ).norm(dim=1)
    rounding = 5 * torch.finfo(matrix.dtype).eps * float(matrix.norm())
    assert (residual.cpu().double().numpy() <= found.errors + rounding).all()
    product = found.vectors @ found.vectors.T
    torch.testing.assert_close(product, torch.eye(len(product)).to(product), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("count", [1, 3, 10])
def test_the_eigenvalues_of_a_quadratic_are_right_to_four_digits(count: int, dtype: torch.dtype) -> None:
    values = np.concatenate([[50, 30, 20, 10, 9, 8, 7.5, 7, 6, 5], np.linspace(-1, 1, 290)])
    function = quadratic(values, dtype)
    found = top_eigenpairs(function, count)
    assert found.converged
    check(found, function.matrix, values[:count])
    assert found.products < 120


@pytest.mark.parametrize(
    ("which", "expected"), [("largest", [6, 5, 1]), ("smallest", [-8, -2, -1]), ("magnitude", [-8, 6, 5])]
)
def test_both_ends_of_the_spectrum_can_be_asked_for(which: str, expected: list[float]) -> None:
    values = np.concatenate([[6, 5, -8, -2], np.linspace(-1, 1, 96)])
    function = quadratic(values)
    found = top_eigenpairs(function, 3, which=which)  # type: ignore[arg-type]
    assert found.converged
    check(found, function.matrix, np.array(expected, float))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_an_eigenvalue_with_several_directions_is_found_as_often_as_it_is_there(dtype: torch.dtype) -> None:
    values = np.concatenate([[9, 9, 9, 5, 5, 3], np.linspace(0, 1, 74)])
    function = quadratic(values, dtype)
    for count in (1, 2, 3, 4, 6):
        found = top_eigenpairs(function, count)
        assert found.converged
        check(found, function.matrix, values[:count])


def test_more_eigenvalues_than_the_basis_holds_vectors_take_restarts() -> None:
    values = np.concatenate([np.geomspace(100, 2, 20), np.linspace(0, 1, 380)])
    function = quadratic(values)
    few = Krylov(function.hessian(function.point), function.point, 30, 0)
    for _ in range(200):
        few.step()
        if few.full:
            few.restart(np.argsort(-few.values)[:15])
    np.testing.assert_allclose(np.sort(few.values)[::-1][:8], values[:8], rtol=1e-8)
    images = few.vectors(np.argsort(-few.values)[:8]) @ function.matrix
    torch.testing.assert_close(images.norm(dim=1), torch.from_numpy(values[:8]), rtol=1e-6, atol=0)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_small_space_is_known_whole(size: int) -> None:
    values = np.arange(size, 0, -1.0)
    function = quadratic(values)
    found = top_eigenpairs(function, 10)
    assert found.converged
    assert found.products == size
    check(found, function.matrix, values)


def test_a_hessian_of_zeros_and_one_of_ones_are_no_trouble() -> None:
    nothing = top_eigenpairs(Quadratic(torch.zeros(40, 40)), 3)
    assert nothing.converged
    assert nothing.values.tolist() == [0, 0, 0]
    same = top_eigenpairs(Quadratic(torch.eye(40)), 3)
    assert same.converged
    np.testing.assert_allclose(same.values, 1, rtol=1e-6)


def test_the_same_seed_gives_the_same_vectors_and_another_the_same_up_to_the_error() -> None:
    function = quadratic(np.concatenate([[5, 4, 3], np.linspace(-1, 1, 97)]))
    first, again, other = (top_eigenpairs(function, 2, seed=seed, tolerance=1e-8) for seed in (0, 0, 7))
    assert torch.equal(first.vectors, again.vectors)
    torch.testing.assert_close(first.vectors, other.vectors, rtol=0, atol=1e-6)  # the sign is settled too
    assert not torch.equal(first.vectors, other.vectors)


def test_progress_is_told_and_a_stop_gives_the_best_so_far() -> None:
    function = quadratic(np.linspace(0, 10, 400))
    told: list[tuple[int, int]] = []
    found = top_eigenpairs(
        function, 2, progress=lambda *done: told.append(done), should_stop=lambda: len(told) >= 12
    )
    assert told == [(product, 300) for product in range(1, 13)]
    assert not found.converged
    assert found.products == 12
    assert (np.abs(found.values - 10) < 3).all()
    assert (found.errors > 1e-4).all()
    assert not top_eigenpairs(function, 2, most_products=20).converged
    assert top_eigenpairs(function, 2, should_stop=lambda: True).products == 1


@pytest.mark.parametrize("limit", range(1, 60, 7))
def test_errors_hold_wherever_the_search_ends(limit: int) -> None:
    """In the middle of a search, after restarts and new starts, the error is that of the vector given."""
    function = quadratic(np.concatenate([[9, 9, 5, 5], np.linspace(0, 1, 196)]))
    found = top_eigenpairs(function, 3, most_products=limit)
    residual = found.vectors @ function.matrix - torch.from_numpy(found.values)[:, None] * found.vectors
    np.testing.assert_array_less(residual.norm(dim=1).numpy(), found.errors * (1 + 1e-6) + 1e-12)


def test_least_squares_has_the_hessian_of_its_inputs() -> None:
    inputs = torch.randn(60, 12, dtype=torch.float64) * torch.arange(1, 13)
    network = nn.Linear(12, 1, bias=False).double()
    objective = Objective(
        network, inputs, torch.randn(60, 1).double(), lambda o, t: (o - t).square()[:, 0], batch=25
    )
    matrix = 2 * inputs.T @ inputs / 60
    exact = torch.linalg.eigvalsh(matrix).flip(0).numpy()
    check(top_eigenpairs(objective, 4), matrix, exact[:4])
    trace = hessian_trace(objective, samples=400)
    assert abs(trace.value - exact.sum()) < 4 * trace.standard_error
    spectrum = spectral_density(objective, vectors=30, steps=12)
    assert spectrum.numbers * spectrum.moment(1) == pytest.approx(exact.sum(), rel=0.15)


def test_logistic_regression_has_the_hessian_of_its_weights() -> None:
    """Binary: sum of p (1 - p) x x^T / n."""
    inputs = torch.randn(50, 6, dtype=torch.float64)
    network = nn.Linear(6, 1, bias=False).double()
    loss = nn.BCEWithLogitsLoss(reduction="none")
    objective = Objective(network, inputs, (torch.rand(50) > 0.5).double(), lambda o, t: loss(o[:, 0], t))
    likely = torch.sigmoid(network(inputs)[:, 0]).detach()
    matrix = inputs.T * (likely * (1 - likely)) @ inputs / 50
    check(top_eigenpairs(objective, 3), matrix, torch.linalg.eigvalsh(matrix).flip(0)[:3].numpy())


def test_softmax_regression_at_zero_has_the_spectrum_of_its_inputs() -> None:
    """At W = 0 the Hessian is (I / C - 1 1^T / C^2) x (X X^T / n): each eigenvalue of the inputs' products,
    divided by the number of classes C, with C - 1 directions.
    """
    digits = load_digits()
    inputs, targets = torch.from_numpy(digits.data[:300] / 16), torch.from_numpy(digits.target[:300])
    network = nn.Linear(64, 10, bias=False).double()
    nn.init.zeros_(network.weight)
    objective = Objective(network, inputs, targets, CROSS_ENTROPY)

    def loss(weight: Tensor) -> Tensor:
        return nn.functional.cross_entropy(inputs @ weight.view(10, 64).T, targets)

    matrix = jacrev(jacrev(loss))(objective.point)
    whole = torch.linalg.eigvalsh(matrix).flip(0).numpy()
    of_inputs = torch.linalg.eigvalsh(inputs @ inputs.T / 300).flip(0).numpy() / 10
    np.testing.assert_allclose(whole[0], of_inputs[0], rtol=1e-10)
    found = top_eigenpairs(objective, 12)
    assert found.converged
    check(found, matrix, np.repeat(of_inputs[:2], 9)[:12])
    assert whole.sum() == pytest.approx(9 * of_inputs.sum(), rel=1e-9)


def tiny() -> tuple[Objective, Tensor]:
    """A trained two-layer network on real digits and its whole Hessian [98, 98]."""
    digits = load_digits(n_class=3)
    torch.manual_seed(0)
    pictures = (
        torch.from_numpy(digits.images[:90] / 16).unfold(1, 2, 2).unfold(2, 2, 2).mean((-1, -2)).flatten(1)
    )
    targets = torch.from_numpy(digits.target[:90])
    network = nn.Sequential(nn.Linear(16, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(pictures), targets).backward()
        optimizer.step()
    objective = Objective(network, pictures, targets, CROSS_ENTROPY, batch=40)

    def loss(vector: Tensor) -> Tensor:
        outputs = functional_call(network, objective.unflatten(vector), (pictures,))
        return nn.functional.cross_entropy(outputs, targets)

    return objective, jacrev(jacrev(loss))(objective.point).detach()


def test_a_networks_numbers_are_those_of_its_whole_hessian() -> None:
    """PyHessian's definitions, on the matrix itself: eigenvalues; the trace as their sum; the density as the
    mean of a Gaussian at each.
    """
    objective, matrix = tiny()
    exact, exact_vectors = torch.linalg.eigh(matrix)
    values = exact.flip(0).numpy()
    found = top_eigenpairs(objective, 5)
    assert found.converged
    check(found, matrix, values[:5])
    np.testing.assert_allclose((found.vectors @ exact_vectors.flip(1)[:, :5]).abs().diagonal(), 1, rtol=1e-4)
    lowest = top_eigenpairs(objective, 2, which="smallest")
    check(lowest, matrix, values[::-1][:2])

    same = Quadratic(matrix)  # quick to multiply, so that means come out sharp
    trace = hessian_trace(same, samples=2000, seed=3)
    few = hessian_trace(objective, samples=20, seed=3)
    np.testing.assert_allclose(few.samples, trace.samples[:20], rtol=1e-8)
    assert trace.value == pytest.approx(values.sum(), abs=4 * trace.standard_error)
    assert trace.standard_error == pytest.approx(
        math.sqrt(2 * float(matrix.square().sum() - matrix.diagonal().square().sum()) / 2000), rel=0.1
    )

    spectrum = spectral_density(same, vectors=100, steps=len(matrix), seed=1)
    first = spectral_density(objective, vectors=1, steps=len(matrix), seed=1)
    low, high = values.min(), values.max()
    width = 0.05 * (high - low)
    grid = np.linspace(low - 5 * width, high + 5 * width, 400)
    np.testing.assert_allclose(
        first.density(grid, width),
        Spectrum(spectrum.nodes[:1], spectrum.weights[:1], 83).density(grid, width),
        1e-5,
    )
    kernels = np.exp(-0.5 * ((grid[:, None] - values) / width) ** 2) / (width * math.sqrt(2 * math.pi))
    density = kernels.mean(axis=1)
    difference = np.abs(spectrum.density(grid, width) - density)
    assert np.trapezoid(difference, grid) < 0.05
    assert np.trapezoid(spectrum.density(grid, width), grid) == pytest.approx(1, abs=1e-4)
    assert spectrum.share_below(-1e-3) == pytest.approx((values < -1e-3).mean(), abs=0.05)


def test_the_nodes_of_a_start_give_its_moments_exactly() -> None:
    """Gauss quadrature of m nodes is exact for powers up to 2 m - 1."""
    function = quadratic(np.linspace(-1, 3, 50))
    spectrum = spectral_density(function, vectors=1, steps=4, seed=5)
    start = Krylov(function.hessian(function.point), function.point, 4, 5 * 1_000_003).basis[0]
    image = start
    for power in range(1, 8):
        image = function.matrix @ image
        assert spectrum.moment(power) == pytest.approx(float(start @ image), rel=1e-10)


def test_the_density_of_a_quadratic_has_its_two_humps() -> None:
    values = np.concatenate([np.zeros(150), np.full(50, 4.0)])
    spectrum = spectral_density(quadratic(values), vectors=40, steps=20)
    assert spectrum.limits == pytest.approx((0, 4), abs=1e-6)
    assert spectrum.share_below(2) == pytest.approx(0.75, abs=0.02)
    grid = spectrum.grid(3001)
    density = spectrum.density(grid)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-3)
    assert np.trapezoid(density[grid < 2], grid[grid < 2]) == pytest.approx(0.75, abs=0.02)
    assert spectrum.density(np.array([2.0]))[0] < 1e-12


def test_a_spectrum_of_one_value_has_a_width_and_a_wrong_width_is_refused() -> None:
    spectrum = spectral_density(Quadratic(2 * torch.eye(30)), vectors=2)
    assert spectrum.limits == pytest.approx((2, 2), rel=1e-5)
    assert np.isfinite(spectrum.density(spectrum.grid())).all()
    assert spectral_density(Quadratic(torch.zeros(9, 9)), vectors=1).width > 0
    with pytest.raises(ValueError, match="width is 0"):
        spectrum.density(spectrum.grid(), 0.0)


def test_a_stopped_spectrum_is_that_of_the_starts_that_are_done() -> None:
    function = quadratic(np.linspace(-1, 3, 200))
    whole = spectral_density(function, vectors=3, steps=10)
    for products, vectors, steps in (
        (1, 1, 1),
        (7, 1, 7),
        (10, 1, 10),
        (15, 1, 10),
        (25, 2, 10),
        (30, 3, 10),
    ):
        told: list[int] = []
        found = spectral_density(
            function,
            vectors=3,
            steps=10,
            progress=lambda done, most, told=told: told.append(done),  # type: ignore[misc]
            should_stop=lambda told=told, products=products: len(told) >= products,  # type: ignore[misc]
        )
        assert told == list(range(1, products + 1))
        assert found.nodes.shape[0] == vectors
        assert (found.weights > 0).sum() == vectors * steps
        if products >= 10:
            np.testing.assert_array_equal(found.nodes, whole.nodes[:vectors])


def test_the_trace_of_a_diagonal_hessian_is_exact_and_one_sample_knows_no_error() -> None:
    function = Quadratic(torch.diag(torch.arange(1.0, 11.0)))
    assert hessian_trace(function, samples=1).value == 55
    assert hessian_trace(function, samples=1).standard_error == math.inf
    assert len(hessian_trace(function, samples=100).samples) == 10  # its error is 0: nothing more to learn


def test_a_trace_ends_when_it_is_sure_enough_or_told_to() -> None:
    function = quadratic(np.linspace(0, 2, 60))
    found = hessian_trace(function, samples=5000, tolerance=0.02)
    assert 10 <= len(found.samples) < 5000
    assert found.standard_error <= 0.02 * found.value
    assert found.value == pytest.approx(60, rel=0.08)
    told: list[tuple[int, int]] = []
    stopped = hessian_trace(
        function, samples=50, progress=lambda *done: told.append(done), should_stop=lambda: len(told) == 4
    )
    assert told == [(1, 50), (2, 50), (3, 50), (4, 50)]
    np.testing.assert_array_equal(stopped.samples, hessian_trace(function, samples=50).samples[:4])
    seeds = {hessian_trace(function, samples=2, seed=seed).value for seed in (0, 0, 1)}
    assert len(seeds) == 2


def test_another_point_than_the_networks_own_may_be_looked_at() -> None:
    objective, _ = tiny()
    at = objective.point * 0.5
    direct = objective.hessian(at)
    found = top_eigenpairs(objective, 1, at)
    torch.testing.assert_close(
        direct(found.vectors[0]), found.vectors[0] * found.values[0], atol=1e-3, rtol=1e-3
    )
    assert hessian_trace(objective, at, samples=3).value != hessian_trace(objective, samples=3).value
    spectra = [spectral_density(objective, place, vectors=1, steps=5) for place in (at, objective.point)]
    assert spectra[0].limits != spectra[1].limits


def test_what_can_not_be_is_said_in_a_sentence() -> None:
    function = Quadratic(torch.full((4, 4), math.nan))
    for compute in (
        lambda: top_eigenpairs(function, 1),
        lambda: hessian_trace(function),
        lambda: spectral_density(function),
    ):
        with pytest.raises(NotFiniteError, match="NaN or infinities"):
            compute()
    good = Quadratic(torch.eye(4))
    with pytest.raises(ValueError, match="count is 0"):
        top_eigenpairs(good, 0)
    with pytest.raises(ValueError, match="samples is 0"):
        hessian_trace(good, samples=0)
    with pytest.raises(ValueError, match="steps 0"):
        spectral_density(good, steps=0)
