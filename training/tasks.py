"""What is to be learned: the table of tasks, each with its loss, its metrics and how outputs are read.

Outputs are [batch, outputs]: a logit for each class (classification), one logit (binary), numbers
(regression), or the coordinates of a point (embedding). Targets are class indices (int64), 0 and 1 (int64),
float32 numbers, or class indices again; mixup makes soft ones of the first two, and metrics read those as the
class that weighs most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from models.catalog import Catalog, Parameter, Value, checked_settings
from models.losses import LOSSES, build_loss

GALLERY = 5000  # samples that may be the nearest: 60,000 against all of them would take minutes
QUERIES = 1000  # samples whose distances are held at once


@dataclass(frozen=True)
class Metric:
    """A number that says how good outputs are. `compute(outputs, targets)` gives a scalar tensor on their
    device, without waiting for the device. One that has `per_sample` is the mean of that, and cheap enough to
    log at every update; the others are computed once an epoch over a whole split, whose mean over batches
    they are not.
    """

    name: str
    title: str
    formula: str  # LaTeX: s are the outputs, y the targets
    higher_is_better: bool
    compute: Callable[[Tensor, Tensor], Tensor]
    source: str
    unit: str = ""
    per_sample: Callable[[Tensor, Tensor], Tensor] | None = None  # outputs, targets -> [batch]

    @property
    def per_step(self) -> bool:
        return self.per_sample is not None

    def of_batches(
        self, outputs: Float[Tensor, "batches samples outputs"], targets: Tensor
    ) -> Float[Tensor, "batches"]:
        """The value of each of several batches of one size, at once; for metrics that have `per_sample`."""
        assert self.per_sample is not None
        values = self.per_sample(outputs.flatten(0, 1), targets.flatten(0, 1))
        return values.view(outputs.shape[:2]).mean(dim=1)


@dataclass(frozen=True)
class Task:
    """A row of TASKS. The first metric is the loss itself, without label smoothing, so that runs compare.
    `best` is the one by which the best weights are kept and early stopping counts, on the validation split.
    """

    name: str
    title: str
    summary: str
    loss: str  # name in LOSSES
    metrics: tuple[Metric, ...]
    best: Metric
    target_dtype: torch.dtype
    # of the network, from the number of classes (None in regression) and the task's own settings
    outputs: Callable[[int | None, Mapping[str, Value]], int]
    # outputs [batch, outputs] and targets -> classes [batch] or numbers [batch, outputs]
    predictions: Callable[[Tensor, Tensor], Tensor]
    probabilities: Callable[[Tensor], Tensor] | None  # outputs -> [batch, classes]; None where there are none
    parameters: tuple[Parameter, ...] = ()
    by_neighbours: bool = False  # a prediction is that of other samples, whose targets are needed

    def higher_is_better(self) -> dict[str, bool]:
        """For every metric that is logged."""
        return {metric.name: metric.higher_is_better for metric in self.metrics}

    def predict(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor | None]:
        """What outputs [batch, outputs] say: classes [batch] (int64) and probabilities [batch, classes], or
        in regression numbers ([batch] where there is one output) and None. An embedding says the class of
        the nearest other sample, whence the targets, and no probabilities.
        """
        said = self.predictions(outputs, targets)
        return said, None if self.probabilities is None else self.probabilities(outputs)

    def build_loss(self, label_smoothing: float = 0.0, reduction: str = "mean") -> nn.Module:
        """The task's loss; ValueError for label smoothing where targets are no classes."""
        if any(parameter.name == "label_smoothing" for parameter in LOSSES[self.loss].parameters):
            return build_loss(self.loss, {"label_smoothing": label_smoothing}, reduction)
        if label_smoothing:
            raise ValueError(
                f"label_smoothing is {label_smoothing}, and {self.name} has no labels to smooth; leave it 0"
            )
        return build_loss(self.loss, reduction=reduction)


def classes_of(outputs: Float[Tensor, "batch outputs"]) -> Int64[Tensor, "batch"]:
    """The class each sample is taken for: the largest logit, or for one logit whether it is above 0."""
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > 0).long()
    return outputs.max(dim=1).indices  # argmax gives the same, and takes a quarter longer


def classes_meant(targets: Tensor) -> Int64[Tensor, "batch"]:
    """Class targets as indices: soft ones [batch, classes] or [batch] become the class that weighs most."""
    if targets.ndim > 1 and targets.shape[1] > 1:
        return targets.argmax(dim=1)
    flat = targets.reshape(-1)
    return (flat > 0.5).long() if flat.is_floating_point() else flat.long()


def rightness(outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Float[Tensor, "batch"]:
    """1 for each sample whose predicted class is the target's, else 0."""
    return (classes_of(outputs) == classes_meant(targets)).to(outputs.dtype)


def accuracy(outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Float[Tensor, ""]:
    """The share of samples whose predicted class is the target's."""
    return rightness(outputs, targets).mean()


def area_under_curve(outputs: Float[Tensor, "batch 1"], targets: Tensor) -> Float[Tensor, ""]:
    """The chance that a positive sample has a larger output than a negative one, ties counting half.

    That is the area under the receiver operating characteristic (Hanley and McNeil 1982), from the sum of the
    positives' ranks (Mann and Whitney 1947). NaN where one of the two classes is missing.
    """
    scores = outputs[:, 0]
    positive = classes_meant(targets).to(scores.dtype)
    _, group, sizes = torch.unique(scores, return_inverse=True, return_counts=True)
    ends = sizes.cumsum(0)
    ranks = (ends - (sizes - 1) / 2)[group]  # ties share the mean of their ranks
    # The mean rank, not the sum: float32 counts to 2^24 only, and not every device has float64
    positives = positive.sum()
    negatives = positive.numel() - positives
    mean_rank = (ranks * (positive / positives)).sum()
    area = (mean_rank - (positives + 1) / 2) / negatives
    # Not left to 0 / 0: the mean rank is rounded, and its rest over 0 would be infinite
    both = (positives > 0) & (negatives > 0)
    return torch.where(both, area, torch.nan).to(outputs.dtype)


def neighbours_classes(outputs: Float[Tensor, "batch numbers"], targets: Tensor) -> Int64[Tensor, "batch"]:
    """The class of each sample's nearest other one, by Euclidean distance: leave-one-out 1-nearest-neighbour.

    Of more than `GALLERY` samples every k-th is a candidate, as many as that at most. A single sample is its
    own neighbour.
    """
    classes = classes_meant(targets)
    step = -(-len(outputs) // GALLERY)
    candidates = torch.arange(0, len(outputs), step, device=outputs.device)
    if len(outputs) < 2:
        return classes
    found = []
    for rows in torch.arange(len(outputs), device=outputs.device).split(QUERIES):
        apart = torch.cdist(outputs[rows], outputs[candidates])
        apart[rows[:, None] == candidates] = torch.inf
        found.append(candidates[apart.argmin(dim=1)])
    return classes[torch.cat(found)]


def retrieval(outputs: Float[Tensor, "batch numbers"], targets: Tensor) -> Float[Tensor, ""]:
    """The share of samples whose nearest other one is of their class: precision at 1."""
    return (neighbours_classes(outputs, targets) == classes_meant(targets)).to(outputs.dtype).mean()


def _matching(outputs: Tensor, targets: Tensor) -> Tensor:
    return targets.to(outputs.dtype).reshape(outputs.shape)


def absolute_errors(outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Float[Tensor, "batch"]:
    """Of each sample, the mean over its outputs."""
    return (outputs - _matching(outputs, targets)).abs().mean(dim=1)


def mean_absolute_error(outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Float[Tensor, ""]:
    return (outputs - _matching(outputs, targets)).abs().mean()


def root_mean_squared_error(outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Float[Tensor, ""]:
    return (outputs - _matching(outputs, targets)).square().mean().sqrt()


def explained_share(outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Float[Tensor, ""]:
    """R2: 1 - squared error / squared deviation from the targets' mean; the mean of it over several outputs.

    0 for always saying the mean, negative for worse. NaN or -inf where all targets are equal.
    """
    targets = _matching(outputs, targets)
    error = (outputs - targets).square().mean(dim=0)
    deviation = (targets - targets.mean(dim=0)).square().mean(dim=0)
    return (1 - error / deviation).mean()


ACCURACY = Metric(
    name="accuracy",
    title="Accuracy",
    formula=r"\frac{1}{N} \sum_i [\arg\max_c s_{ic} = y_i]",
    higher_is_better=True,
    compute=accuracy,
    source="https://scikit-learn.org/stable/modules/model_evaluation.html#accuracy-score",
    per_sample=rightness,
)
AUC = Metric(
    name="auc",
    title="Area under the ROC curve",
    formula=r"P(s_+ > s_-) + \frac{1}{2} P(s_+ = s_-)",
    higher_is_better=True,
    compute=area_under_curve,
    source="Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747",
)
MAE = Metric(
    name="mae",
    title="Mean absolute error",
    formula=r"\frac{1}{N} \sum_i |s_i - y_i|",
    higher_is_better=False,
    compute=mean_absolute_error,
    source="https://scikit-learn.org/stable/modules/model_evaluation.html#mean-absolute-error",
    unit="the target's unit",
    per_sample=absolute_errors,
)
RMSE = Metric(
    name="rmse",
    title="Root mean squared error",
    formula=r"\sqrt{\frac{1}{N} \sum_i (s_i - y_i)^2}",
    higher_is_better=False,
    compute=root_mean_squared_error,
    source="https://scikit-learn.org/stable/modules/model_evaluation.html#mean-squared-error",
    unit="the target's unit",
)
R2 = Metric(
    name="r2",
    title="R²",
    formula=r"1 - \frac{\sum_i (s_i - y_i)^2}{\sum_i (y_i - \bar y)^2}",
    higher_is_better=True,
    compute=explained_share,
    source="https://scikit-learn.org/stable/modules/model_evaluation.html#r2-score",
)

RETRIEVAL = Metric(
    name="retrieval",
    title="Precision at 1",
    formula=r"\frac{1}{N} \sum_i [y_{n(i)} = y_i],"
    r"\quad n(i) = \arg\min_{j \ne i} \lVert s_i - s_j \rVert",
    higher_is_better=True,
    compute=retrieval,
    source="Musgrave, Belongie and Lim 2020, arXiv:2003.08505, section 2",
    unit="share of samples",
)


def _loss_metric(name: str) -> Metric:
    row = LOSSES[name]
    return Metric("loss", row.title, row.formula, False, build_loss(name), row.source)


CROSS_ENTROPY = _loss_metric("cross_entropy")
BINARY_CROSS_ENTROPY = _loss_metric("binary_cross_entropy")
MSE = _loss_metric("mse")
TRIPLET = _loss_metric("triplet")
SIZE = Parameter(
    "embedding_size", 32, "numbers that stand for a sample", kind="integer", low=1, high=2048, log=True
)


def _class_outputs(num_classes: int | None, settings: Mapping[str, Value]) -> int:
    if num_classes is None or num_classes < 2:
        raise ValueError(f"a classification data set has at least 2 classes, not {num_classes}")
    return num_classes


def _single_output(num_classes: int | None, settings: Mapping[str, Value]) -> int:
    return 1


def _embedding_outputs(num_classes: int | None, settings: Mapping[str, Value]) -> int:
    return int(checked_settings("embedding", (SIZE,), settings)[SIZE.name])


def _two_probabilities(outputs: Float[Tensor, "batch 1"]) -> Float[Tensor, "batch 2"]:
    # sigmoid(-s) keeps the digits that 1 - sigmoid(s) loses
    return torch.sigmoid(torch.cat([-outputs, outputs], dim=1))


TASKS: Catalog[Task] = Catalog(
    "task",
    [
        Task(
            name="classification",
            title="Classification",
            summary="Which of several classes a sample belongs to.",
            loss="cross_entropy",
            metrics=(CROSS_ENTROPY, ACCURACY),
            best=ACCURACY,
            target_dtype=torch.int64,
            outputs=_class_outputs,
            predictions=lambda outputs, targets: classes_of(outputs),
            probabilities=lambda outputs: outputs.softmax(dim=1),
        ),
        Task(
            name="binary",
            title="Binary classification",
            summary="Yes or no, from one logit.",
            loss="binary_cross_entropy",
            metrics=(BINARY_CROSS_ENTROPY, ACCURACY, AUC),
            best=ACCURACY,
            target_dtype=torch.int64,
            outputs=_single_output,
            predictions=lambda outputs, targets: classes_of(outputs),
            probabilities=_two_probabilities,
        ),
        Task(
            name="regression",
            title="Regression",
            summary="A number for each sample.",
            loss="mse",
            metrics=(MSE, MAE, RMSE, R2),
            best=MSE,
            target_dtype=torch.float32,
            outputs=_single_output,
            predictions=lambda outputs, targets: outputs[:, 0] if outputs.shape[1] == 1 else outputs,
            probabilities=None,
        ),
        Task(
            name="embedding",
            title="Embedding",
            summary="Points of which those of a class lie close together.",
            loss="triplet",
            metrics=(TRIPLET, RETRIEVAL),
            best=RETRIEVAL,
            target_dtype=torch.int64,
            outputs=_embedding_outputs,
            predictions=neighbours_classes,
            probabilities=None,
            parameters=(SIZE,),
            by_neighbours=True,
        ),
    ],
)
