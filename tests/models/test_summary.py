"""The counts of a summary beside torchvision's, PyTorch's flop counter and closed forms."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from models.model import trainable_parameters
from models.summary import summarize
from models.zoo import MODELS, build_model

CLASSIFIERS = torchvision.models.list_models(module=torchvision.models)


@contextlib.contextmanager
def numbers_where_regnet_needs_them() -> Iterator[None]:
    """RegNets compute their widths with tensors, which without numbers have none."""
    params = torchvision.models.regnet.BlockParams
    original = params.from_init_params.__func__

    def on_the_cpu(cls: type, *arguments: object, **options: object) -> object:
        with torch.device("cpu"):
            return original(cls, *arguments, **options)

    params.from_init_params = classmethod(on_the_cpu)
    try:
        yield
    finally:
        params.from_init_params = classmethod(original)


def same_as_torchvision(name: str) -> None:
    weights = next(iter(torchvision.models.get_model_weights(name)))
    size = weights.transforms().crop_size[0]
    options = {"aux_logits": True} if name in ("googlenet", "inception_v3") else {}
    options |= {"init_weights": False} if options else {}
    options |= {"image_size": size} if name.startswith("vit") else {}
    with torch.device("meta"), numbers_where_regnet_needs_them():
        network = torchvision.models.get_model(name, weights=None, **options).eval()
    summary = summarize(network, (1, 3, size, size))
    assert summary.on_meta
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, 3, size, size, device="meta"))
    assert summary.whole.multiply_adds * 2 == counter.get_total_flops()
    assert summary.whole.multiply_adds / 1e9 == pytest.approx(weights.meta["_ops"], abs=6e-4)
    assert summary.whole.buffers_below == sum(buffer.numel() for buffer in network.buffers())
    auxiliary = sum(
        layer.parameters for layer in summary.layers if layer.path.lower().startswith(("aux", "auxlogits"))
    )  # left out of torchvision's own count
    assert summary.whole.parameters_below - auxiliary * bool(options) in (
        weights.meta["num_params"], weights.meta["num_params"] - auxiliary,
    )  # fmt: skip
    assert summary.whole.output_shape == (1, 1000)
    assert sum(layer.multiply_adds for layer in summary.leaves) <= summary.whole.multiply_adds
    assert sum(layer.parameters for layer in summary.layers) == summary.whole.parameters_below


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "vit_b_32"])
def test_a_summary_counts_as_torchvision_does(name: str) -> None:
    same_as_torchvision(name)


@pytest.mark.slow
@pytest.mark.timeout(900)  # two minutes on a quiet machine, and five were not enough on a busy one
def test_a_summary_counts_as_torchvision_does_for_every_classifier() -> None:
    assert len(CLASSIFIERS) >= 80
    for name in CLASSIFIERS:
        same_as_torchvision(name)


def test_shapes_are_those_of_every_network_of_ours() -> None:
    for row in MODELS:
        inputs, outputs = row.example()
        network = build_model(row.name, tuple(inputs.shape[1:]), outputs)
        summary = summarize(network.eval(), tuple(inputs.shape))
        for path, shape in row.stages:
            assert summary.layer(path).output_shape == (len(inputs), *shape), f"{row.name}.{path}"
        assert summary.whole.trainable_below == trainable_parameters(network), row.name


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_a_recurrent_layer_counts_its_matrices(kind: type[nn.RNNBase]) -> None:
    layer = kind(5, 7, num_layers=2, bidirectional=True)
    cells = {nn.RNN: nn.RNNCell, nn.GRU: nn.GRUCell, nn.LSTM: nn.LSTMCell}
    alone = sum(  # one step of one sample, of each layer's two directions, by the matrices themselves
        2 * sum(matrix.numel() for matrix in (cell.weight_ih, cell.weight_hh))
        for cell in (cells[kind](5, 7), cells[kind](14, 7))
    )
    summary = summarize(nn.Sequential(layer), (11, 3, 5))  # 11 steps of 3 samples
    assert summary.whole.multiply_adds == 11 * 3 * alone
    assert summary.layer("0").output_shape == (11, 3, 14)


def test_a_projecting_lstm_counts_its_projection() -> None:
    layer = nn.LSTM(5, 8, proj_size=3, batch_first=True)
    matrices = (layer.weight_ih_l0, layer.weight_hh_l0, layer.weight_hr_l0)
    assert summarize(layer, (2, 6, 5)).whole.multiply_adds == 12 * sum(matrix.numel() for matrix in matrices)


def test_what_is_not_counted_is_listed() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Flatten(), nn.Softmax(1))
    summary = summarize(network, (2, 4))
    assert summary.uncounted == {"relu": 1, "_softmax": 1}
    assert summary.whole.multiply_adds == 2 * 16
    assert summary.layer("0").output_bytes == 2 * 4 * 4


def test_a_shared_layer_is_counted_once_and_computes_twice() -> None:
    shared = nn.Linear(4, 4)
    network = nn.Sequential(shared, nn.Tanh(), shared)
    summary = summarize(network, (1, 4))
    assert summary.whole.parameters_below == 20
    assert summary.layer("0").calls == 2
    assert summary.whole.multiply_adds == 32


def test_the_network_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    summarize(network, (4, 1, 8, 8))
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert not network[0]._forward_hooks
    assert network.training


def test_code_that_needs_numbers_is_run_with_numbers() -> None:
    class Picky(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.layer(inputs) if float(inputs.sum()) == 0 else inputs

    summary = summarize(Picky(), (1, 3))
    assert not summary.on_meta
    assert summary.whole.multiply_adds == 6


def test_an_input_of_another_shape_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"takes no input of shape \(1, 5\).*give the shape it was made for"):
        summarize(nn.Linear(3, 2), (1, 5))
