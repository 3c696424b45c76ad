"""Losses against PyTorch, scikit-learn and the formulas of their papers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from sklearn.metrics import brier_score_loss, hinge_loss, log_loss, mean_absolute_error, mean_squared_error
from torch import Tensor, nn
from torch.nn import functional

from models.losses import LOSSES, Loss, build_loss

EVERY = pytest.mark.parametrize("loss", LOSSES, ids=lambda row: row.name)


def example(loss: Loss) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    if "regression" in loss.tasks:
        return torch.randn(12, 2, generator=random) * 2, torch.randn(12, 2, generator=random)
    if loss.compares:
        return torch.randn(12, 4, generator=random), torch.arange(12) % 3
    if "classification" in loss.tasks:
        return torch.randn(12, 5, generator=random), torch.randint(5, (12,), generator=random)
    return torch.randn(12, 1, generator=random), torch.randint(2, (12,), generator=random)


@EVERY
def test_the_row_says_what_a_page_needs(loss: Loss) -> None:
    assert loss.title
    assert loss.formula
    assert loss.summary.endswith(".")
    assert loss.source
    assert set(loss.tasks) <= {"classification", "binary", "regression", "embedding"}
    for parameter in loss.parameters:
        assert parameter.check(parameter.default, loss.name) == parameter.default
        assert parameter.symbol in loss.formula
    assert loss.compares == (loss.tasks == ("embedding",))


@EVERY
def test_the_mean_is_the_mean_of_one_value_a_sample(loss: Loss) -> None:
    outputs, targets = example(loss)
    each = build_loss(loss.name, reduction="none")(outputs, targets)
    assert each.shape == (12,)
    torch.testing.assert_close(build_loss(loss.name)(outputs, targets), each.mean())


@EVERY
def test_each_samples_value_is_its_own(loss: Loss) -> None:
    if loss.compares:
        pytest.skip("its samples are compared with each other: tests/models/test_embedding_losses.py")
    outputs, targets = example(loss)
    each = build_loss(loss.name, reduction="none")
    alone = torch.cat([each(outputs[i : i + 1], targets[i : i + 1]) for i in range(12)])
    torch.testing.assert_close(each(outputs, targets), alone)


@EVERY
def test_the_gradient_is_the_slope_of_the_loss(loss: Loss) -> None:
    outputs, targets = example(loss)
    outputs = outputs.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda values: build_loss(loss.name)(values, targets), outputs)


@EVERY
def test_a_wrong_reduction_is_refused(loss: Loss) -> None:
    outputs, targets = example(loss)
    with pytest.raises(ValueError, match=r"reduction|average"):
        build_loss(loss.name, reduction="average")(outputs, targets)


@pytest.mark.parametrize(
    ("name", "settings", "oracle"),
    [
        ("mse", {}, nn.MSELoss()),
        ("l1", {}, nn.L1Loss()),
        ("smooth_l1", {"bend": 0.5}, nn.SmoothL1Loss(beta=0.5)),
        ("huber", {"bend": 0.5}, nn.HuberLoss(delta=0.5)),
        ("cross_entropy", {"label_smoothing": 0.1}, nn.CrossEntropyLoss(label_smoothing=0.1)),
    ],
)
def test_a_loss_is_pytorchs(name: str, settings: dict[str, float], oracle: nn.Module) -> None:
    outputs, targets = example(LOSSES[name])
    torch.testing.assert_close(build_loss(name, settings)(outputs, targets), oracle(outputs, targets))


def test_losses_are_scikit_learns() -> None:
    outputs, targets = example(LOSSES["cross_entropy"])
    scores, classes = outputs.numpy(), targets.numpy()
    assert build_loss("cross_entropy")(outputs, targets).item() == pytest.approx(
        log_loss(classes, outputs.double().softmax(1).numpy(), labels=range(5)), rel=1e-5
    )
    assert build_loss("hinge")(outputs, targets).item() == pytest.approx(
        hinge_loss(classes, scores, labels=range(5)), rel=1e-5
    )
    outputs, targets = example(LOSSES["binary_cross_entropy"])
    assert build_loss("binary_cross_entropy")(outputs, targets).item() == pytest.approx(
        log_loss(targets.numpy(), outputs.double().sigmoid().numpy()), rel=1e-5
    )
    assert build_loss("hinge")(outputs, targets).item() == pytest.approx(
        hinge_loss(targets.numpy(), outputs[:, 0].numpy()), rel=1e-5
    )
    outputs, targets = example(LOSSES["mse"])
    arrays = targets.numpy(), outputs.numpy()
    assert build_loss("mse")(outputs, targets).item() == pytest.approx(mean_squared_error(*arrays), rel=1e-5)
    assert build_loss("l1")(outputs, targets).item() == pytest.approx(mean_absolute_error(*arrays), rel=1e-5)


@pytest.mark.parametrize("name", [row.name for row in LOSSES if "regression" in row.tasks])
def test_flat_targets_meet_a_single_output_one_to_one(name: str) -> None:
    """[batch] against [batch, 1] would broadcast to [batch, batch]."""
    outputs, targets = torch.randn(6, 1), torch.randn(6)
    loss = build_loss(name)
    torch.testing.assert_close(loss(outputs, targets), loss(outputs, targets[:, None]))


def test_regression_targets_of_another_size_are_refused() -> None:
    with pytest.raises(RuntimeError, match="shape"):
        build_loss("mse")(torch.randn(6, 2), torch.randn(6))


def test_soft_targets_of_one_class_are_that_class() -> None:
    outputs, targets = example(LOSSES["cross_entropy"])
    soft = functional.one_hot(targets, 5).float()
    for smoothing in (0.0, 0.2):
        loss = build_loss("cross_entropy", {"label_smoothing": smoothing})
        torch.testing.assert_close(loss(outputs, soft), loss(outputs, targets))
    outputs, targets = example(LOSSES["binary_cross_entropy"])
    loss = build_loss("binary_cross_entropy")
    torch.testing.assert_close(loss(outputs, targets.float()), loss(outputs, targets))


def test_mixed_targets_cost_the_mix_of_both_losses() -> None:
    outputs, targets = example(LOSSES["cross_entropy"])
    other = targets.flip(0)
    mixed = 0.3 * functional.one_hot(targets, 5) + 0.7 * functional.one_hot(other, 5)
    loss = build_loss("cross_entropy")
    torch.testing.assert_close(
        loss(outputs, mixed), 0.3 * loss(outputs, targets) + 0.7 * loss(outputs, other)
    )


def test_binary_smoothing_is_the_two_class_softmaxs() -> None:
    outputs, targets = example(LOSSES["binary_cross_entropy"])
    two = torch.cat([torch.zeros_like(outputs), outputs], dim=1)
    torch.testing.assert_close(
        build_loss("binary_cross_entropy", {"label_smoothing": 0.2})(outputs, targets),
        build_loss("cross_entropy", {"label_smoothing": 0.2})(two, targets),
    )


def test_a_huge_logit_costs_a_finite_amount() -> None:
    loss = build_loss("binary_cross_entropy")
    assert loss(torch.tensor([[1000.0]]), torch.tensor([0])).item() == 1000
    assert loss(torch.tensor([[1000.0]]), torch.tensor([1])).item() == 0


def test_a_tie_counts_as_a_mistake_of_the_perceptron() -> None:
    outputs = torch.zeros(1, 3, requires_grad=True)
    build_loss("perceptron")(outputs, torch.tensor([0])).backward()
    assert outputs.grad is not None
    assert outputs.grad[0, 0] == -1


def test_margin_losses_and_single_logits_name_the_way_out() -> None:
    with pytest.raises(ValueError, match="use cross_entropy"):
        build_loss("binary_cross_entropy")(torch.randn(2, 3), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="with mixup use cross_entropy"):
        build_loss("hinge")(torch.randn(2, 3), torch.full((2, 3), 1 / 3))
    hard = ["nll", "focal", "hinge", "perceptron", "contrastive", "triplet", "quadruplet"]
    assert [row.name for row in LOSSES if not row.soft_targets] == hard
    for name in hard:
        with pytest.raises(ValueError, match="with mixup use cross_entropy"):
            build_loss(name)(torch.randn(2, 3), torch.full((2, 3), 1 / 3))


def test_outputs_of_the_wrong_shape_are_refused() -> None:
    """By the annotations, which the suite checks at every call."""
    with pytest.raises(Exception, match="batch outputs"):
        build_loss("mse")(torch.randn(6), torch.randn(6))
    assert np.isfinite(build_loss("mse")(torch.randn(6, 1), torch.randn(6)).item())


def test_likelihood_divergence_and_cross_entropy_are_one_loss() -> None:
    outputs, targets = example(LOSSES["cross_entropy"])
    logs = functional.log_softmax(outputs, dim=1)
    torch.testing.assert_close(build_loss("nll")(outputs, targets), nn.NLLLoss()(logs, targets))
    q = functional.one_hot(targets, 5) * 0.9 + 0.1 / 5
    smooth = {"label_smoothing": 0.1}
    divergence = build_loss("kl_divergence", smooth)(outputs, targets)
    torch.testing.assert_close(divergence, nn.KLDivLoss(reduction="batchmean")(logs, q))
    entropy = -(q * q.log()).sum(1).mean()
    torch.testing.assert_close(divergence + entropy, build_loss("cross_entropy", smooth)(outputs, targets))


def test_focal_is_torchvisions_and_at_zero_the_cross_entropy() -> None:
    outputs, targets = example(LOSSES["binary_cross_entropy"])
    found = build_loss("focal", {"focusing": 1.5})(outputs, targets)
    truth = torchvision.ops.sigmoid_focal_loss(
        outputs[:, 0], targets.float(), alpha=-1, gamma=1.5, reduction="mean"
    )
    torch.testing.assert_close(found, truth)
    outputs, targets = example(LOSSES["focal"])
    plain = build_loss("focal", {"focusing": 0.0})(outputs, targets)
    torch.testing.assert_close(plain, build_loss("cross_entropy")(outputs, targets))


def test_focal_has_a_slope_where_the_network_is_surely_right() -> None:
    outputs = torch.tensor([[60.0, -60.0]], requires_grad=True)
    build_loss("focal", {"focusing": 0.5})(outputs, torch.tensor([0])).backward()
    assert outputs.grad is not None
    assert torch.isfinite(outputs.grad).all()


def test_the_squared_error_of_probabilities_is_the_brier_score() -> None:
    outputs, targets = example(LOSSES["binary_cross_entropy"])
    truth = brier_score_loss(targets.numpy(), outputs[:, 0].sigmoid().double().numpy())
    assert build_loss("brier")(outputs, targets).item() == pytest.approx(2 * truth, rel=1e-5)
    outputs, targets = example(LOSSES["brier"])
    wrong = outputs.softmax(1) - functional.one_hot(targets, 5)
    torch.testing.assert_close(build_loss("brier")(outputs, targets), wrong.square().sum(1).mean())
    soft = functional.one_hot(targets, 5).float()
    torch.testing.assert_close(build_loss("brier")(outputs, soft), build_loss("brier")(outputs, targets))
