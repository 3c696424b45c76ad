"""How parameters move: the table of optimizers, each torch.optim's own.

In the formulas theta are the parameters, g the gradient, eta the learning rate, lambda the weight decay.
Weight decay adds lambda theta to the gradient (L2 regularisation) in every row but AdamW, which shrinks
theta by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from models.catalog import Catalog, Parameter, checked_settings
from training import direct_steps


@dataclass(frozen=True)
class Optimizer:
    """A row of OPTIMIZERS. `build(parameters, learning_rate, weight_decay, **settings)` makes the torch
    object.

    The learning rate and the weight decay are settings of every run, so they are not among `parameters`.
    """

    name: str
    title: str
    formula: str  # LaTeX of one update
    summary: str
    source: str
    default_learning_rate: float
    build: Callable[..., torch.optim.Optimizer]
    parameters: tuple[Parameter, ...] = ()


def _fused(parameters: list[nn.Parameter]) -> dict[str, bool]:
    """One pass over all parameters where torch has it: two to three times faster a step on the CPU."""
    usable = all(parameter.device.type in ("cpu", "cuda") for parameter in parameters)
    return {"fused": True} if usable else {}


def _sgd(
    parameters: list[nn.Parameter],
    learning_rate: float,
    weight_decay: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
) -> torch.optim.Optimizer:
    return direct_steps.SGD(
        parameters,
        lr=learning_rate,
        weight_decay=weight_decay,
        momentum=momentum,
        dampening=dampening,
        nesterov=nesterov,
        **_fused(parameters),
    )


def _nesterov(
    parameters: list[nn.Parameter], learning_rate: float, weight_decay: float, momentum: float
) -> torch.optim.Optimizer:
    return _sgd(parameters, learning_rate, weight_decay, momentum, nesterov=True)


def _adagrad(
    parameters: list[nn.Parameter], learning_rate: float, weight_decay: float, epsilon: float
) -> torch.optim.Optimizer:
    on_cpu = all(
        parameter.device.type == "cpu" for parameter in parameters
    )  # torch fuses this one only there
    return torch.optim.Adagrad(
        parameters, lr=learning_rate, weight_decay=weight_decay, eps=epsilon, fused=on_cpu or None
    )


def _adadelta(
    parameters: list[nn.Parameter], learning_rate: float, weight_decay: float, rho: float, epsilon: float
) -> torch.optim.Optimizer:
    return torch.optim.Adadelta(parameters, lr=learning_rate, weight_decay=weight_decay, rho=rho, eps=epsilon)


def _rmsprop(
    parameters: list[nn.Parameter],
    learning_rate: float,
    weight_decay: float,
    smoothing: float,
    epsilon: float,
    centered: bool,
) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(
        parameters,
        lr=learning_rate,
        weight_decay=weight_decay,
        alpha=smoothing,
        eps=epsilon,
        centered=centered,
    )


def _adam(
    parameters: list[nn.Parameter],
    learning_rate: float,
    weight_decay: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    amsgrad: bool,
) -> torch.optim.Optimizer:
    return direct_steps.Adam(
        parameters,
        lr=learning_rate,
        weight_decay=weight_decay,
        betas=(beta1, beta2),
        eps=epsilon,
        amsgrad=amsgrad,
        **_fused(parameters),
    )


def _adamw(
    parameters: list[nn.Parameter],
    learning_rate: float,
    weight_decay: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    amsgrad: bool,
) -> torch.optim.Optimizer:
    return direct_steps.AdamW(
        parameters,
        lr=learning_rate,
        weight_decay=weight_decay,
        betas=(beta1, beta2),
        eps=epsilon,
        amsgrad=amsgrad,
        **_fused(parameters),
    )


MOMENTUM = Parameter(
    "momentum",
    0.9,
    "share of the last move that goes on",
    low=0.0,
    high=0.999,
    step=0.01,
    symbol=r"\mu",
)
NESTEROV_MOMENTUM = Parameter(
    "momentum",
    0.9,
    "share of the last move that goes on",
    low=0.01,  # at 0 there is nothing to look ahead to, and torch refuses it
    high=0.999,
    step=0.01,
    symbol=r"\mu",
)


def _epsilon(default: float) -> Parameter:
    return Parameter(
        "epsilon",
        default,
        "keeps the division from blowing up",
        low=1e-12,
        high=1.0,
        log=True,
        symbol=r"\epsilon",
    )


ADAM_PARAMETERS = (
    Parameter(
        "beta1", 0.9, "memory of the mean gradient", low=0.0, high=0.999, step=0.001, symbol=r"\beta_1"
    ),
    Parameter(
        "beta2", 0.999, "memory of the squared gradient", low=0.0, high=0.9999, step=0.0001, symbol=r"\beta_2"
    ),
    _epsilon(1e-8),
    Parameter("amsgrad", False, "never forget the largest v (Reddi et al. 2018)", kind="flag"),
)
MOMENTS = (
    r"m \leftarrow \beta_1 m + (1 - \beta_1) g,\quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2,\quad "
    r"\hat m = \frac{m}{1 - \beta_1^t},\ \hat v = \frac{v}{1 - \beta_2^t}"
)

OPTIMIZERS: Catalog[Optimizer] = Catalog(
    "optimizer",
    [
        Optimizer(
            name="sgd",
            title="SGD",
            formula=r"\theta \leftarrow \theta - \eta g",
            summary="Straight down the slope of each batch.",
            source="Robbins and Monro 1951, doi:10.1214/aoms/1177729586",
            default_learning_rate=0.1,
            build=_sgd,
        ),
        Optimizer(
            name="momentum",
            title="Momentum",
            formula=r"v \leftarrow \mu v + (1 - d) g, \quad \theta \leftarrow \theta - \eta v",
            summary="A heavy ball: it gathers speed along a valley and averages out the noise.",
            source="Polyak 1964, doi:10.1016/0041-5553(64)90137-5",
            default_learning_rate=0.01,
            build=_sgd,
            parameters=(
                MOMENTUM,
                Parameter(
                    "dampening",
                    0.0,
                    "share of the gradient held back",
                    low=0.0,
                    high=0.99,
                    step=0.01,
                    symbol="d",
                ),
            ),
        ),
        Optimizer(
            name="nesterov",
            title="Nesterov momentum",
            formula=r"v \leftarrow \mu v + g, \quad \theta \leftarrow \theta - \eta (g + \mu v)",
            summary="Momentum that looks one step ahead, and brakes earlier.",
            source="Nesterov 1983; Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html",
            default_learning_rate=0.01,
            build=_nesterov,
            parameters=(NESTEROV_MOMENTUM,),
        ),
        Optimizer(
            name="adagrad",
            title="Adagrad",
            formula=r"s \leftarrow s + g^2, \quad "
            r"\theta \leftarrow \theta - \eta \frac{g}{\sqrt{s} + \epsilon}",
            summary="A rate for each parameter, smaller the more it has moved. It never grows again.",
            source="Duchi, Hazan and Singer 2011, https://jmlr.org/papers/v12/duchi11a.html",
            default_learning_rate=0.01,
            build=_adagrad,
            parameters=(_epsilon(1e-10),),
        ),
        Optimizer(
            name="adadelta",
            title="Adadelta",
            formula=r"s \leftarrow \rho s + (1 - \rho) g^2, \quad \Delta = \frac{\sqrt{u + \epsilon}}"
            r"{\sqrt{s + \epsilon}} g, \quad u \leftarrow \rho u + (1 - \rho) \Delta^2, \quad "
            r"\theta \leftarrow \theta - \eta \Delta",
            summary="Adagrad that forgets, with steps in the parameter's own unit.",
            source="Zeiler 2012, arXiv:1212.5701",
            default_learning_rate=1.0,
            build=_adadelta,
            parameters=(
                Parameter(
                    "rho",
                    0.9,
                    "memory of the squared gradient",
                    low=0.0,
                    high=0.999,
                    step=0.01,
                    symbol=r"\rho",
                ),
                _epsilon(1e-6),
            ),
        ),
        Optimizer(
            name="rmsprop",
            title="RMSprop",
            formula=r"s \leftarrow \alpha s + (1 - \alpha) g^2, \quad "
            r"\theta \leftarrow \theta - \eta \frac{g}{\sqrt{s} + \epsilon}",
            summary="The gradient divided by its recent size.",
            source="Tieleman and Hinton 2012, "
            "https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf",
            default_learning_rate=0.001,
            build=_rmsprop,
            parameters=(
                Parameter(
                    "smoothing",
                    0.99,
                    "memory of the squared gradient",
                    low=0.0,
                    high=0.999,
                    step=0.001,
                    symbol=r"\alpha",
                ),
                _epsilon(1e-8),
                Parameter("centered", False, "divide by the deviation, not the size", kind="flag"),
            ),
        ),
        Optimizer(
            name="adam",
            title="Adam",
            formula=MOMENTS
            + r",\quad \theta \leftarrow \theta - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}",
            summary="Momentum and RMSprop together, both corrected for their empty start.",
            source="Kingma and Ba 2014, arXiv:1412.6980",
            default_learning_rate=0.001,
            build=_adam,
            parameters=ADAM_PARAMETERS,
        ),
        Optimizer(
            name="adamw",
            title="AdamW",
            formula=MOMENTS + r",\quad \theta \leftarrow \theta - \eta \lambda \theta"
            r" - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}",
            summary="Adam whose weight decay is not divided by the gradient's size.",
            source="Loshchilov and Hutter 2017, arXiv:1711.05101",
            default_learning_rate=0.001,
            build=_adamw,
            parameters=ADAM_PARAMETERS,
        ),
    ],
)


def build_optimizer(
    name: str,
    parameters: Iterable[nn.Parameter],
    learning_rate: float | None = None,
    weight_decay: float = 0.0,
    settings: Mapping[str, Any] | None = None,
) -> torch.optim.Optimizer:
    """The named optimizer over these parameters; a learning rate of None takes the row's default.

    UnknownNameError for the name, ValueError for a setting.
    """
    row = OPTIMIZERS[name]
    checked = checked_settings(name, row.parameters, settings or {})
    rate = row.default_learning_rate if learning_rate is None else learning_rate
    return row.build(list(parameters), rate, weight_decay, **checked)
