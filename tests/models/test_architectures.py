"""The zoo at its papers' size against torchvision and the papers' own numbers; families."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn

from models.families import FAMILIES
from models.googlenet import GoogLeNet, Inception
from models.mobilenet_v2 import MobileNetV2
from models.model import scaled, trainable_parameters
from models.shufflenet_v2 import Shuffle
from models.zoo import MODELS, build_model

PAPER = {"sized_for": "paper"}
# Ours, with settings; torchvision's, with its arguments
PEERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "alexnet": ("alexnet", PAPER, {}),
    "vgg11": ("vgg11", {**PAPER, "batch_norm": False}, {}),
    "vgg13": ("vgg13", {**PAPER, "batch_norm": False}, {}),
    "vgg16": ("vgg16", {**PAPER, "batch_norm": False}, {}),
    "vgg11_bn": ("vgg11", PAPER, {}),
    "vgg16_bn": ("vgg16", PAPER, {}),
    "resnet18": ("resnet18", PAPER, {}),
    "resnet34": ("resnet34", PAPER, {}),
    "densenet121": ("densenet121", PAPER, {}),
    "mobilenet_v2": ("mobilenet_v2", PAPER, {}),
    "mobilenet_v3_small": ("mobilenet_v3_small", PAPER, {}),
    "mobilenet_v3_large": ("mobilenet_v3_large", PAPER, {}),
    "squeezenet1_0": ("squeezenet", PAPER, {}),
    "shufflenet_v2_x0_5": ("shufflenet_v2", {**PAPER, "width_multiplier": 0.5}, {}),
    "shufflenet_v2_x1_0": ("shufflenet_v2", PAPER, {}),
    "shufflenet_v2_x2_0": ("shufflenet_v2", {**PAPER, "width_multiplier": 2.0}, {}),
    "convnext_tiny": ("convnext_tiny", PAPER, {}),
}


class OfWideKernels(type):
    def __instancecheck__(cls, module: object) -> bool:
        return isinstance(module, nn.Conv2d) and module.kernel_size != (1, 1)


class Wide(nn.Module, metaclass=OfWideKernels):
    """Convolutions of more than one pixel."""


def ours(name: str, settings: dict[str, Any], outputs: int = 1000) -> nn.Module:
    with torch.device("meta"):
        return build_model(name, (3, 224, 224), outputs, {**settings, "initializer": "default"})


def shapes_through(network: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[tuple[str, Any, Any]]:
    """What every layer with weights puts out, and its weights' shape, sorted: branches have no order."""
    found: list[tuple[str, Any, Any]] = []
    for module in network.modules():
        if isinstance(module, kinds):
            module.register_forward_hook(
                lambda module, _, out: found.append(
                    (type(module).__name__, tuple(module.weight.shape), tuple(out.shape[1:]))
                )
            )
    network.eval()(torch.empty(1, 3, 224, 224, device="meta"))
    return sorted(found)


@pytest.mark.parametrize("peer", PEERS)
def test_at_the_papers_size_every_layer_is_torchvisions(peer: str) -> None:
    """Same weights layer by layer, and each puts out a picture of the same size."""
    from torchvision.models import get_model

    name, settings, arguments = PEERS[peer]
    with torch.device("meta"):
        oracle = get_model(peer, weights=None, **arguments)
    network = ours(name, settings)
    assert trainable_parameters(network) == trainable_parameters(oracle)
    if peer == "convnext_tiny":  # its 1 x 1 convolutions are linear layers there
        kinds: tuple[type[nn.Module], ...] = (Wide,)
    else:
        kinds = (nn.Conv2d, nn.BatchNorm2d)
    assert shapes_through(network, kinds) == shapes_through(oracle, kinds)


def test_googlenet_is_torchvisions_but_for_its_known_kernel() -> None:
    """torchvision has 3 x 3 where the paper has 5 x 5 (its issue 906)."""
    from torchvision.models import get_model

    with torch.device("meta"):
        oracle = get_model("googlenet", weights=None, aux_logits=False, init_weights=False)
        same = GoogLeNet(3, 1000, 1.0, True, "relu", 0.2, large=3)
    assert trainable_parameters(same) == trainable_parameters(oracle)
    assert shapes_through(same, (nn.Conv2d,)) == shapes_through(oracle, (nn.Conv2d,))


@pytest.mark.parametrize(
    ("channels", "widths", "thousands"),
    [
        (192, (64, 96, 128, 16, 32, 32), 159),
        (256, (128, 128, 192, 32, 96, 64), 380),
        (480, (192, 96, 208, 16, 48, 64), 364),
        (832, (384, 192, 384, 48, 128, 128), 1388),
    ],
    ids=["3a", "3b", "4a", "5b"],
)
def test_an_inception_module_has_the_papers_weights(
    channels: int, widths: tuple[int, ...], thousands: int
) -> None:
    """Table 1 of Szegedy et al. 2014, whose thousand is 1024; it adds up to that within 2%."""
    with torch.device("meta"):
        module = Inception(channels, widths, "relu")
    weights = sum(m.weight.numel() for m in module.modules() if isinstance(m, nn.Conv2d))
    assert weights / 1024 == pytest.approx(thousands, rel=0.02)


def test_mobilenet_has_the_papers_parameters() -> None:
    """4.2 million (table 8 of Howard et al. 2017); the exact number is that of the authors' release."""
    assert trainable_parameters(ours("mobilenet_v1", PAPER)) == 4_231_976
    assert trainable_parameters(ours("mobilenet_v1", {**PAPER, "width_multiplier": 0.5})) == 1_331_592


def test_densenet_has_the_papers_parameters() -> None:
    """Table 2 of Huang et al. 2016: L = 100, k = 12 has 0.8 million, 769,162 in the authors' code."""
    with torch.device("meta"):
        settings = {"layers_per_block": 16, "initializer": "default"}
        network = build_model("densenet", (3, 32, 32), 10, settings)
    assert trainable_parameters(network) == 769_162


def test_excitation_adds_what_the_paper_says() -> None:
    """Section 4 of Hu et al. 2017: 2 / r times the sum of C^2 over the blocks, and here the biases."""
    plain, squeezed = (trainable_parameters(ours(name, PAPER)) for name in ("resnet18", "senet18"))
    widths = [width for width in (64, 128, 256, 512) for _ in range(2)]
    expected = sum(2 * width**2 // 16 + width // 16 + width for width in widths)
    assert squeezed - plain == expected


def test_narrow_mobilenets_have_torchvisions_widths() -> None:
    from torchvision.models import mobilenet_v2

    for width in (0.35, 0.5, 0.75, 1.4):
        with torch.device("meta"):
            oracle = mobilenet_v2(width_mult=width)
            network = MobileNetV2(3, 1000, width, True, 0.2)
        assert trainable_parameters(network) == trainable_parameters(oracle)


def test_a_scaled_width_is_a_multiple_and_loses_at_most_a_tenth() -> None:
    for channels, multiplier in itertools.product((3, 16, 24, 116, 1280), (0.0625, 0.3, 1.0, 1.4)):
        width = scaled(channels, multiplier)
        assert width % 8 == 0
        assert width >= max(8, 0.9 * channels * multiplier)


def test_the_shuffle_takes_channels_of_both_halves_in_turn() -> None:
    images = torch.arange(6.0).view(1, 6, 1, 1).expand(2, 6, 3, 3)
    assert Shuffle()(images)[1, :, 2, 2].tolist() == [0, 3, 1, 4, 2, 5]


def test_a_skipped_block_passes_its_input_on() -> None:
    torch.manual_seed(0)
    network = build_model("convnext_tiny", (3, 32, 32), 10, {"width_multiplier": 0.0625})
    block = network.features.stage4.block3
    nn.init.ones_(block.gamma)
    images = torch.randn(400, 48, 2, 2)[:, : block.norm.normalized_shape[0]]
    passed = (block.train()(images) == images).flatten(1).all(dim=1).float().mean().item()
    assert passed == pytest.approx(0.1, abs=0.05)
    assert not (block.eval()(images) == images).flatten(1).all(dim=1).any()


def test_a_family_has_networks_parents_that_are_older_and_a_block() -> None:
    for family in FAMILIES:
        assert family.adds.endswith(".")
        assert any(model.family == family.name for model in MODELS), f"{family.name} has no network"
        assert all(FAMILIES[parent].year <= family.year for parent in family.parents)
        assert any(family.block)
        assert bool(family.joined) == (len(family.block) > 1)
