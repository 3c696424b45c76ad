"""Facts about single networks: published counts and shapes, and oracles for what is written by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import Perceptron as ScikitPerceptron
from torch import nn
from torch.nn import functional

from models.lenet5 import flat_size, padding
from models.losses import build_loss
from models.model import trainable_parameters
from models.resnet20 import Block, PaddedShortcut
from models.zoo import build_model


def test_the_linear_model_is_a_matrix_and_a_bias() -> None:
    network = build_model("linear", (2, 3), 4)
    inputs = torch.randn(5, 2, 3)
    expected = inputs.reshape(5, 6) @ network.output.weight.T + network.output.bias
    torch.testing.assert_close(network(inputs), expected)


def test_the_mlp_is_the_product_of_its_layers() -> None:
    network = build_model("mlp", (3,), 2, {"hidden_layers": 2, "hidden_width": 5, "activation": "tanh"})
    inputs = torch.randn(7, 3)
    weights = network.state_dict()
    signal = inputs
    for layer in (1, 2):
        signal = torch.tanh(
            signal @ weights[f"hidden.linear{layer}.weight"].T + weights[f"hidden.linear{layer}.bias"]
        )
    torch.testing.assert_close(network(inputs), signal @ weights["output.weight"].T + weights["output.bias"])


@pytest.mark.parametrize("layers", [0, 1, 20])
@pytest.mark.parametrize("width", [1, 33])
def test_an_mlp_of_any_depth_and_width_has_the_parameters_that_arithmetic_says(
    layers: int, width: int
) -> None:
    network = build_model("mlp", (6,), 4, {"hidden_layers": layers, "hidden_width": width})
    sizes = [6, *[width] * layers, 4]
    expected = sum(before * after + after for before, after in itertools.pairwise(sizes))
    assert trainable_parameters(network) == expected


def test_the_large_mlp_of_the_readme_has_its_known_size() -> None:
    network = build_model("mlp", (1, 28, 28), 10, {"hidden_layers": 2, "hidden_width": 200})
    assert trainable_parameters(network) == 199_210


def test_a_layer_is_linear_then_norm_then_activation_then_dropout() -> None:
    network = build_model("mlp", (4,), 2, {"hidden_layers": 1, "batch_norm": True, "dropout": 0.5})
    assert [name for name, _ in network.hidden.named_children()] == [
        "linear1",
        "norm1",
        "activation1",
        "dropout1",
    ]


def test_dropout_silences_its_share_in_training_and_nothing_afterwards() -> None:
    torch.manual_seed(0)
    network = build_model("mlp", (4,), 2, {"hidden_layers": 1, "hidden_width": 4096, "dropout": 0.25})
    seen: list[torch.Tensor] = []
    network.hidden.dropout1.register_forward_hook(lambda _, inputs, output: seen.extend((inputs[0], output)))
    network(torch.randn(64, 4))
    before, after = seen
    silenced = ((after == 0) & (before != 0)).sum() / (before != 0).sum()
    assert silenced.item() == pytest.approx(0.25, abs=0.01)
    network.eval()
    inputs = torch.randn(3, 4)
    assert torch.equal(network(inputs), network(inputs))


def test_lenet_layers_have_the_parameters_of_the_usual_version() -> None:
    network = build_model("lenet5", (1, 32, 32), 10)
    counts = {
        name.rpartition(".")[2]: trainable_parameters(module)
        for name, module in network.named_modules()
        if trainable_parameters(module) and not list(module.children())
    }
    assert counts == {"c1": 156, "c3": 2416, "c5": 48_120, "f6": 10_164, "output": 850}


def test_lenet_sees_a_small_image_as_if_its_field_were_padded() -> None:
    torch.manual_seed(0)
    small = build_model("lenet5", (1, 28, 28), 10)
    large = build_model("lenet5", (1, 32, 32), 10)
    large.load_state_dict(small.state_dict())
    images = torch.randn(2, 1, 28, 28)
    torch.testing.assert_close(small(images), large(functional.pad(images, (2, 2, 2, 2))))


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (32, 32), (33, 40), (64, 31)])
def test_the_flat_size_is_what_the_features_put_out(size: tuple[int, int]) -> None:
    network = build_model("lenet5", (1, *size), 10)
    assert network.features(torch.zeros(1, 1, *size)).numel() == flat_size(*size)


def test_padding_reaches_the_field_and_never_crops() -> None:
    assert padding(28, 28) == (2, 2, 2, 2)
    assert padding(8, 31) == (0, 1, 12, 12)
    assert padding(64, 64) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("blocks", "parameters"),
    [(3, 269_722), (5, 464_154), (7, 658_586), (9, 853_018), (18, 1_727_962)],
    ids=["ResNet-20", "ResNet-32", "ResNet-44", "ResNet-56", "ResNet-110"],
)
def test_residual_networks_have_the_papers_parameter_counts(blocks: int, parameters: int) -> None:
    """He et al. 2015, table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million."""
    network = build_model("resnet20", (3, 32, 32), 10, {"blocks_per_stage": blocks})
    assert trainable_parameters(network) == parameters
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) + 1 == 6 * blocks + 2


def test_only_the_first_convolution_of_the_second_and_third_stage_has_a_stride() -> None:
    network = build_model("resnet20", (3, 32, 32), 10)
    strided = [
        name for name, module in network.named_modules() if getattr(module, "stride", 1) in ((2, 2), 2)
    ]
    assert [name for name in strided if "conv" in name] == [
        "features.stage2.block1.conv1",
        "features.stage3.block1.conv1",
    ]


def test_the_padded_shortcut_takes_every_second_pixel_and_adds_zeros() -> None:
    images = torch.randn(2, 3, 5, 6)
    shortcut = PaddedShortcut(stride=2, new_channels=4)(images)
    assert shortcut.shape == (2, 7, 3, 3)
    assert torch.equal(shortcut[:, :3], images[:, :, ::2, ::2])
    assert shortcut[:, 3:].abs().sum() == 0


@pytest.mark.parametrize("shortcut", ["padding", "projection", "none"])
@pytest.mark.parametrize(("channels", "stride"), [(4, 1), (8, 2)])
def test_a_block_computes_the_papers_equation(shortcut: str, channels: int, stride: int) -> None:
    """y = relu(F(x) + shortcut(x)), written with functions from the block's own weights."""
    torch.manual_seed(0)
    block = Block(4, channels, stride, "relu", shortcut).eval()
    images = torch.randn(2, 4, 6, 6)
    signal = functional.conv2d(images, block.conv1.weight, stride=stride, padding=1)
    signal = functional.relu(signal / math.sqrt(1 + block.norm1.eps))
    signal = functional.conv2d(signal, block.conv2.weight, padding=1) / math.sqrt(1 + block.norm2.eps)
    if shortcut != "none" and channels == 4:
        signal = signal + images
    elif shortcut == "padding":
        signal[:, :4] += images[:, :, ::2, ::2]
    elif shortcut == "projection":
        shrunk = functional.conv2d(images, block.shortcut[0].weight, stride=2)
        signal = signal + shrunk / math.sqrt(1 + block.shortcut[1].eps)
    torch.testing.assert_close(block(images), functional.relu(signal), atol=1e-5, rtol=1e-5)


def test_a_plain_network_has_no_shortcuts() -> None:
    plain = build_model("resnet20", (3, 32, 32), 10, {"shortcut": "none"})
    assert not [name for name, _ in plain.named_modules() if "shortcut" in name]
    assert trainable_parameters(plain) == 269_722


def test_projections_cost_what_their_convolutions_hold() -> None:
    projected = build_model("resnet20", (3, 32, 32), 10, {"shortcut": "projection"})
    added = 16 * 32 + 32 * 64 + 2 * (32 + 64)
    assert trainable_parameters(projected) == 269_722 + added


def test_association_units_fire_or_not_and_are_never_trained() -> None:
    torch.manual_seed(0)
    network = build_model("perceptron", (5,), 3, {"association_units": 40})
    fired = network.association(torch.randn(200, 5))
    assert set(fired.unique().tolist()) == {0, 1}
    assert 0.2 < fired.mean().item() < 0.8
    assert {name for name, _ in network.named_parameters()} == {"output.weight", "output.bias"}
    assert {"association.connections", "association.thresholds"} <= set(network.state_dict())


def test_a_bare_perceptron_under_plain_sgd_is_rosenblatts_rule() -> None:
    """The same weights as scikit-learn's Perceptron after the same samples, one at a time."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(60, 4)).astype(np.float32)
    targets = (inputs @ random.normal(size=4) + 0.3 > 0).astype(np.int64)
    oracle = ScikitPerceptron(shuffle=False, eta0=1.0, max_iter=5, tol=None).fit(inputs, targets)

    network = build_model("perceptron", (4,), 1, {"association_units": 0})
    loss = build_loss("perceptron")
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    for _ in range(5):
        for sample, target in zip(torch.from_numpy(inputs), torch.from_numpy(targets), strict=True):
            optimizer.zero_grad()
            loss(network(sample[None]), target[None]).backward()
            optimizer.step()
    np.testing.assert_allclose(network.output.weight.detach().numpy(), oracle.coef_, atol=1e-4)
    np.testing.assert_allclose(network.output.bias.detach().numpy(), oracle.intercept_, atol=1e-4)


XOR = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
XOR_TARGETS = torch.tensor([0, 1, 1, 0])


@pytest.mark.parametrize(("units", "learns"), [(0, False), (64, True)])
def test_xor_needs_association_units(units: int, learns: bool) -> None:
    """Minsky and Papert 1969: no line parts xor."""
    torch.manual_seed(0)
    network = build_model("perceptron", (2,), 1, {"association_units": units})
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    for _ in range(200):
        optimizer.zero_grad()
        build_loss("perceptron")(network(XOR), XOR_TARGETS).backward()
        optimizer.step()
    right = (network(XOR)[:, 0] > 0).long() == XOR_TARGETS
    assert bool(right.all()) == learns
