"""Normalisations against PyTorch's modules, over drawn shapes, and what batch norm remembers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from models.catalog import UnknownNameError
from models.normalisation import (
    NORMALISATIONS,
    Normalisation,
    averaged_sets,
    build_normalisation,
    example_tensor,
    normalised,
)
from models.running_statistics import followed_batches


def settings_of(row: Normalisation, groups: int) -> dict[str, Any]:
    return {"groups": groups} if any(each.name == "groups" for each in row.parameters) else {}


@given(
    st.sampled_from(NORMALISATIONS.names()), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3),
    st.lists(st.integers(1, 4), max_size=3), st.sampled_from([1e-5, 1e-3, 0.5]), st.integers(0, 100),
)  # fmt: skip
def test_every_number_is_pytorchs(
    name: str, samples: int, groups: int, each: int, places: list[int], epsilon: float, seed: int
) -> None:
    row, shape = NORMALISATIONS[name], (samples, groups * each, *places)
    values = 3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 1
    settings = settings_of(row, groups)
    if row.centred and int(torch.bincount(averaged_sets(shape, name, settings).flatten()).max()) == 1:
        with pytest.raises(ValueError, match="over one number"):
            normalised(values, name, settings)
        return
    found = normalised(values, name, settings, epsilon=epsilon)
    module = build_normalisation(shape[1:], name, settings, epsilon)
    torch.testing.assert_close(found.values, module.double()(values))
    for number, (mean, variance) in enumerate(zip(found.means, found.variances, strict=True)):
        members = values[found.sets == number]
        torch.testing.assert_close(variance, (members - mean).square().mean())
        assert not row.centred or torch.isclose(mean, members.mean())


def test_what_is_averaged_over_is_what_the_paper_draws() -> None:
    """Wu and He 2018, figure 2: as many sets as channels, samples, both, and groups of both."""
    counts = {row.name: int(averaged_sets((3, 6, 2, 2), row.name).max()) + 1 for row in NORMALISATIONS}
    assert counts == {"batch": 6, "layer": 3, "instance": 18, "group": 6, "rms": 3}
    sets = averaged_sets((3, 6, 2, 2), "group", {"groups": 2})
    assert sets[0, :, 0, 0].tolist() == [0, 0, 0, 1, 1, 1]
    values = example_tensor(3, 6, 2, 1.0, 1.0, seed=0)
    for groups, other in ((1, "layer"), (6, "instance")):
        same = normalised(values, "group", {"groups": groups}).values
        torch.testing.assert_close(same, normalised(values, other).values)


def test_a_scale_and_a_shift_are_those_of_a_trained_module() -> None:
    values = example_tensor(4, 3, 2, 0.5, 1.0, seed=1)
    module = nn.BatchNorm2d(3).double()
    nn.init.constant_(module.weight, 1.5)
    nn.init.constant_(module.bias, -0.25)
    found = normalised(values, "batch", scale=1.5, shift=-0.25)
    torch.testing.assert_close(found.values, module(values).detach())


def test_a_new_row_is_all_that_a_new_normalisation_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layer norm over the channels of each place, as in ConvNeXt and transformers."""

    class PerPlace(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return nn.functional.layer_norm(inputs.movedim(1, -1), inputs.shape[1:2]).movedim(-1, 1)

    row = Normalisation(
        "place", "Layer norm of a place", "S_i", "Each place.", "arXiv:2201.03545",
        lambda cells: (cells.sample, cells.place), lambda shape, epsilon: PerPlace(),
    )  # fmt: skip
    monkeypatch.setitem(NORMALISATIONS._rows, "place", row)
    values = example_tensor(2, 5, 3, 1.0, 1.0, seed=2)
    torch.testing.assert_close(normalised(values, "place").values, PerPlace()(values))


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ValueError, match=r"6 channels can't be cut into 4 groups .* can be 1, 2, 3, 6"):
        averaged_sets((2, 6, 1), "group", {"groups": 4})
    with pytest.raises(ValueError, match="needs more samples, channels or places"):
        normalised(torch.ones(1, 3, 1, 1), "batch")
    with pytest.raises(ValueError, match="it needs places"):
        build_normalisation((8,), "instance")
    with pytest.raises(UnknownNameError, match="did you mean 'batch'"):
        averaged_sets((2, 2), "bach")


def test_spreads_of_nothing_leave_standard_normal_numbers() -> None:
    values = example_tensor(40, 8, 6, 0.0, 0.0, seed=0)
    assert abs(values.mean()) < 0.03
    assert abs(values.std() - 1) < 0.03
    torch.testing.assert_close(values, (100 * values).round() / 100)
    assert example_tensor(40, 8, 6, 0.0, 2.0, seed=0).mean(dim=(0, 2, 3)).std() > 1


@given(
    st.integers(1, 12), st.integers(2, 9), st.one_of(st.none(), st.floats(0, 1)), st.floats(-5, 5),
    st.floats(-3, 3), st.integers(0, 50),
)  # fmt: skip
def test_running_statistics_are_those_of_pytorchs_module(
    batches: int, size: int, momentum: float | None, number: float, drift: float, seed: int
) -> None:
    found = followed_batches(batches, size, momentum, number, drift=drift, seed=seed)
    module = nn.BatchNorm1d(1, momentum=momentum, affine=False, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(batches, size, generator=generator, dtype=torch.float64)
    asked = torch.full((1, 1), number, dtype=torch.float64)
    for place, batch in enumerate(found.true_means[:, None] + 2 * drawn):
        torch.testing.assert_close(found.in_evaluation[place], module.eval()(asked)[0, 0])
        joined = torch.cat([asked[0], batch[1:]])[:, None]
        copy = nn.BatchNorm1d(1, affine=False, dtype=torch.float64)
        torch.testing.assert_close(found.in_training[place], copy(joined)[0, 0])
        module.train()(batch[:, None])
        torch.testing.assert_close(found.running_means[place + 1], module.running_mean[0])
        torch.testing.assert_close(found.running_variances[place + 1], module.running_var[0])


def test_a_plain_average_comes_to_the_truth_and_one_number_is_refused() -> None:
    found = followed_batches(400, 32, None, 3.0)
    assert abs(found.running_means[-1] - 1.0) < 0.05
    assert abs(found.in_evaluation[-1] - found.ideal[-1]) < 0.05
    with pytest.raises(ValueError, match="2 numbers at least"):
        followed_batches(3, 1, 0.1, 0.0)
