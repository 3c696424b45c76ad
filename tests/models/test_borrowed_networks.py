"""Networks that are not ours: torchvision's by name, and the reader's own code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from models import own, torchvision_models
from models.catalog import UnknownNameError
from models.own import allow, parsed_arguments
from models.torchvision_models import replace_head
from models.zoo import MODELS, build_model

FAMILIES = (
    *("alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet"),
    *(
        "inception_v3",
        "maxvit_t",
        "mnasnet0_5",
        "mobilenet_v2",
        "mobilenet_v3_small",
        "resnet18",
        "resnext50_32x4d",
    ),
    *("shufflenet_v2_x0_5", "squeezenet1_1", "swin_t", "vgg11", "vit_b_16", "wide_resnet50_2"),
)  # RegNet alone computes its sizes with tensors, which need numbers
CODE = """
from torch import nn

class Wide(nn.Module):
    def __init__(self, in_features, num_classes, width=4, activation="tanh"):
        super().__init__()
        layers = nn.Linear(in_features, width), nn.Linear(width, num_classes)
        self.layers = nn.Sequential(nn.Flatten(), *layers)

    def forward(self, inputs):
        return self.layers(inputs)

class Wrong(Wide):
    def forward(self, inputs):
        return self.layers(inputs)[:, :1]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(own, "_allowed", set())
    path = tmp_path / "mine.py"
    path.write_text(CODE, "utf-8")
    return path


def test_torchvisions_network_takes_grey_pictures_and_our_classes() -> None:
    network = build_model("torchvision/squeezenet1_1", (1, 32, 32), 7)
    assert network(torch.randn(2, 1, 32, 32)).shape == (2, 7)
    enlarged = build_model("torchvision/shufflenet_v2_x0_5", (1, 8, 8), 3, {"resize": 32})
    seen = enlarged.prepare(torch.randn(2, 1, 8, 8))
    assert seen.shape == (2, 3, 32, 32)
    assert torch.equal(seen[:, 0], seen[:, 2])


def test_they_are_found_by_name_and_not_listed() -> None:
    assert MODELS["torchvision/resnet18"].inputs == "image"
    assert not any("/" in name for name in MODELS.names())
    with pytest.raises(UnknownNameError, match="did you mean 'torchvision/resnet50'"):
        MODELS["torchvision/resnet5o"]


def test_pictures_that_a_network_cannot_take_are_refused() -> None:
    with pytest.raises(ValueError, match=r"alexnet can't take pictures of 28 x 28 .* resize 224"):
        build_model("torchvision/alexnet", (1, 28, 28), 10)
    with pytest.raises(ValueError, match="1 or 3 channels, and these have 4"):
        build_model("torchvision/resnet18", (4, 28, 28), 10)


@pytest.mark.slow
def test_the_head_is_found_in_every_family_of_torchvision() -> None:
    """A new head of 7 classes has the shape that torchvision gives a network of 7 classes."""
    from torchvision.models import get_model

    assert set(FAMILIES) <= set(torchvision_models.architectures())
    for name in FAMILIES:
        options: dict[str, Any] = {}
        if name in ("googlenet", "inception_v3"):
            options = {"aux_logits": False, "init_weights": False}
        with torch.device("meta"):
            network = get_model(name, weights=None, **options)
            replace_head(network, 7)
            oracle = get_model(name, weights=None, num_classes=7, **options)
        shapes = {key: tensor.shape for key, tensor in network.state_dict().items()}
        assert shapes == {key: tensor.shape for key, tensor in oracle.state_dict().items()}, name


def test_pretrained_weights_are_all_taken_but_for_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import get_model

    torch.manual_seed(1)
    given = get_model("squeezenet1_1", weights=None).state_dict()
    asked: list[str] = []

    def download(url: str, **options: Any) -> dict[str, torch.Tensor]:
        assert options["weights_only"]
        assert options["check_hash"]
        asked.append(url)
        return dict(given)

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", download)
    network = build_model("torchvision/squeezenet1_1", (3, 64, 64), 5, {"pretrained": True})
    assert "squeezenet1_1" in asked[0]
    kept = network.network.state_dict()
    assert all(torch.equal(kept[name], given[name]) for name in given if not name.startswith("classifier"))
    assert kept["classifier.1.weight"].shape[0] == 5


def test_weights_that_cannot_be_downloaded_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(url: str, **options: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", download)
    with pytest.raises(ValueError, match=r"no route to host.*put https.*or leave pretrained out"):
        build_model("torchvision/squeezenet1_1", (3, 64, 64), 5, {"pretrained": True})


def test_ones_own_class_is_given_what_it_asks_for(file: Path) -> None:
    allow(f"{file}:Wide")
    network = build_model(f"{file}:Wide", (1, 4, 4), 3, {"model_args": "width=6"})
    assert network(torch.randn(2, 1, 4, 4)).shape == (2, 3)
    assert network.layers[1].weight.shape == (6, 16)


def test_code_is_run_only_where_its_owner_said_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("raise SystemExit('it ran')", "utf-8")
    assert MODELS[f"{file}:Wide"].name == f"{file}:Wide"  # naming it runs nothing
    with pytest.raises(ValueError, match="is code, and it is run only where you typed its name"):
        build_model(f"{file}:Wide", (4,), 2)
    file.write_text(CODE, "utf-8")
    monkeypatch.setenv("DESCENT_OWN_CODE", f"elsewhere.py{os.pathsep}{file}")
    assert isinstance(build_model(f"{file}:Wide", (4,), 2), nn.Module)


def test_mistakes_in_ones_own_code_are_sentences(file: Path) -> None:
    allow(f"{file}:Wide")
    with pytest.raises(ValueError, match="has no class Wiide; did you mean Wide"):
        build_model(f"{file}:Wiide", (4,), 2)
    with pytest.raises(ValueError, match=r"answers two samples by \(2, 1\); it must be \(2, 5\)"):
        build_model(f"{file}:Wrong", (4,), 5)
    with pytest.raises(ValueError, match=r"raised TypeError.*depth"):
        build_model(f"{file}:Wide", (4,), 2, {"model_args": "depth=3"})
    file.write_text("import nothing_of_that_name", "utf-8")
    with pytest.raises(ValueError, match="could not be run: ModuleNotFoundError"):
        build_model(f"{file}:Wide", (4,), 2)


def test_arguments_are_literals_and_never_evaluated() -> None:
    assert parsed_arguments("") == {}
    assert parsed_arguments("width=32, sizes=(1, 2), activation=relu, rate=-0.5, on=True") == {
        "width": 32,
        "sizes": (1, 2),
        "activation": "relu",
        "rate": -0.5,
        "on": True,
    }
    for text in ("3", "width", "width=open('x')", "**x", "a=1); import os; (b=2", "width=="):
        with pytest.raises(ValueError, match="must be like width=32"):
            parsed_arguments(text)
