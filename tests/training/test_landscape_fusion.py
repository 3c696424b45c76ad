"""Fused convolutions compute what the network computes, whatever its graph is."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from models.zoo import build_model
from training.landscape_fusion import RectifiedConvolution, fuse_rectifiers

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_convolution_pointwise"), reason="torch was built without oneDNN"
)


class Graph(nn.Module):
    """Two convolutions of five channels and whatever `body` makes of them."""

    def __init__(self, body: Callable[[Graph, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(5, 5, 3, padding=1) for _ in range(2))
        self.rectify, self.nothing, self.pool = nn.ReLU(), nn.Identity(), nn.MaxPool2d(1)
        self.body = body

    def forward(self, images: Tensor) -> Tensor:
        return self.body(self, images)


def residual(net: Graph, images: Tensor) -> Tensor:
    hidden = net.rectify(net.nothing(net.first(images)))
    return functional.relu(net.second(hidden) + images)


def onto(net: Graph, images: Tensor) -> Tensor:
    beside = net.pool(net.first(images))
    return torch.relu(net.nothing(beside) + net.nothing(net.second(images)))


def used_later(net: Graph, images: Tensor) -> Tensor:
    beside = net.pool(net.first(images))
    return (net.second(images) + net.nothing(beside)).relu() + beside


def own_input(net: Graph, images: Tensor) -> Tensor:
    beside = net.pool(net.first(images))
    return (net.second(beside) + beside).relu()


def used_twice(net: Graph, images: Tensor) -> Tensor:
    hidden = net.first(images)
    return net.rectify(hidden) * hidden


def constant_added(net: Graph, images: Tensor) -> Tensor:
    return net.rectify(net.first(images) + 1)


def spread(net: Graph, images: Tensor) -> Tensor:
    return net.rectify(net.first(images) + images.mean(dim=(2, 3), keepdim=True))


def scaled(net: Graph, images: Tensor) -> Tensor:
    return net.rectify(torch.add(net.first(images), images, alpha=2))


def chosen(net: Graph, images: Tensor) -> Tensor:
    return net.rectify(net.first(images)) if images.sum() > -1e9 else images


# Of each graph: how many layers are fused, and how many of them write over what they add
GRAPHS = {
    residual: (2, 0),
    onto: (1, 1),
    used_later: (1, 0),
    own_input: (1, 0),
    used_twice: (0, 0),
    constant_added: (0, 0),
    spread: (0, 0),
    scaled: (0, 0),
    chosen: (0, 0),
}


def fused_layers(run: object) -> list[RectifiedConvolution]:
    recorded = run.modules() if isinstance(run, fx.GraphModule) else ()
    return [module for module in recorded if isinstance(module, RectifiedConvolution)]


@pytest.mark.parametrize("body", GRAPHS, ids=lambda body: body.__name__)
@torch.no_grad()
def test_what_is_fused_computes_the_same_and_leaves_its_input_alone(
    body: Callable[[Graph, Tensor], Tensor],
) -> None:
    torch.manual_seed(0)
    network, images = Graph(body).eval(), torch.randn(4, 5, 6, 6)
    run = fuse_rectifiers(network, images[:2])
    layers = fused_layers(run)
    assert (len(layers), sum(layer.onto for layer in layers)) == GRAPHS[body]
    expected, before = network(images), images.clone()
    for _ in range(2):
        torch.testing.assert_close(run(images), expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(images, before)


@pytest.mark.parametrize("model", ["resnet20", "lenet5", "vgg11", "mobilenet_v2"])
@torch.no_grad()
def test_networks_of_the_zoo_follow_their_parameters(model: str) -> None:
    torch.manual_seed(0)
    network = build_model(model, (3, 32, 32), 10, {}).eval()
    images = torch.randn(3, 3, 32, 32)
    run = fuse_rectifiers(network, images)
    for own in network.parameters():
        own.mul_(1.1)
    kept = copy.deepcopy(network.state_dict())
    torch.testing.assert_close(run(images), network(images), rtol=1e-3, atol=1e-4)
    assert all(torch.equal(own, kept[name]) for name, own in network.state_dict().items())
