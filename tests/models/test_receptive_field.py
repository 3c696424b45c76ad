"""Receptive fields beside closed forms and beside the gradients of whole networks."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from models.activations import ACTIVATIONS
from models.model import Model
from models.receptive_field import receptive_fields
from models.zoo import MODELS, build_model

PICTURES = [row for row in MODELS if row.inputs == "image"]
PUBLISHED = [  # Araujo, Norris and Sim 2019; Simonyan and Zisserman 2014 for VGG
    ("alexnet", "features.12", 195),
    ("vgg16", "features.30", 212),
    ("resnet18", "layer1", 43),
    ("resnet18", "layer2", 99),
    ("resnet18", "layer4", 435),
    ("mobilenet_v2", "features.18", 491),
]


@pytest.mark.parametrize(("name", "path", "size"), PUBLISHED)
def test_known_networks_have_their_known_fields(name: str, path: str, size: int) -> None:
    with torch.device("meta"):
        network = torchvision.models.get_model(name)
    field = receptive_fields(network, (3, 224, 224), [path])[path]
    assert field.size == (size, size)
    assert max(field.visible) <= 224


def test_a_global_mean_sees_everything() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1))
    fields = receptive_fields(network, (1, 9, 12))
    assert fields["0"].size == (3, 3)
    assert fields["1"].size is None
    assert fields["1"].box == (0, 0, 9, 12)


def test_strides_dilation_and_ceil_mode_are_followed() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 4, (5, 3), stride=(2, 1), dilation=(1, 3)),  # 5 x 7
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, ceil_mode=True, dilation=2),  # + (5 - 1) x its stride
        nn.Conv2d(4, 8, 3, padding=1, groups=4),  # + 2 x the strides so far
    )
    fields = receptive_fields(network, (1, 64, 64))
    assert [fields[path].size for path in "0123"] == [(5, 7), (5, 7), (13, 11), (21, 15)]
    assert len(fields) == 4


class SideBySide(nn.Module):
    """Two convolutions' outputs laid side by side, and taken apart again."""

    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 2, 7, padding=3)
        self.both, self.pool, self.left, self.mixed = (nn.Identity() for _ in range(4))
        self.after, self.apart = nn.Conv2d(4, 3, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1, groups=2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        both = self.both(torch.cat([self.small(images), self.large(images)], dim=1))
        pooled = self.pool(torch.relu(nn.functional.max_pool2d(both, 3, 1, 1)))
        left = self.left(pooled.chunk(2, dim=1)[0])
        self.mixed(pooled + torch.cat([left, left], dim=1))
        return self.after(both).mean() + self.apart(pooled)[:, :2].mean()


def test_maps_laid_side_by_side_are_seen_apart_where_they_are_taken_apart() -> None:
    fields = receptive_fields(SideBySide(), (1, 33, 33))
    sizes = {path: fields[path].size for path in ("both", "pool", "left", "mixed", "after", "apart")}
    assert sizes == {
        "both": (7, 7), "pool": (9, 9), "left": (5, 5), "mixed": (9, 9), "after": (9, 9), "apart": (11, 11)
    }  # fmt: skip


def measured(network: nn.Module, shape: tuple[int, ...], paths: list[str]) -> list[tuple[int, int, int, int]]:
    """The boxes by gradients of the network itself, in double precision, its weights random and positive."""
    network = network.double().eval()
    kinds = tuple({type(row.build(**{p.name: p.default for p in row.parameters})) for row in ACTIVATIONS})
    for parent in list(network.modules()):
        for name, module in list(parent.named_children()):
            if isinstance(module, nn.MaxPool2d):
                assert module.dilation == 1
                sum_of = nn.AvgPool2d(module.kernel_size, module.stride, module.padding, module.ceil_mode)
                setattr(parent, name, sum_of)
            elif isinstance(module, (nn.GroupNorm, nn.LayerNorm, nn.LocalResponseNorm)) or (
                isinstance(module, (*kinds, nn.ReLU6, nn.Hardswish)) and not isinstance(module, nn.Sigmoid)
            ):
                setattr(parent, name, nn.Identity())
    for name, parameter in network.named_parameters():
        if parameter.dim() > 1:
            parameter.data.uniform_(0.5, 1.5).div_(parameter[0].numel())
        else:
            parameter.data.fill_(0.0 if name.endswith("bias") else 1.0)
    kept: dict[str, torch.Tensor] = {}
    for path in paths:
        network.get_submodule(path).register_forward_hook(
            lambda module, taken, output, path=path: kept.update({path: output})
        )
    picture = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    network(picture)
    return [extent(kept[path], picture) for path in paths]


def extent(maps: torch.Tensor, picture: torch.Tensor) -> tuple[int, int, int, int]:
    """The box of the pixels that the middle of these maps depends on."""
    middle = maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2].sum()
    (slope,) = torch.autograd.grad(middle, picture, retain_graph=True)
    seen = slope[0].ne(0).any(0)
    rows, columns = seen.any(1).nonzero().flatten(), seen.any(0).nonzero().flatten()
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


@pytest.mark.parametrize("row", PICTURES, ids=lambda row: row.name)
def test_the_field_is_the_extent_of_the_gradient(row: Model) -> None:
    inputs, outputs = row.example()
    shape = tuple(inputs.shape[1:])
    maps = [path for path, stage in row.stages if len(stage) == 3]
    fields = receptive_fields(build_model(row.name, shape, outputs), shape, maps)
    some = maps[:: max(1, len(maps) // 3)]
    boxes = measured(build_model(row.name, shape, outputs), shape, some)
    assert dict(zip(some, boxes, strict=True)) == {path: fields[path].box for path in some}


def test_points_are_no_pictures() -> None:
    with pytest.raises(ValueError, match="are no pictures"):
        receptive_fields(nn.Linear(2, 2), (2,))
