"""The gradient noise scale: numpy's covariance as oracle, a problem whose scale is known, and no bias."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from training.gradient_noise import GradientNoise, gradient_noise
from training.objective import Objective


class Place(nn.Module):
    """A point w; the loss of a sample x is |w - x|^2 / 2, its gradient w - x."""

    def __init__(self, point: Tensor) -> None:
        super().__init__()
        self.point = nn.Parameter(point)

    def forward(self, samples: Tensor) -> Tensor:
        return self.point - samples


def known(samples: int, spread: float = 1.0, seed: int = 0) -> Objective:
    """Samples of standard deviation `spread` around 0 in 6 dimensions, seen from (1, 0, ...): the gradient is
    of length 1, tr(Sigma) = 6 spread^2.
    """
    inputs = spread * torch.randn(samples, 6, generator=torch.Generator().manual_seed(seed)).double()
    point = torch.eye(6, dtype=torch.float64)[0]
    return Objective(Place(point), inputs, inputs, lambda outputs, _: outputs.square().sum(1) / 2)


def network() -> Objective:
    digits = load_digits()
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 10)).double()
    inputs, targets = torch.from_numpy(digits.data[:120] / 16), torch.from_numpy(digits.target[:120])
    return Objective(layers, inputs, targets, nn.CrossEntropyLoss(reduction="none"))


def test_single_samples_give_the_covariance_of_their_gradients() -> None:
    objective = network()
    each = objective.sample_gradients(objective.point, torch.arange(120)).numpy()
    trace = np.trace(np.cov(each, rowvar=False))
    found = gradient_noise(objective, small=1)
    assert found.noise == pytest.approx(trace, rel=1e-9)
    assert found.signal == pytest.approx((each.mean(0) ** 2).sum() - trace / 120, rel=1e-9)
    assert found.scale == pytest.approx(found.noise / found.signal)
    assert (found.small, found.batches) == (1, 120)


@pytest.mark.parametrize("small", [5, 7, 30])
def test_two_sizes_of_batches_give_the_papers_estimates(small: int) -> None:
    """Appendix A.1: |G|^2 = (B |G_B|^2 - b |G_b|^2) / (B - b), S = (|G_b|^2 - |G_B|^2) / (1 / b - 1 / B)."""
    objective = network()
    count = 120 // small
    order = torch.randperm(120, generator=torch.Generator().manual_seed(4))[: count * small]
    gradients = [objective.gradient(objective.point, rows) for rows in order.split(small)]
    little = float(torch.stack(gradients).square().sum(1).mean())
    large = float(objective.gradient(objective.point, order).square().sum())
    big = count * small
    found = gradient_noise(objective, small=small, seed=4)
    assert found.signal == pytest.approx((big * large - small * little) / (big - small), rel=1e-9)
    assert found.noise == pytest.approx((little - large) / (1 / small - 1 / big), rel=1e-9)


def test_a_known_scale_is_found_within_its_error() -> None:
    found = gradient_noise(known(20_000), small=20)
    assert found.noise == pytest.approx(6, rel=0.05)
    assert found.signal == pytest.approx(1, rel=0.05)
    assert found.standard_error < 0.5
    assert found.scale == pytest.approx(6, abs=4 * found.standard_error)


def test_the_estimates_have_no_bias_and_the_error_is_about_their_spread() -> None:
    """Over many small draws, where |G_all|^2 alone would be half noise."""
    found = [gradient_noise(known(60, seed=seed), small=3) for seed in range(300)]
    mean = np.mean([[one.noise, one.signal] for one in found], axis=0)
    assert mean[0] == pytest.approx(6, rel=0.03)
    assert mean[1] == pytest.approx(1, rel=0.06)
    larger = [gradient_noise(known(1000, seed=seed), small=10) for seed in range(60)]
    spread = np.std([one.scale for one in larger])
    assert np.mean([one.standard_error for one in larger]) == pytest.approx(spread, rel=0.35)


def test_noise_that_drowns_the_signal_is_an_infinite_scale() -> None:
    found = [gradient_noise(known(12, spread=30.0, seed=seed), small=2) for seed in range(12)]
    drowned = [one for one in found if one.signal <= 0]
    assert drowned
    assert all(one.scale == math.inf and math.isnan(one.standard_error) for one in drowned)


def test_the_seed_deals_the_batches() -> None:
    objective = network()
    first, again, other = (gradient_noise(objective, small=8, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    elsewhere = gradient_noise(objective, objective.point * 2, small=8)
    assert elsewhere != first


@pytest.mark.parametrize("small", [1, 4])
def test_progress_is_told_and_a_stop_counts_what_is_done(small: int) -> None:
    objective, told = known(80), list[tuple[int, int]]()
    gradient_noise(objective, small=small, progress=lambda *done: told.append(done))
    assert told == [(batch, 80 // small) for batch in range(1, 80 // small + 1)]
    if small == 4:
        told.clear()
        stopped = gradient_noise(
            objective,
            small=4,
            progress=lambda *done: told.append(done),
            should_stop=lambda: len(told) >= 6,
        )
        order = torch.randperm(80, generator=torch.Generator().manual_seed(0))[:24]
        each = torch.stack([objective.gradient(objective.point, rows) for rows in order.split(4)]).numpy()
        assert stopped.batches == 6
        assert stopped.noise == pytest.approx(4 * np.trace(np.cov(each, rowvar=False)))
        assert gradient_noise(objective, small=4, should_stop=lambda: True).batches == 2


def test_a_scale_of_two_batches_has_no_error_to_tell() -> None:
    found: GradientNoise = gradient_noise(known(10), small=5)
    assert found.batches == 2
    assert math.isnan(found.standard_error)


def test_what_can_not_be_is_said_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="small is 0 for 10 samples"):
        gradient_noise(known(10), small=0)
    with pytest.raises(ValueError, match="small is 6 for 10 samples"):
        gradient_noise(known(10), small=6)
