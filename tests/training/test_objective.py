"""A network's loss as a function of one vector: torch is the oracle, and the network stays as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from models.zoo import MODELS, build_model
from training.objective import Objective, forget_statistics

CROSS_ENTROPY = nn.CrossEntropyLoss(reduction="none")


class Attention(nn.Module):
    """Whole numbers in, a fused kernel within."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.out = nn.Linear(8, 3)

    def forward(self, words: Tensor) -> Tensor:
        return self.out(self.encoder(self.words(words)).mean(1))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.LSTM(4, 6, batch_first=True)
        self.out = nn.Linear(6, 3)

    def forward(self, sequences: Tensor) -> Tensor:
        return self.out(self.cells(sequences)[0][:, -1])


class Tied(nn.Module):
    """One weight used twice, and a branch that vmap can't follow."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = torch.tanh(self.first(inputs))
        return self.second(hidden if float(inputs.square().sum()) >= 0 else inputs)


def perceptron() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Dropout(0.5), nn.Linear(6, 3))


def convolutional() -> nn.Sequential:
    layers = [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 3)]
    network = nn.Sequential(*layers)
    norm = network[1]
    assert isinstance(norm, nn.BatchNorm2d)
    norm.running_mean.normal_()
    return network


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[int], Tensor]]] = {
    "perceptron": (perceptron, lambda count: torch.randn(count, 4)),
    "convolutional": (convolutional, lambda count: torch.randn(count, 1, 4, 4)),
    "attention": (Attention, lambda count: torch.randint(0, 20, (count, 5))),
    "recurrent": (Recurrent, lambda count: torch.randn(count, 5, 4)),
    "tied": (Tied, lambda count: torch.randn(count, 4)),
}


def made(case: str, count: int = 23, batch: int = 7) -> tuple[nn.Module, Objective]:
    """A float64 network in training mode and its objective."""
    build, draw = CASES[case]
    network, inputs = build().double(), draw(count)
    inputs = inputs.double() if inputs.is_floating_point() else inputs
    return network, Objective(network, inputs, torch.randint(0, 3, (count,)), CROSS_ENTROPY, batch)


def reference(network: nn.Module, objective: Objective) -> Callable[[Tensor], Tensor]:
    """The mean loss of all samples in one batch, as a function of the vector."""
    still = copy.deepcopy(network).eval()

    def loss(vector: Tensor) -> Tensor:
        outputs = functional_call(still, objective.unflatten(vector), (objective.inputs,))
        return nn.functional.cross_entropy(outputs, objective.targets)

    return loss


@pytest.mark.parametrize("case", CASES)
def test_value_gradient_and_hessian_are_those_of_torch(case: str) -> None:
    network, objective = made(case)
    loss, point = reference(network, objective), objective.point
    assert objective.value(point) == pytest.approx(loss(point).item(), rel=1e-12)
    expected = torch.autograd.functional.jacobian(loss, point)
    torch.testing.assert_close(objective.gradient(point), expected)
    rows = torch.tensor([3, 8, 1, 22, 17, 4, 2, 9])
    value, gradient = objective.value_and_gradient(point, rows)
    assert value == pytest.approx(objective.value(point, rows), rel=1e-13)
    torch.testing.assert_close(gradient, objective.sample_gradients(point, rows).mean(0))
    direction = torch.randn_like(point)
    if case == "attention":  # torch's own double backward of the fused kernel is what is avoided
        ahead = objective.gradient(point + 1e-5 * direction)
        product = (ahead - objective.gradient(point - 1e-5 * direction)) / 2e-5
        torch.testing.assert_close(objective.hvp(point, direction), product, rtol=1e-5, atol=1e-8)
        return
    _, product = torch.autograd.functional.hvp(loss, point, direction)
    torch.testing.assert_close(objective.hvp(point, direction), product)


@pytest.mark.parametrize("case", CASES)
def test_sample_gradients_are_the_gradients_of_one_sample_each(case: str) -> None:
    _, objective = made(case)
    rows = torch.tensor([5, 0, 22, 5])
    found = objective.sample_gradients(objective.point, rows)
    each = torch.stack([objective.gradient(objective.point, row[None]) for row in rows])
    torch.testing.assert_close(found, each)
    everything = objective.sample_gradients(objective.point, torch.arange(23))
    torch.testing.assert_close(everything.mean(0), objective.gradient(objective.point))
    assert objective.sample_gradients(objective.point, rows[:0]).shape == (0, objective.numbers)


@pytest.mark.parametrize("case", CASES)
def test_the_network_is_left_as_it_was_and_what_becomes_of_it_changes_nothing(case: str) -> None:
    build, draw = CASES[case]
    network, inputs = build(), draw(9)
    next(network.parameters()).requires_grad_(False)
    modes = [module.training for module in network.modules()]
    wishes = [own.requires_grad for own in network.parameters()]
    before = {name: own.clone() for name, own in network.state_dict().items()}
    for statistics in ("saved", "batch"):
        objective = Objective(network, inputs, torch.randint(0, 3, (9,)), CROSS_ENTROPY, 4, statistics)
        value = objective.value(objective.point)
        objective.gradient(objective.point + 1)
        objective.hvp(objective.point + 1, torch.ones_like(objective.point))
        assert [module.training for module in network.modules()] == modes
        assert [own.requires_grad for own in network.parameters()] == wishes
        assert all(own.grad is None for own in network.parameters())
        after = network.state_dict()
        assert after.keys() == before.keys()
        assert all(torch.equal(after[name], own) for name, own in before.items())
        with torch.no_grad():
            for own in network.parameters():
                own.add_(1)
        assert objective.value(objective.point) == value
        network.load_state_dict(before)


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_the_batch_changes_nothing_but_the_memory(batch: int) -> None:
    torch.manual_seed(0)
    _, first = made("convolutional", batch=23)
    torch.manual_seed(0)
    _, other = made("convolutional", batch=batch)
    direction = torch.randn_like(first.point)
    assert other.value(first.point) == pytest.approx(first.value(first.point), rel=1e-13)
    torch.testing.assert_close(other.gradient(first.point), first.gradient(first.point))
    torch.testing.assert_close(other.hvp(first.point, direction), first.hvp(first.point, direction))


def test_kept_graphs_change_no_product_and_hold_no_more_than_they_may() -> None:
    _, objective = made("convolutional")
    directions = torch.randn(3, objective.numbers, dtype=torch.float64)
    expected = [objective.hvp(objective.point, direction) for direction in directions]
    for limit in (0, 15_000, 2**29):
        hessian = objective.hessian(objective.point, limit)
        for direction, product in zip(directions, expected, strict=True):
            torch.testing.assert_close(hessian(direction), product)
        kept = len(hessian.kept)  # type: ignore[attr-defined]
        assert kept == {0: 0, 2**29: 4}.get(limit, kept)
        assert limit != 15_000 or 0 < kept < 4


def test_a_vector_goes_to_parameters_and_back() -> None:
    network, objective = made("perceptron")
    assert objective.names == tuple(name for name, _ in network.named_parameters())
    assert objective.shapes == ((6, 4), (6,), (3, 6), (3,))
    parts = objective.unflatten(objective.point)
    assert all(torch.equal(parts[name], own) for name, own in network.named_parameters())
    assert torch.equal(objective.flatten(parts), objective.point)
    with pytest.raises(ValueError, match="the vector has 3 numbers, and the network 51"):
        objective.unflatten(objective.point[:3])


def test_what_is_frozen_is_no_part_of_the_vector() -> None:
    network = perceptron()
    whole = Objective(network, torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1]), CROSS_ENTROPY)
    network[0].requires_grad_(False)
    objective = Objective(network, whole.inputs, whole.targets, CROSS_ENTROPY)
    assert objective.names == ("3.weight", "3.bias")
    assert objective.value(objective.point) == whole.value(whole.point)
    gradient = whole.gradient(whole.point)
    torch.testing.assert_close(objective.gradient(objective.point), gradient[-objective.numbers :])


def test_the_statistics_of_a_batch_are_those_of_training_mode_and_are_not_saved() -> None:
    network = convolutional()
    inputs, targets = torch.randn(20, 1, 4, 4), torch.randint(0, 3, (20,))
    objective = Objective(network, inputs, targets, CROSS_ENTROPY, 20, "batch")
    training = copy.deepcopy(network).train()
    expected = nn.functional.cross_entropy(training(inputs), targets).item()
    assert objective.value(objective.point) == pytest.approx(expected, rel=1e-6)
    saved = Objective(network, inputs, targets, CROSS_ENTROPY)
    assert abs(saved.value(saved.point) - expected) > 1e-3
    with pytest.raises(ValueError, match='take statistics="saved"'):
        objective.sample_gradients(objective.point, torch.arange(3))
    forget_statistics(network)
    assert "1.running_mean" not in network.state_dict()


class HalfIdle(nn.Module):
    """A linear layer, and one that nothing depends on."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(3, 1)
        self.idle = nn.Linear(2, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.used(inputs)


def test_a_parameter_without_effect_has_no_gradient_and_a_linear_loss_no_curvature() -> None:
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "linear": lambda outputs, targets: (outputs * targets)[:, 0],
        "square": lambda outputs, targets: (outputs - targets).square()[:, 0],
    }
    for name, loss in losses.items():
        objective = Objective(HalfIdle(), torch.randn(4, 3), torch.ones(4, 1), loss)
        gradient = objective.gradient(objective.point)
        assert gradient[:4].abs().min() > 0
        assert torch.equal(gradient[4:], torch.zeros(6))
        product = objective.hvp(objective.point, torch.ones(10))
        assert torch.equal(product[4:], torch.zeros(6))
        assert (product[:4].abs().max() > 0) == (name == "square")


def test_a_loss_far_out_is_an_answer_too() -> None:
    _, objective = made("perceptron")
    assert objective.value(objective.point * float("inf")) != objective.value(objective.point)


def test_small_losses_keep_their_digits() -> None:
    """float32 losses are added up in float64: ten million of 1e-8 would stop growing in float32."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1.0)
    inputs = torch.full((200_000, 1), 1e-8)
    inputs[0] = 1.0
    objective = Objective(network, inputs, torch.zeros(200_000), lambda outputs, _: outputs[:, 0], 100_000)
    assert objective.value(objective.point) * 200_000 == pytest.approx(1 + 199_999e-8, rel=1e-9)


def test_what_can_not_be_is_said_in_a_sentence() -> None:
    inputs, targets = torch.randn(6, 4), torch.zeros(6, dtype=torch.int64)
    with pytest.raises(ValueError, match="6 inputs and 5 targets"):
        Objective(perceptron(), inputs, targets[:5], CROSS_ENTROPY)
    with pytest.raises(ValueError, match="batch is 0"):
        Objective(perceptron(), inputs, targets, CROSS_ENTROPY, batch=0)
    with pytest.raises(ValueError, match="no parameter that requires a gradient"):
        Objective(perceptron().requires_grad_(False), inputs, targets, CROSS_ENTROPY)
    mixed = perceptron()
    mixed[3].double()
    with pytest.raises(ValueError, match="one vector holds one kind"):
        Objective(mixed, inputs, targets, CROSS_ENTROPY)
    averaged = Objective(perceptron(), inputs, targets, nn.CrossEntropyLoss())
    with pytest.raises(ValueError, match=r"gave the shape \(\) for 6 samples"):
        averaged.value(averaged.point)


@pytest.mark.parametrize("name", {row.build.__module__: row.name for row in MODELS}.values())
def test_every_model_of_the_zoo_has_an_objective(name: str) -> None:
    model = MODELS[name]
    inputs, outputs = model.example()
    network = build_model(name, tuple(inputs.shape[1:]), outputs, model.tiny)
    targets = torch.zeros(len(inputs), outputs)
    objective = Objective(network, inputs, targets, lambda o, t: (o - t).square().mean(1))
    product = objective.hvp(objective.point, torch.ones_like(objective.point))
    assert product.isfinite().all()
