"""Which inputs mattered for one answer: the table of attribution methods, computed by Captum.

    explanation = attribute("integrated_gradients", network, sample, target=3)
    explanation.values                 # of the sample's own shape; above 0 speaks for the class
    explanation.completeness_error     # by how much their sum misses what it must add up to

`sample` is one input [1, *shape] as the network takes it. What is explained is the logit of a class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from models.catalog import Catalog, Parameter, checked_settings
from models.probes import class_logits, evaluated, last_convolution

AT_ONCE = 32  # copies of a sample in one pass of the network


@dataclass(frozen=True)
class AttributionMethod:
    """A row of ATTRIBUTIONS. `compute(scores, network, sample, target, baseline, **settings)` gives
    [1, *shape], or a map [1, 1, height, width].

    `adds_up`: in theory the values' sum is the class's logit less that of the baseline.
    """

    name: str
    title: str
    summary: str
    formula: str
    source: str
    compute: Callable[..., Tensor]
    parameters: tuple[Parameter, ...] = ()
    adds_up: bool = False
    signed: bool = True
    inputs: Literal["any", "image"] = "any"


@dataclass(frozen=True)
class Explanation:
    """Values [*shape] of one sample, or [1, height, width] where a method knows only places."""

    method: str
    target: int
    values: Tensor
    total: float  # their sum
    difference: float  # the class's logit for the sample, less that for the baseline
    completeness_error: float | None  # |total - difference| / |difference|; None where the sum means nothing


class _ClassScores(nn.Module):
    """The network with two logits where it has one: both classes can then be asked about."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        return class_logits(self.network(inputs))


def attribute(
    method: str,
    network: nn.Module,
    sample: Tensor,
    target: int,
    baseline: Tensor | None = None,
    **settings: object,
) -> Explanation:
    """Explains the logit of class `target` for one sample [1, *shape]; `baseline` [1, *shape] stands for
    "nothing there" (zeros: for normalised data its mean).

    UnknownNameError for a method or setting that there is none of; NoUnitsError for Grad-CAM without a
    convolution; ValueError for a class the network has not, or a method that is not for such inputs.
    """
    row = ATTRIBUTIONS[method]
    checked = checked_settings(row.name, row.parameters, settings)
    if row.inputs == "image" and sample.ndim != 4:
        raise ValueError(
            f"{row.title} is for pictures, and this sample has the shape {tuple(sample.shape[1:])}"
        )
    nothing = torch.zeros_like(sample) if baseline is None else baseline
    scores = _ClassScores(network)
    frozen = [parameter for parameter in network.parameters() if parameter.requires_grad]
    with evaluated(network), _without_gradients_of(frozen):
        with torch.no_grad():
            logits = scores(torch.cat([sample, nothing]))
        if not 0 <= target < logits.shape[1]:
            raise ValueError(
                f"class {target} was asked for; the network has the classes 0 to {logits.shape[1] - 1}"
            )
        with torch.enable_grad():
            values = row.compute(
                scores, network, sample.detach().clone().requires_grad_(True), target, nothing, **checked
            )
    values = values.detach()
    total = float(values.sum())
    difference = float(logits[0, target] - logits[1, target])
    error = abs(total - difference) / max(abs(difference), 1e-12) if row.adds_up else None
    return Explanation(row.name, target, values[0], total, difference, error)


class _without_gradients_of:  # noqa: N801 - reads as a phrase, as contextlib's own do
    """While it lasts, these parameters need no gradient: that of the input costs half as much alone."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self.parameters = parameters

    def __enter__(self) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(False)

    def __exit__(self, *what: object) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(True)


def _saliency(scores: nn.Module, network: nn.Module, sample: Tensor, target: int, baseline: Tensor) -> Tensor:
    from captum.attr import Saliency

    return Saliency(scores).attribute(sample, target=target, abs=True)


def _gradient_times_input(
    scores: nn.Module, network: nn.Module, sample: Tensor, target: int, baseline: Tensor
) -> Tensor:
    from captum.attr import InputXGradient

    return InputXGradient(scores).attribute(sample, target=target)


def _integrated_gradients(
    scores: nn.Module,
    network: nn.Module,
    sample: Tensor,
    target: int,
    baseline: Tensor,
    path_points: int,
) -> Tensor:
    from captum.attr import IntegratedGradients

    return IntegratedGradients(scores).attribute(
        sample, baselines=baseline, target=target, n_steps=path_points, internal_batch_size=AT_ONCE
    )


def _smooth_grad(
    scores: nn.Module,
    network: nn.Module,
    sample: Tensor,
    target: int,
    baseline: Tensor,
    noisy_copies: int,
    noise_share: float,
) -> Tensor:
    from captum.attr import NoiseTunnel, Saliency

    spread = float(sample.detach().max() - sample.detach().min())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same noise at each look: two pictures differ by what was asked alone
        return NoiseTunnel(Saliency(scores)).attribute(
            sample,
            nt_type="smoothgrad",
            nt_samples=noisy_copies,
            nt_samples_batch_size=min(noisy_copies, AT_ONCE),
            stdevs=noise_share * spread,
            target=target,
            abs=False,
        )


def _grad_cam(
    scores: nn.Module, network: nn.Module, sample: Tensor, target: int, baseline: Tensor, layer: str
) -> Tensor:
    from captum.attr import LayerAttribution, LayerGradCam

    chosen = network.get_submodule(layer or last_convolution(network, sample))
    coarse = LayerGradCam(scores, chosen).attribute(sample, target=target, relu_attributions=True)
    return LayerAttribution.interpolate(coarse, tuple(sample.shape[2:]), interpolate_mode="bilinear")


def _occlusion(
    scores: nn.Module,
    network: nn.Module,
    sample: Tensor,
    target: int,
    baseline: Tensor,
    window: int,
    window_step: int,
) -> Tensor:
    from captum.attr import Occlusion

    if sample.ndim == 4:
        height, width = (min(window, size) for size in sample.shape[2:])
        covered: tuple[int, ...] = (sample.shape[1], height, width)
        steps: tuple[int, ...] = (sample.shape[1], min(window_step, height), min(window_step, width))
    else:
        covered = steps = tuple(1 for _ in sample.shape[1:])
    with torch.no_grad():
        return Occlusion(scores).attribute(
            sample,
            sliding_window_shapes=covered,
            strides=steps,
            baselines=baseline,
            target=target,
            perturbations_per_eval=AT_ONCE,
        )


ATTRIBUTIONS = Catalog(
    "attribution method",
    [
        AttributionMethod(
            name="saliency",
            title="Saliency",
            summary="How much the class's logit changes when one pixel changes a little, whichever way.",
            formula=r"\left|\partial f_c / \partial x_i\right|",
            source="Simonyan, Vedaldi and Zisserman 2013, arXiv:1312.6034",
            compute=_saliency,
            signed=False,
        ),
        AttributionMethod(
            name="gradient_times_input",
            title="Gradient x input",
            summary="The slope times the pixel: what each pixel would add if the network were linear.",
            formula=r"x_i \,\partial f_c / \partial x_i",
            source="Shrikumar, Greenside, Shcherbina and Kundaje 2016, arXiv:1605.01713",
            compute=_gradient_times_input,
            adds_up=True,
        ),
        AttributionMethod(
            name="integrated_gradients",
            title="Integrated gradients",
            summary="Slopes collected on the straight way from nothing to the picture: they add up to the "
            "difference of both logits.",
            formula=r"(x_i - x'_i)\int_0^1 \frac{\partial f_c(x' + t(x - x'))}{\partial x_i}\,dt",
            source="Sundararajan, Taly and Yan 2017, arXiv:1703.01365",
            compute=_integrated_gradients,
            adds_up=True,
            parameters=(
                Parameter("path_points", 32, "points of the way", kind="integer", low=4, high=256, log=True),
            ),
        ),
        AttributionMethod(
            name="smooth_grad",
            title="SmoothGrad",
            summary="The mean slope over noisy copies of the picture: slopes that change from pixel to pixel "
            "cancel.",
            formula=r"\frac1n\sum_k \partial f_c(x + \sigma\epsilon_k)/\partial x_i",
            source="Smilkov, Thorat, Kim, Viégas and Wattenberg 2017, arXiv:1706.03825",
            compute=_smooth_grad,
            parameters=(
                Parameter("noisy_copies", 32, "noisy copies", kind="integer", low=1, high=256, log=True),
                Parameter(
                    "noise_share",
                    0.15,
                    "deviation of the noise, as a share of the sample's range",
                    low=0.0,
                    high=1.0,
                    symbol=r"\sigma",
                ),
            ),
        ),
        AttributionMethod(
            name="grad_cam",
            title="Grad-CAM",
            summary="Feature maps of a convolution, each weighted by its mean slope: where the layer saw "
            "what speaks for the class.",
            formula=r"\mathrm{ReLU}\Big(\sum_k \overline{\partial f_c / \partial A^k}\,A^k\Big)",
            source="Selvaraju et al. 2016, arXiv:1610.02391",
            compute=_grad_cam,
            signed=False,
            inputs="image",
            parameters=(
                Parameter("layer", "", "the convolution looked at; the last one where none is named", "text"),
            ),
        ),
        AttributionMethod(
            name="occlusion",
            title="Occlusion",
            summary="How much the logit falls when a window is covered by the baseline.",
            formula=r"f_c(x) - f_c(x \text{ covered at } i)",
            source="Zeiler and Fergus 2013, arXiv:1311.2901",
            compute=_occlusion,
            parameters=(
                Parameter("window", 5, "side of the window, pixels", kind="integer", low=1, high=64),
                Parameter("window_step", 2, "pixels between windows", kind="integer", low=1, high=32),
            ),
        ),
    ],
)
