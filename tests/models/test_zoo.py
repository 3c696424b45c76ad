"""Every network of the table: shapes, counts, gradients, seeds, and that it can learn at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from models.catalog import UnknownNameError
from models.families import FAMILIES
from models.losses import build_loss
from models.model import Model, trainable_parameters
from models.zoo import MODELS, build_model

EVERY = pytest.mark.parametrize("model", MODELS, ids=lambda row: row.name)
IMAGES = pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 33, 47)], ids=str)


# One network of each file that defines some, to be trained: its others differ in numbers of layers
ONE_A_FILE = {row.build.__module__: row for row in reversed(list(MODELS))}
KINDS = pytest.mark.parametrize("model", ONE_A_FILE.values(), ids=lambda row: row.name)


def example(model: Model, **settings: object) -> tuple[nn.Module, torch.Tensor, int]:
    """In miniature."""
    torch.manual_seed(0)
    inputs, outputs = model.example()
    inputs = cropped(inputs, 16) if model.tiny else inputs
    settings = {**model.tiny, **settings}
    return build_model(model.name, tuple(inputs.shape[1:]), outputs, settings), inputs, outputs


def cropped(inputs: torch.Tensor, size: int) -> torch.Tensor:
    """Small pictures, which take less time; other inputs as they are."""
    return inputs[..., :size, :size] if inputs.ndim == 4 else inputs


def without_numbers(model: Model) -> tuple[nn.Module, torch.Tensor, int]:
    """At full size: shapes only, no memory."""
    inputs, outputs = model.example()
    drawn = any(parameter.name == "initializer" for parameter in model.parameters)
    with torch.device("meta"):
        settings = {"initializer": "default"} if drawn else {}
        return build_model(model.name, tuple(inputs.shape[1:]), outputs, settings), inputs.to("meta"), outputs


def test_every_file_with_specs_is_in_the_table() -> None:
    files = Path(__file__).parents[2].joinpath("models").glob("*.py")
    defining = {path.stem for path in files if "\nSPECS = " in path.read_text("utf-8")}
    assert defining == {row.build.__module__.removeprefix("models.") for row in MODELS}


@EVERY
def test_the_row_says_what_a_page_needs(model: Model) -> None:
    assert model.title
    assert model.summary.endswith(".")
    assert any(sign in model.source for sign in ("doi:", "arXiv:", "Hastie"))
    assert model.tasks
    assert model.family in FAMILIES
    for parameter in model.parameters:
        assert parameter.check(parameter.default, model.name) == parameter.default


@EVERY
def test_the_example_has_the_stated_number_of_parameters(model: Model) -> None:
    assert trainable_parameters(without_numbers(model)[0]) == model.parameter_count


@EVERY
def test_every_stage_puts_out_the_stated_shape(model: Model) -> None:
    network, inputs, outputs = without_numbers(model)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in network.named_modules():
        module.register_forward_hook(lambda _, __, result, name=name: shapes.update({name: result.shape[1:]}))
    network(inputs)
    assert {name: tuple(shapes[name]) for name, _ in model.stages} == dict(model.stages)
    assert tuple(shapes[""]) == (outputs,)


@KINDS
def test_every_parameter_receives_a_gradient(model: Model) -> None:
    network, inputs, outputs = example(model)
    # A perceptron starts with zero weights: one step away, all gradients are there
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    targets = torch.arange(len(inputs)) % outputs
    for _ in range(2):
        optimizer.zero_grad()
        build_loss("cross_entropy")(network(inputs), targets).backward()
        optimizer.step()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@KINDS
def test_the_same_seed_gives_the_same_network(model: Model) -> None:
    first, inputs, _ = example(model)
    second, _, _ = example(model)
    assert first.state_dict().keys() == second.state_dict().keys()
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())
    assert torch.equal(first(inputs), second(inputs))


@KINDS
def test_eight_samples_are_learned_by_heart(model: Model) -> None:
    torch.manual_seed(0)
    inputs, outputs = model.example()
    inputs = torch.randn(8, *cropped(inputs, 16).shape[1:])
    network = build_model(model.name, tuple(inputs.shape[1:]), outputs, model.tiny)
    targets = torch.arange(8) % outputs
    few = model.inputs == "plane"  # eight neurons on two numbers need larger steps
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05 if few else 0.01)
    for _ in range(300):
        optimizer.zero_grad()
        outputs_now = network(inputs)
        loss = build_loss("cross_entropy")(outputs_now, targets)
        if loss.item() < 0.1:
            break
        loss.backward()
        optimizer.step()
    assert (outputs_now.argmax(dim=1) == targets).all()
    assert loss.item() < 0.1


@pytest.mark.parametrize(
    "model", [row for row in ONE_A_FILE.values() if row.inputs != "plane"], ids=lambda row: row.name
)
@IMAGES
def test_images_of_any_size_pass(model: Model, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = build_model(model.name, shape, 3, model.tiny)
    assert network(torch.randn(2, *shape)).shape == (2, 3)


@KINDS
def test_every_choice_of_every_setting_builds_and_runs(model: Model) -> None:
    for parameter in model.parameters:
        values: tuple[object, ...] = parameter.choices or ((False, True) if parameter.kind == "flag" else ())
        for value in values:
            settings = {**model.tiny, parameter.name: value}
            inputs, outputs = model.example()
            inputs = torch.randn(2, 3, 64, 64) if value == "paper" else cropped(inputs, 8)
            network = build_model(model.name, tuple(inputs.shape[1:]), outputs, settings)
            assert network(inputs).shape == (len(inputs), outputs), f"{parameter.name}={value}"


@EVERY
def test_each_use_of_an_activation_is_a_module_of_its_own(model: Model) -> None:
    """Attribution methods hook modules: one used twice, or a function, would be silently wrong."""
    network, inputs, _ = example(model)
    calls: dict[nn.Module, int] = {}
    for module in network.modules():
        if not list(module.children()):
            module.register_forward_hook(
                lambda module, _, __: calls.update({module: calls.get(module, 0) + 1})
            )
    network(inputs)
    assert set(calls.values()) == {1}
    source = Path(__import__(model.build.__module__, fromlist=["x"]).__file__).read_text("utf-8")
    assert "functional.relu" not in source
    assert "F.relu" not in source


def test_settings_shared_by_several_networks_mean_one_thing() -> None:
    meanings: dict[str, set[str]] = {}
    for model in MODELS:
        for parameter in model.parameters:
            meanings.setdefault(parameter.name, set()).add(f"{parameter.kind} {parameter.description}")
    assert {name: texts for name, texts in meanings.items() if len(texts) > 1} == {}


def test_a_wrong_name_shape_or_setting_is_answered_with_the_way_out() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'resnet20'"):
        build_model("resnet-20", (3, 32, 32), 10)
    with pytest.raises(ValueError, match=r"lenet5 needs images .* shape \(2,\); choose mlp"):
        build_model("lenet5", (2,), 2)
    with pytest.raises(ValueError, match=r"needs points in the plane.* shape \(3,\); choose mlp"):
        build_model("playground", (3,), 2)
    with pytest.raises(ValueError, match="mlp has no setting 'hidden_size'; did you mean 'hidden_width'"):
        build_model("mlp", (2,), 2, {"hidden_size": 3})
    with pytest.raises(ValueError, match="alexnet as published takes pictures of 35 x 35"):
        build_model("alexnet", (1, 34, 90), 2, {"sized_for": "paper"})
    with pytest.raises(ValueError, match="at least 1"):
        build_model("mlp", (2,), 0)
    with pytest.raises(ValueError, match="hold no numbers"):
        build_model("mlp", (), 2)
