"""A network with what it shows: the same answers as without, and contributions that closed forms confirm."""

from __future__ import annotations

import pytest
import torch

from models.watched import Places, WatchedNetwork, class_scores, most, placed_maps
from models.zoo import MODELS, build_model

MEAN, STD = (0.3,), (0.4,)


def watched(name: str, shape: tuple[int, ...] = (1, 12, 12), **settings: object) -> WatchedNetwork:
    network = build_model(name, shape, 5, dict(settings))
    return WatchedNetwork(network, shape, MEAN, STD, [stage for stage, _ in MODELS[name].stages])


def answers(network: WatchedNetwork, chosen: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    pictures = torch.rand(len(chosen), 1, 12, 12)
    return pictures, dict(zip(network.output_names(), network(pictures, chosen), strict=True))


@pytest.mark.parametrize("name", ["mlp", "lenet5", "resnet20"])
def test_a_watched_network_answers_as_the_network_does(name: str) -> None:
    network = watched(name)
    pictures, said = answers(network, torch.zeros(3, 5))
    logits = network.network((pictures - MEAN[0]) / STD[0])
    assert torch.equal(said["logits"], logits)
    assert torch.allclose(said["probabilities"], logits.softmax(1))
    for place, layer in enumerate(network.layers):
        assert said[f"layer{place}"].shape[1:] == (most(layer.shape), *layer.shape[1:])
    assert len(network.layers) >= 2


def test_contributions_of_a_linear_model_are_weight_times_input() -> None:
    network = watched("linear")
    pictures, said = answers(network, torch.eye(5))
    inputs = (pictures - MEAN[0]) / STD[0]
    weight = network.network.output.weight.reshape(5, 12, 12)
    assert torch.allclose(said["contributions"], weight * inputs[:, 0], atol=1e-6)


def test_contributions_under_averaged_maps_are_the_class_activation_map() -> None:
    network = watched("resnet20")
    assert network.last.startswith("features")
    kept = []
    hook = network.network.features.register_forward_hook(lambda _m, _i, output: kept.append(output))
    _, said = answers(network, torch.eye(5))
    hook.remove()
    places = kept[0].shape[2] * kept[0].shape[3]
    by_hand = torch.einsum("km,kmij->kij", network.network.classifier.weight, kept[0]) / places
    assert torch.allclose(said["contributions"], by_hand, atol=1e-6)


def test_without_a_choice_the_class_that_is_said_is_explained() -> None:
    network = watched("lenet5")
    pictures = torch.rand(4, 1, 12, 12)
    free = network(pictures, torch.zeros(4, 5))
    named = network(pictures, torch.nn.functional.one_hot(free[0].argmax(1), 5).float())
    assert torch.equal(free[2], named[2])
    assert not torch.allclose(free[2], network(pictures, torch.eye(5)[[0, 0, 0, 0]])[2])


def test_one_logit_is_two_classes() -> None:
    logits = torch.randn(6, 1)
    assert torch.allclose(class_scores(logits).softmax(1)[:, 1:], logits.sigmoid())


def test_a_layer_that_works_in_place_does_not_change_what_is_shown() -> None:
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), torch.nn.ReLU(inplace=True), torch.nn.Flatten(), torch.nn.LazyLinear(5)
    )
    network(torch.zeros(1, 1, 12, 12))
    shown = WatchedNetwork(network, (1, 12, 12), MEAN, STD)
    assert [layer.name for layer in shown.layers] == ["0", "1"]
    _, said = answers(shown, torch.zeros(2, 5))
    assert said["layer0"].min() < 0
    assert torch.equal(said["layer0"].relu(), said["layer1"])


def test_maps_lie_where_their_units_look() -> None:
    """LeNet-5's S4 sees 16 of 32 pixels, every fourth; ResNet-20's last maps divide the picture evenly."""
    for side, border in ((28, 2), (8, 12)):
        shape = (1, side, side)
        down, across = placed_maps(watched("lenet5", shape), shape)
        assert (across.first, across.step) == (8 - border, 4)
        assert down == across
    shape = (1, 32, 32)
    assert placed_maps(watched("resnet20", shape), shape)[0] == Places(count=8, first=2.0, step=4.0)
    assert placed_maps(watched("mlp", (1, 9, 7)), (1, 9, 7))[1] == Places(count=7, first=0.5, step=1.0)
