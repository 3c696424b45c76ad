"""How wrong an output is: the table of loss functions.

Every loss takes outputs of shape [batch, outputs] and says its mean over the batch, or with
reduction="none" one value for each sample. Targets are class indices [batch] (int64), soft class targets
[batch, outputs] (from mixup), 0 or 1 [batch] for a single output, or numbers [batch] or [batch, outputs]
for regression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from models.catalog import Catalog, Parameter, checked_settings
from models.class_losses import (
    Divergence,
    Focal,
    NegativeLogLikelihood,
    SquaredProbabilities,
    reduced,
    right_classes,
)
from models.embedding_losses import MINING, Contrastive, Quadruplet, Triplet


@dataclass(frozen=True)
class Loss:
    """A row of LOSSES. `build(reduction="mean" or "none", **settings)` makes a module."""

    name: str
    title: str
    formula: str  # LaTeX for one sample: s are the outputs, y the target
    summary: str
    source: str
    tasks: tuple[str, ...]  # names in TASKS that it suits
    build: Callable[..., nn.Module]
    parameters: tuple[Parameter, ...] = ()
    soft_targets: bool = True  # takes the mixed targets that mixup makes
    compares: bool = False  # samples of a batch with each other: one alone costs nothing


def _single(outputs: Tensor, loss: str) -> Tensor:
    """The one logit of each sample, [batch]."""
    if outputs.shape[1] != 1:
        raise ValueError(f"{loss} needs a network with 1 output, not {outputs.shape[1]}; use cross_entropy")
    return outputs[:, 0]


class BinaryCrossEntropy(nn.Module):
    """-y log p - (1 - y) log(1 - p), p = sigmoid(output): from the logit, so that it never overflows."""

    def __init__(self, label_smoothing: float = 0.0, reduction: str = "mean") -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.reduction = reduction

    def forward(self, outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Tensor:
        logits = _single(outputs, "binary_cross_entropy")
        smooth = targets.reshape(logits.shape).to(logits.dtype) * (1 - self.label_smoothing)
        smooth = smooth + self.label_smoothing / 2
        return reduced(
            functional.binary_cross_entropy_with_logits(logits, smooth, reduction="none"), self.reduction
        )


class Distance(nn.Module):
    """A regression loss: the mean over the outputs of a function of (output, target)."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], reduction: str = "mean") -> None:
        super().__init__()
        self.function = function
        self.reduction = reduction

    def forward(self, outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Tensor:
        # [batch] against [batch, 1] would broadcast to [batch, batch] without a word
        values = self.function(outputs, targets.to(outputs.dtype).reshape(outputs.shape))
        return reduced(values.mean(dim=1), self.reduction)


class Margin(nn.Module):
    """How far the right class is from beating every other one by `margin`.

    For one output and targets 0 or 1 (t = -1 or 1): max(0, margin - t s). For several, with the strongest
    wrong class j: max(0, margin + s_j - s_y) (Crammer and Singer 2001). A sample exactly on the edge counts
    as a mistake, as in Rosenblatt's rule: with zero weights and margin 0 nothing would ever learn
    otherwise.
    """

    def __init__(self, margin: float, reduction: str = "mean") -> None:
        super().__init__()
        self.margin = margin
        self.reduction = reduction

    def forward(self, outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Tensor:
        classes = right_classes(targets, "a margin loss")
        if outputs.shape[1] == 1:
            signs = 2 * classes.to(outputs.dtype) - 1
            violation = self.margin - signs * outputs[:, 0]
        else:
            right = classes[:, None]
            wrong = outputs.scatter(1, right, float("-inf")).amax(dim=1)
            violation = self.margin + wrong - outputs.gather(1, right)[:, 0]
        return reduced(torch.where(violation >= 0, violation, torch.zeros_like(violation)), self.reduction)


def _cross_entropy(label_smoothing: float = 0.0, reduction: str = "mean") -> nn.Module:
    return nn.CrossEntropyLoss(label_smoothing=label_smoothing, reduction=reduction)


def _mean_squared_error(reduction: str = "mean") -> nn.Module:
    return Distance(lambda outputs, targets: (outputs - targets).square(), reduction)


def _mean_absolute_error(reduction: str = "mean") -> nn.Module:
    return Distance(lambda outputs, targets: (outputs - targets).abs(), reduction)


def _smooth_l1(bend: float = 1.0, reduction: str = "mean") -> nn.Module:
    return Distance(
        lambda outputs, targets: functional.smooth_l1_loss(outputs, targets, reduction="none", beta=bend),
        reduction,
    )


def _huber(bend: float = 1.0, reduction: str = "mean") -> nn.Module:
    return Distance(
        lambda outputs, targets: functional.huber_loss(outputs, targets, reduction="none", delta=bend),
        reduction,
    )


def _hinge(margin: float = 1.0, reduction: str = "mean") -> nn.Module:
    return Margin(margin, reduction)


def _perceptron(reduction: str = "mean") -> nn.Module:
    return Margin(0.0, reduction)


SMOOTHING = Parameter(
    "label_smoothing",
    0.0,
    "share of the target spread over all classes",
    low=0.0,
    high=0.9,
    step=0.01,
    symbol=r"\varepsilon",
)
BEND = Parameter(
    "bend", 1.0, "error at which the square becomes a line", low=0.01, high=100.0, log=True, symbol=r"\delta"
)
CLASSES = ("binary", "classification")
EMBEDDING = ("embedding",)


def _margin(default: float) -> Parameter:
    return Parameter(
        "margin", default, "distance that is far enough", low=0.01, high=100.0, log=True, symbol="m"
    )


def _mining(default: str, *choices: str) -> Parameter:
    return Parameter(
        "mining", default, "whom of its batch a sample is compared with", kind="choice", choices=choices
    )


LOSSES: Catalog[Loss] = Catalog(
    "loss",
    [
        Loss(
            name="cross_entropy",
            title="Cross-entropy",
            formula=r"-\sum_c q_c \ln \frac{e^{s_c}}{\sum_j e^{s_j}},"
            r"\quad q_c = (1 - \varepsilon)\, y_c + \frac{\varepsilon}{C}",
            summary="The surprise at the right class when the outputs are read as logits of a softmax.",
            source="Goodfellow, Bengio and Courville 2016, section 6.2.2.3; "
            "label smoothing: Szegedy et al. 2015, arXiv:1512.00567, section 7",
            tasks=("classification",),
            build=_cross_entropy,
            parameters=(SMOOTHING,),
        ),
        Loss(
            name="binary_cross_entropy",
            title="Binary cross-entropy",
            formula=r"-q \ln \sigma(s) - (1 - q) \ln(1 - \sigma(s)),"
            r"\quad q = (1 - \varepsilon)\, y + \frac{\varepsilon}{2}",
            summary="Cross-entropy for two classes and one logit.",
            source="https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
            tasks=("binary",),
            build=BinaryCrossEntropy,
            parameters=(SMOOTHING,),
        ),
        Loss(
            name="nll",
            title="Negative log-likelihood",
            formula=r"-\ln p_y, \quad p = \operatorname{softmax}(s)",
            summary="PyTorch's NLLLoss takes log-probabilities; after a log-softmax it is the cross-entropy.",
            source="https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html",
            tasks=("classification",),
            build=NegativeLogLikelihood,
            soft_targets=False,
        ),
        Loss(
            name="kl_divergence",
            title="KL divergence",
            formula=r"\sum_c q_c \ln \frac{q_c}{p_c},"
            r"\quad q_c = (1 - \varepsilon)\, y_c + \frac{\varepsilon}{C}",
            summary="Cross-entropy less the entropy of the target: the same slope, and 0 where both agree.",
            source="Kullback and Leibler 1951, doi:10.1214/aoms/1177729694",
            tasks=("classification",),
            build=Divergence,
            parameters=(SMOOTHING,),
        ),
        Loss(
            name="focal",
            title="Focal",
            formula=r"-(1 - p_y)^{\gamma} \ln p_y",
            summary="A cross-entropy that leaves alone what is nearly right, so rare mistakes are heard.",
            source="Lin et al. 2017, arXiv:1708.02002, section 3",
            tasks=CLASSES,
            build=Focal,
            parameters=(
                Parameter(
                    "focusing",
                    2.0,
                    "how fast easy samples fade",
                    low=0.0,
                    high=5.0,
                    step=0.1,
                    symbol=r"\gamma",
                ),
            ),
            soft_targets=False,
        ),
        Loss(
            name="brier",
            title="Squared error of probabilities",
            formula=r"\sum_c (p_c - y_c)^2, \quad p = \operatorname{softmax}(s)",
            summary="The Brier score. Its slope dies where the network is sure, even if it is wrong.",
            source="Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
            tasks=CLASSES,
            build=SquaredProbabilities,
        ),
        Loss(
            name="mse",
            title="Mean squared error",
            formula=r"(s - y)^2",
            summary="The mean is what minimises it; one outlier can rule it.",
            source="Legendre 1805, Gauss 1809; "
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html",
            tasks=("regression",),
            build=_mean_squared_error,
        ),
        Loss(
            name="l1",
            title="Mean absolute error",
            formula=r"|s - y|",
            summary="The median is what minimises it; outliers count no more than their distance.",
            source="https://docs.pytorch.org/docs/stable/generated/torch.nn.L1Loss.html",
            tasks=("regression",),
            build=_mean_absolute_error,
        ),
        Loss(
            name="smooth_l1",
            title="Smooth L1",
            formula=r"\begin{cases} \frac{(s - y)^2}{2\delta} & |s - y| < \delta \\"
            r" |s - y| - \frac{\delta}{2} & \text{else} \end{cases}",
            summary="Huber's loss divided by its bend: the slope far away is always 1.",
            source="Girshick 2015, arXiv:1504.08083, section 2.3",
            tasks=("regression",),
            build=_smooth_l1,
            parameters=(BEND,),
        ),
        Loss(
            name="huber",
            title="Huber",
            formula=r"\begin{cases} \frac{1}{2}(s - y)^2 & |s - y| < \delta \\"
            r" \delta\left(|s - y| - \frac{\delta}{2}\right) & \text{else} \end{cases}",
            summary="Squared near the target, straight far from it.",
            source="Huber 1964, doi:10.1214/aoms/1177703732",
            tasks=("regression",),
            build=_huber,
            parameters=(BEND,),
        ),
        Loss(
            name="hinge",
            title="Hinge",
            formula=r"\max\left(0,\ m + \max_{j \ne y} s_j - s_y\right)",
            summary="A support vector machine's: nothing once the right class leads by the margin.",
            source="Crammer and Singer 2001, https://www.jmlr.org/papers/v2/crammer01a.html",
            tasks=CLASSES,
            build=_hinge,
            parameters=(
                Parameter("margin", 1.0, "lead that costs nothing", low=0.0, high=10.0, step=0.1, symbol="m"),
            ),
            soft_targets=False,
        ),
        Loss(
            name="perceptron",
            title="Perceptron criterion",
            formula=r"\max\left(0,\ \max_{j \ne y} s_j - s_y\right)",
            summary="Only mistakes count. With SGD, one sample at a time, it is Rosenblatt's learning rule.",
            source="Rosenblatt 1958, doi:10.1037/h0042519; Bishop 2006, section 4.1.7",
            tasks=CLASSES,
            build=_perceptron,
            soft_targets=False,
        ),
        Loss(
            name="contrastive",
            title="Contrastive",
            formula=r"\begin{cases} \frac{1}{2} d^2 & y = y' \\"
            r" \frac{1}{2} \max(0,\ m - d)^2 & \text{else} \end{cases}, \quad d = \lVert s - s' \rVert",
            summary="A siamese network's: pairs of a class are pulled together, others pushed apart.",
            source="Hadsell, Chopra and LeCun 2006, doi:10.1109/CVPR.2006.100; "
            "Bromley et al. 1993, the first siamese network",
            tasks=EMBEDDING,
            build=Contrastive,
            parameters=(_margin(1.0), _mining("all", "all", "hard")),
            soft_targets=False,
            compares=True,
        ),
        Loss(
            name="triplet",
            title="Triplet",
            formula=r"\max(0,\ m + \lVert s - s_+ \rVert - \lVert s - s_- \rVert)",
            summary="A sample is to be nearer to one of its class than to one of another, by a margin.",
            source="Schroff, Kalenichenko and Philbin 2015, arXiv:1503.03832; mining within a batch: "
            "Hermans, Beyer and Leibe 2017, arXiv:1703.07737",
            tasks=EMBEDDING,
            build=Triplet,
            parameters=(_margin(0.5), _mining("semi-hard", *MINING)),
            soft_targets=False,
            compares=True,
        ),
        Loss(
            name="quadruplet",
            title="Quadruplet",
            formula=r"\max(0,\ m + \lVert s - s_+ \rVert - \lVert s - s_- \rVert) +"
            r" \max(0,\ m_2 + \lVert s - s_+ \rVert - \lVert s_- - s_{-}' \rVert)",
            summary="A triplet, and classes keep their distance from each other too.",
            source="Chen, Chen, Zhang and Huang 2017, arXiv:1704.01719",
            tasks=EMBEDDING,
            build=Quadruplet,
            parameters=(
                _margin(0.5),
                Parameter(
                    "second_margin",
                    0.25,
                    "... between two other classes",
                    low=0.01,
                    high=100.0,
                    log=True,
                    symbol="m_2",
                ),
                _mining("all", "all", "hard"),
            ),
            soft_targets=False,
            compares=True,
        ),
    ],
)


def build_loss(name: str, settings: Mapping[str, Any] | None = None, reduction: str = "mean") -> nn.Module:
    """The named loss with checked settings; ValueError and UnknownNameError name the way out."""
    row = LOSSES[name]
    return row.build(reduction=reduction, **checked_settings(name, row.parameters, settings or {}))
