"""Tasks: metrics against scikit-learn, and how outputs are read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor
from torch.nn import functional

from models.losses import LOSSES
from training import tasks
from training.tasks import TASKS, Task, area_under_curve, classes_meant, explained_share

EVERY = pytest.mark.parametrize("task", TASKS, ids=lambda row: row.name)


def example(task: Task, samples: int = 200) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    if task.name == "regression":
        targets = torch.randn(samples, generator=random) * 3 + 50
        return targets[:, None] + torch.randn(samples, 1, generator=random), targets
    if task.name == "embedding":
        targets = torch.randint(4, (samples,), generator=random)
        return torch.randn(samples, 3, generator=random) + targets[:, None], targets
    classes = 4 if task.name == "classification" else 2
    targets = torch.randint(classes, (samples,), generator=random)
    if task.name == "binary":
        return torch.randn(samples, 1, generator=random) + targets[:, None], targets
    return torch.randn(samples, 4, generator=random) + functional.one_hot(targets, 4), targets


@EVERY
def test_the_row_says_what_a_page_needs(task: Task) -> None:
    assert task.title
    assert task.summary.endswith(".")
    assert task.loss in LOSSES
    assert task.name in LOSSES[task.loss].tasks
    assert task.metrics[0].name == "loss"
    assert task.best in task.metrics
    for metric in task.metrics:
        assert metric.title
        assert metric.formula
        assert metric.source


@EVERY
def test_every_metric_is_a_scalar_of_one_batch(task: Task) -> None:
    outputs, targets = example(task)
    assert targets.dtype == task.target_dtype
    for metric in task.metrics:
        value = metric.compute(outputs, targets)
        assert value.shape == ()
        assert value.isfinite()


def test_classification_is_scikit_learns() -> None:
    task = TASKS["classification"]
    outputs, targets = example(task)
    loss, accuracy = (metric.compute(outputs, targets).item() for metric in task.metrics)
    assert accuracy == pytest.approx(metrics.accuracy_score(targets, outputs.argmax(1)))
    expected = metrics.log_loss(targets.numpy(), outputs.double().softmax(1).numpy())
    assert loss == pytest.approx(expected, rel=1e-5)


def test_binary_is_scikit_learns() -> None:
    task = TASKS["binary"]
    outputs, targets = example(task)
    values = {metric.name: metric.compute(outputs, targets).item() for metric in task.metrics}
    assert values["accuracy"] == pytest.approx(metrics.accuracy_score(targets, outputs[:, 0] > 0))
    assert values["auc"] == pytest.approx(metrics.roc_auc_score(targets, outputs[:, 0]), rel=1e-5)
    expected = metrics.log_loss(targets.numpy(), outputs[:, 0].double().sigmoid().numpy())
    assert values["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_area_under_the_curve_counts_ties_half() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        scores = random.integers(0, 5, size=40).astype(np.float32)
        targets = random.integers(0, 2, size=40)
        ours = area_under_curve(torch.from_numpy(scores)[:, None], torch.from_numpy(targets))
        assert ours.item() == pytest.approx(metrics.roc_auc_score(targets, scores), abs=1e-6)


def test_the_area_is_right_for_more_samples_than_float32_can_count() -> None:
    """Ranks reach 2^24 only at 16 million; their sum is past it at 6,000."""
    random = torch.Generator().manual_seed(0)
    targets = torch.randint(2, (300_000,), generator=random)
    scores = torch.randn(300_000, generator=random) + targets
    ours = area_under_curve(scores[:, None], targets).item()
    assert ours == pytest.approx(metrics.roc_auc_score(targets, scores), abs=2e-5)


@pytest.mark.parametrize("only", [0, 1])
def test_the_area_is_nan_where_a_class_is_missing(only: int) -> None:
    for seed in range(200):  # the rounding of the mean rank differs with the number and order of the samples
        outputs = torch.randn(2 + seed, 1, generator=torch.Generator().manual_seed(seed))
        assert area_under_curve(outputs, torch.full((2 + seed,), only)).isnan()


@pytest.mark.parametrize("flat", [True, False])
def test_regression_is_scikit_learns(flat: bool) -> None:
    task = TASKS["regression"]
    outputs, targets = example(task)
    arrays = targets.double().numpy(), outputs.double().numpy()
    values = {
        metric.name: metric.compute(outputs, targets if flat else targets[:, None]).item()
        for metric in task.metrics
    }
    assert values["loss"] == pytest.approx(metrics.mean_squared_error(*arrays), rel=1e-5)
    assert values["mae"] == pytest.approx(metrics.mean_absolute_error(*arrays), rel=1e-5)
    assert values["rmse"] == pytest.approx(metrics.root_mean_squared_error(*arrays), rel=1e-5)
    assert values["r2"] == pytest.approx(metrics.r2_score(*arrays), rel=1e-5)


def test_the_explained_share_of_several_outputs_is_their_mean() -> None:
    random = torch.Generator().manual_seed(0)
    targets = torch.randn(50, 3, generator=random)
    outputs = targets + torch.randn(50, 3, generator=random)
    assert explained_share(outputs, targets).item() == pytest.approx(
        metrics.r2_score(targets, outputs), rel=1e-5
    )


def test_saying_the_mean_explains_nothing() -> None:
    targets = torch.randn(50)
    assert explained_share(targets.mean().expand(50, 1), targets).item() == pytest.approx(0, abs=1e-6)
    assert not explained_share(torch.ones(5, 1), torch.ones(5)).isfinite()


def test_outputs_follow_the_task() -> None:
    assert TASKS["classification"].outputs(7, {}) == 7
    assert TASKS["binary"].outputs(2, {}) == 1
    assert TASKS["regression"].outputs(None, {}) == 1
    assert TASKS["embedding"].outputs(7, {}) == 32
    assert TASKS["embedding"].outputs(7, {"embedding_size": 2}) == 2
    for classes in (None, 1):
        with pytest.raises(ValueError, match="at least 2 classes"):
            TASKS["classification"].outputs(classes, {})


@pytest.mark.parametrize("name", ["classification", "binary"])
def test_the_predicted_class_is_the_most_probable(name: str) -> None:
    outputs, targets = example(TASKS[name])
    predictions, probabilities = TASKS[name].predict(outputs, targets)
    assert probabilities is not None
    assert predictions.dtype == torch.int64
    assert torch.equal(probabilities.argmax(dim=1), predictions)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(200))


def test_a_regression_predicts_its_numbers() -> None:
    outputs, targets = example(TASKS["regression"])
    predictions, probabilities = TASKS["regression"].predict(outputs, targets)
    assert torch.equal(predictions, outputs[:, 0])
    assert probabilities is None
    several = torch.randn(4, 3)
    assert torch.equal(TASKS["regression"].predict(several, several)[0], several)


def test_soft_targets_are_read_as_the_class_that_weighs_most() -> None:
    assert classes_meant(torch.tensor([[0.2, 0.8], [0.6, 0.4]])).tolist() == [1, 0]
    assert classes_meant(torch.tensor([0.2, 0.8])).tolist() == [0, 1]
    assert classes_meant(torch.tensor([1, 0])).tolist() == [1, 0]
    assert classes_meant(torch.tensor([[1], [0]])).tolist() == [1, 0]


@pytest.mark.parametrize("name", ["classification", "binary"])
def test_label_smoothing_costs_a_sure_network_something(name: str) -> None:
    task = TASKS[name]
    _, targets = example(task)
    sure = 20 * (
        functional.one_hot(targets, 4).float() if name == "classification" else targets[:, None] - 0.5
    )
    assert task.build_loss()(sure, targets) < task.build_loss(0.1)(sure, targets)


def test_label_smoothing_of_numbers_is_refused() -> None:
    assert TASKS["regression"].build_loss()(torch.zeros(2, 1), torch.ones(2)).item() == 1
    with pytest.raises(ValueError, match=r"label_smoothing is 0.1, and regression has no labels"):
        TASKS["regression"].build_loss(0.1)


@EVERY
def test_better_has_a_direction_for_every_metric(task: Task) -> None:
    """Outputs nearer to the truth score better in each."""
    outputs, targets = example(task)
    truth = {
        "classification": lambda: 5 * functional.one_hot(targets, 4).float(),
        "binary": lambda: 5 * (2 * targets[:, None].float() - 1),
        "regression": lambda: targets[:, None],
        "embedding": lambda: 5 * functional.one_hot(targets, 4).float(),
    }[task.name]()
    directions = task.higher_is_better()
    for metric in task.metrics:
        gain = metric.compute(truth, targets) - metric.compute(outputs, targets)
        assert (gain > 0) == directions[metric.name], metric.name


@pytest.mark.parametrize(
    "task",
    [task for task in TASKS if any(metric.per_step for metric in task.metrics)],
    ids=lambda task: task.name,
)
@pytest.mark.parametrize("soft", [False, True], ids=["plain targets", "soft targets"])
def test_several_batches_at_once_have_each_its_own_value(task: Task, soft: bool) -> None:
    """Also where mixup made the targets soft."""
    count = {"classification": 5}.get(task.name, 1)
    outputs = torch.randn(7, 20, count)
    if task.name == "regression":
        targets = torch.randn(7, 20, count)
    elif task.name == "binary":
        targets = torch.rand(7, 20) if soft else torch.randint(0, 2, (7, 20))
    else:
        targets = torch.rand(7, 20, count) if soft else torch.randint(0, count, (7, 20))
    measured = [metric for metric in task.metrics if metric.per_step]
    assert measured
    for metric in measured:
        expected = [metric.compute(own, meant) for own, meant in zip(outputs, targets, strict=True)]
        torch.testing.assert_close(metric.of_batches(outputs, targets), torch.stack(expected))


def test_an_embedding_is_read_by_its_nearest_neighbour_as_scikit_learn_does() -> None:
    task = TASKS["embedding"]
    outputs, targets = example(task)
    expected = [
        KNeighborsClassifier(1)
        .fit(np.delete(outputs.numpy(), i, axis=0), np.delete(targets.numpy(), i))
        .predict(outputs[i : i + 1].numpy())[0]
        for i in range(len(outputs))
    ]
    said, probabilities = task.predict(outputs, targets)
    assert said.tolist() == expected
    assert probabilities is None
    value = TASKS["embedding"].best.compute(outputs, targets).item()
    assert value == pytest.approx(np.mean(np.array(expected) == targets.numpy()))


def test_a_large_gallery_is_thinned_and_nobody_is_its_own_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs, targets = example(TASKS["embedding"])
    monkeypatch.setattr(tasks, "GALLERY", 60)
    monkeypatch.setattr(tasks, "QUERIES", 7)
    kept = np.arange(0, 200, 4)
    apart = torch.cdist(outputs, outputs[kept]).numpy()
    apart[kept, np.arange(len(kept))] = np.inf
    expected = targets.numpy()[kept][apart.argmin(axis=1)]
    assert tasks.neighbours_classes(outputs, targets).tolist() == expected.tolist()
