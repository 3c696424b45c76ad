"""Dropout as an average over masks: torch as oracle, exact with one hidden layer, what samples come to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from training import dropout_masks
from training.dropout_masks import LAYERS, POINTS, RATES, SAMPLES, Ensemble, Thinned, drawn, ensemble, train


@pytest.fixture(scope="module")
def trained() -> dict[int, tuple[Thinned, ...]]:
    return {layers: train(layers, 0) for layers in LAYERS}


def as_torch(network: Thinned, mask: np.ndarray | None) -> np.ndarray:
    """What torch says of POINTS with this mask, or with the network in evaluation."""
    flow, begin = torch.from_numpy(POINTS)[:, None], 0
    for weights, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        flow = torch.tanh(flow @ torch.from_numpy(weights) + torch.from_numpy(bias))
        if mask is not None:
            kept = torch.from_numpy(mask[begin : begin + len(bias)]).double()
            flow = flow * kept / (1 - network.rate)
        begin += len(bias)
    return (flow @ torch.from_numpy(network.weights[-1]) + torch.from_numpy(network.biases[-1]))[:, 0].numpy()


@pytest.mark.parametrize("layers", LAYERS)
def test_a_thinned_network_is_the_network_with_units_missing(layers: int, trained: dict) -> None:
    network = trained[layers][RATES.index(0.3)]
    for number in (0, 1, 77, 4095):
        said = network.outputs(POINTS, network.masks[number : number + 1])[0]
        np.testing.assert_allclose(said, as_torch(network, network.masks[number]), atol=1e-5)
    np.testing.assert_allclose(network.scaled(POINTS), as_torch(network, None), atol=1e-12)


@pytest.mark.parametrize("layers", LAYERS)
def test_every_mask_is_there_once_with_dropouts_chance(layers: int, trained: dict) -> None:
    network = trained[layers][RATES.index(0.2)]
    assert network.masks.shape == (4096, 12)
    assert len(np.unique(network.masks, axis=0)) == 4096
    assert network.chances.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(network.chances @ network.masks, np.full(12, 0.8), rtol=1e-6)
    assert network.chances[0] == pytest.approx(0.2**12)


def test_with_one_hidden_layer_the_scaled_network_is_the_mean_exactly(trained: dict) -> None:
    for network in trained[1]:
        made = ensemble(network)
        assert made.gap < 1e-5
        np.testing.assert_allclose(made.mean, made.scaled, atol=1e-5)


def test_with_two_hidden_layers_it_is_close_and_no_more(trained: dict) -> None:
    for network in trained[2][2:]:
        made = ensemble(network)
        assert 1e-3 < made.gap < 0.3
        assert made.gap < made.spread.mean()  # nearer to the mean than a typical mask


@pytest.mark.parametrize("layers", LAYERS)
def test_without_dropout_there_is_one_network(layers: int, trained: dict) -> None:
    made = ensemble(trained[layers][0])
    assert made.spread.max() < 1e-4
    assert made.gap < 1e-5
    assert ((made.mean - np.sin(np.pi * POINTS))[25:-25] ** 2).mean() < 0.05  # and it has learned


@pytest.mark.parametrize("layers", LAYERS)
def test_the_written_gradients_are_autograds(layers: int) -> None:
    random = np.random.default_rng(3)
    sizes, count = (1, *LAYERS[layers], 1), 2
    keep = np.array([1.0, 0.6])[:, None, None]
    values = [
        random.standard_normal((count, *shape))
        for before, after in itertools.pairwise(sizes)
        for shape in ((before, after), (1, after))
    ]
    samples = drawn(0)
    inputs = np.broadcast_to(samples.inputs[None, :, None], (count, SAMPLES, 1))
    ours = dropout_masks._gradients(values, inputs, samples.targets[:, None], keep, np.random.default_rng(9))
    draws = np.random.default_rng(9)
    leaves = [torch.from_numpy(value.copy()).requires_grad_() for value in values]
    flow = torch.from_numpy(inputs.copy())
    for place in range(0, len(leaves) - 2, 2):
        flow = torch.tanh(flow @ leaves[place] + leaves[place + 1])
        flow = flow * torch.from_numpy((draws.random(flow.shape[1:]) < keep) / keep)
    said = flow @ leaves[-2] + leaves[-1]
    ((said - torch.from_numpy(samples.targets)[:, None]) ** 2).mean(dim=(1, 2)).sum().backward()
    for mine, leaf in zip(ours, leaves, strict=True):
        assert leaf.grad is not None
        np.testing.assert_allclose(mine, leaf.grad.numpy(), atol=1e-10)


def test_means_of_drawn_masks_come_nearer_as_the_root_of_their_number() -> None:
    made = ensemble(train(2, 1)[RATES.index(0.5)])
    counts = np.array([1, 10, 100, 1000])
    distances = made.distances(counts, 0, repeats=60)
    slope = np.polyfit(np.log(counts), np.log(distances), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.08)
    assert distances[0] == pytest.approx(np.sqrt((made.spread**2).mean()), rel=0.35)


def test_drawn_masks_follow_their_chances() -> None:
    made = ensemble(train(1, 0)[RATES.index(0.4)])
    drawn_ = made.sampled(4000, 5)
    assert drawn_.shape == (4000, len(POINTS))
    standard_error = made.spread / np.sqrt(4000)
    assert (np.abs(drawn_.mean(axis=0) - made.mean) < 5 * standard_error + 1e-6).all()
    assert isinstance(made, Ensemble)


def test_one_seed_gives_one_training() -> None:
    first, again, other = train(1, 4), train(1, 4), train(1, 5)
    np.testing.assert_array_equal(first[3].weights[0], again[3].weights[0])
    assert (first[3].weights[0] != other[3].weights[0]).any()


def test_other_numbers_of_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="layers is 3; it must be one of 1, 2"):
        train(3, 0)
