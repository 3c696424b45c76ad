"""A state dict finds its architecture again."""

from __future__ import annotations

import pytest
import torch
import torchvision

from models.fitting import Fit, filled, fitting
from models.zoo import build_model


@pytest.mark.parametrize("name", ["resnet20", "lenet5", "vgg11"])
def test_networks_of_ours_are_found(name: str) -> None:
    network = build_model(name, (1, 28, 28), 7).eval()
    found = fitting(network.state_dict())
    fit = next(fit for fit in found if fit.name == name)
    assert (fit.input_shape, fit.outputs) == ((1, 28, 28), 7)
    pictures = torch.randn(2, 1, 28, 28)
    assert torch.equal(filled(fit, network.state_dict())(pictures), network(pictures))


def test_networks_of_torchvision_are_found_whatever_their_head() -> None:
    network = torchvision.models.squeezenet1_1(num_classes=5).eval()
    (fit,) = fitting(network.state_dict())
    assert fit == Fit("torchvision/squeezenet1_1", (3, 224, 224), 5)


def test_numbers_of_no_known_network_fit_none() -> None:
    assert fitting({"a": torch.zeros(3)}) == []
    assert fitting({"layer.weight": torch.zeros(3, 2), "layer.odd": torch.zeros(1)}) == []


def test_numbers_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit lenet5"):
        filled(Fit("lenet5", (1, 28, 28), 10), build_model("resnet20", (1, 28, 28), 10).state_dict())
