"""Directions through the space of weights: scaled as Li et al. 2018 say, and the pictures they promise."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from models.zoo import build_model
from training.directions import (
    NORMALISATIONS,
    difference,
    flat,
    inner,
    norm,
    principal_plane,
    random_direction,
    random_plane,
    shaped,
    weights_of,
)
from training.landscape_modules import ModuleLosses
from training.landscape_scores import Samples, Score


def network(seed: int = 0, **settings: object) -> nn.Module:
    torch.manual_seed(seed)
    return build_model("lenet5", (1, 28, 28), 10, dict(settings)).eval()


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_filter_of_a_direction_has_the_norm_of_the_networks_own() -> None:
    weights = weights_of(network())
    found = random_direction(weights, "filter", True, drawn())
    for name, own in weights.items():
        if own.dim() > 1:
            rows, others = found[name].flatten(1), own.flatten(1)
            assert torch.allclose(rows.norm(dim=1), others.norm(dim=1), rtol=1e-5), name
        else:
            assert not found[name].any(), name


def test_layer_normalisation_keeps_the_norm_of_whole_tensors_and_moves_biases_on_request() -> None:
    weights = weights_of(network())
    found = random_direction(weights, "layer", False, drawn())
    for name, own in weights.items():
        assert torch.allclose(found[name].norm(), own.norm(), rtol=1e-5), name
        assert found[name].any(), name


def test_weight_normalisation_multiplies_and_none_leaves_alone() -> None:
    weights = weights_of(network())
    plain = random_direction(weights, "none", False, drawn())
    scaled = random_direction(weights, "weight", False, drawn())
    for name, own in weights.items():
        assert torch.allclose(scaled[name], plain[name] * own.abs()), name


@pytest.mark.parametrize("name", NORMALISATIONS.names())
def test_orthogonal_directions_are_at_right_angles_and_keep_their_scale(name: str) -> None:
    weights = weights_of(network())
    first, second = random_plane(weights, name, True, True, seed=3)
    cosine = inner(first, second) / norm(first) / norm(second)
    assert abs(cosine) < 1e-6
    if name == "filter":
        for tensor, own in weights.items():
            if own.dim() > 1:
                assert torch.allclose(
                    second[tensor].flatten(1).norm(dim=1), own.flatten(1).norm(dim=1), rtol=1e-4
                )


def test_a_seed_gives_the_same_plane_and_another_one_another() -> None:
    weights = weights_of(network())
    one, again, other = (random_plane(weights, "filter", True, False, seed) for seed in (1, 1, 2))
    assert torch.equal(flat(one[0]), flat(again[0]))
    assert torch.equal(flat(one[1]), flat(again[1]))
    assert not torch.equal(flat(one[0]), flat(other[0]))


def picture(network: nn.Module, normalisation: str, shape: tuple[int, ...] = (6,)) -> torch.Tensor:
    """Losses on a line, with the same random numbers whatever the weights."""
    samples = {"train": Samples(torch.randn(40, *shape, generator=drawn(5)), torch.arange(40) % 3)}
    weights = weights_of(network)
    direction = random_direction(weights, normalisation, True, drawn(1))
    losses = ModuleLosses(network, (weights, direction), samples, Score("cross_entropy"))
    return torch.stack([losses.row(a, [0.0])["train"][0, 0] for a in (-1.0, -0.5, 0.0, 0.5, 1.0)])


def rescaled(network: nn.Module) -> nn.Module:
    """Ten times the first layer, a tenth of the second: a ReLU network computes the same."""
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.get_parameter("hidden.linear1.weight").mul_(10)
        other.get_parameter("hidden.linear1.bias").mul_(10)
        other.get_parameter("hidden.linear2.weight").div_(10)
    return other


def test_a_rescaled_relu_network_keeps_its_filter_normalised_picture_and_no_other() -> None:
    torch.manual_seed(0)
    plain = build_model("mlp", (6,), 3, {"hidden_width": 12}).eval()
    other = rescaled(plain)
    kept, lost = (
        (picture(plain, name) - picture(other, name)).abs().max() / picture(plain, name).abs().max()
        for name in ("filter", "none")
    )
    assert kept < 1e-5
    assert lost > 0.02


def test_a_filter_rescaled_before_batch_norm_keeps_the_filter_normalised_picture_only() -> None:
    torch.manual_seed(0)
    plain = build_model("mlp", (6,), 3, {"hidden_width": 12, "batch_norm": True}).eval()
    other = copy.deepcopy(plain)
    with torch.no_grad():
        for name in ("weight", "bias"):
            other.get_parameter(f"hidden.linear1.{name}")[0].mul_(100)
        other.get_buffer("hidden.norm1.running_mean")[0].mul_(100)
        other.get_buffer("hidden.norm1.running_var")[0].mul_(100**2)
        for network in (plain, other):
            norm1 = network.get_submodule("hidden.norm1")
            assert isinstance(norm1, nn.BatchNorm1d)
            norm1.eps = 0.0  # else the filter's scale is felt a little
    kept, lost = (
        (picture(plain, name) - picture(other, name)).abs().max() / picture(plain, name).abs().max()
        for name in ("filter", "layer")
    )
    assert kept < 1e-4
    assert lost > 0.02


def test_a_network_of_zeros_has_a_direction_without_dividing_by_zero() -> None:
    weights = {"weight": torch.zeros(3, 4), "bias": torch.zeros(3)}
    for name in NORMALISATIONS.names():
        assert torch.isfinite(flat(random_direction(weights, name, False, drawn()))).all()


def test_flat_and_shaped_are_each_others_inverse() -> None:
    weights = weights_of(network())
    back = shaped(flat(weights), weights)
    assert all(torch.equal(back[name], own) for name, own in weights.items())


def test_components_of_a_path_in_a_plane_are_that_plane() -> None:
    random = torch.Generator().manual_seed(0)
    first, second, end = (torch.randn(50, generator=random) for _ in range(3))
    steps = [(4.0, 1.0), (3.0, -1.0), (1.0, 0.5), (0.0, 0.0)]
    found = principal_plane([{"w": end + a * first + b * second} for a, b in steps])
    assert math.isclose(sum(found.shares[:2]), 1.0, rel_tol=1e-6)
    assert found.distances.max() < 1e-4
    for (a, b), place in zip(steps, found.places, strict=True):
        rebuilt = end + place[0] * found.directions[0]["w"] + place[1] * found.directions[1]["w"]
        assert torch.allclose(rebuilt.float(), end + a * first + b * second, atol=1e-4)
    assert torch.equal(found.places[-1], torch.zeros(2, dtype=torch.float64))


def test_components_of_a_random_walk_explain_what_theory_says() -> None:
    """Antognini and Sohl-Dickstein 2018 (arXiv:1806.08805): 6/(pi n)^2 of the variance for the n-th one, so a
    high share is no evidence of a structure.
    """
    random = torch.Generator().manual_seed(0)
    walk = torch.randn(300, 4000, generator=random).cumsum(dim=0)
    # About the walk's mean, as theirs: the last point here is the origin, so the mean is put there
    centred = [{"w": point} for point in walk - walk.mean(dim=0)]
    found = principal_plane([*centred, {"w": torch.zeros(4000)}])
    expected = [6 / (math.pi * n) ** 2 for n in (1, 2, 3)]
    assert found.shares[:3] == pytest.approx(expected, abs=0.02)


def test_too_few_checkpoints_and_a_straight_path_are_refused_with_a_way_out() -> None:
    line = [{"w": torch.arange(5.0) * step} for step in range(4)]
    with pytest.raises(ValueError, match="checkpoint-every"):
        principal_plane(line[:2])
    with pytest.raises(ValueError, match="one line"):
        principal_plane(line)


def test_difference_leads_from_one_network_to_the_other() -> None:
    start, end = weights_of(network(0)), weights_of(network(1))
    way = difference(end, start)
    assert all(torch.allclose(own + way[name], end[name], atol=1e-6) for name, own in start.items())
