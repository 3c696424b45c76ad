"""Distributions of torch.distributions as operations: a number of samples drawn with a seed."""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor, distributions
from torch.distributions import Distribution

from models.tensor_creating import SEED
from models.tensor_operation import DOCUMENTATION, Argument, Operation

COUNT = Argument("samples", 1000, "how many are drawn", "integer", low=1, high=20_000, log=True, symbol="N")
_ONE_AT_A_TIME = threading.Lock()  # PyTorch's distributions draw from a stream that all threads share


def drawn(distribution: Distribution, samples: int, seed: int) -> Tensor:
    """So many samples with this seed; whoever else draws in this process gets what they would have got."""
    with _ONE_AT_A_TIME, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return distribution.sample((samples,))


def _parameter(name: str, default: float, about: str, low: float, high: float, symbol: str = "") -> Argument:
    return Argument(name, default, about, low=low, high=high, step=0.1, symbol=symbol or name)


def _share(name: str = "probs", default: float = 0.3) -> Argument:
    return Argument(name, default, "of success, between 0 and 1", low=0.0, high=1.0, step=0.01, symbol="p")


def _row(
    name: str, title: str, summary: str, formula: str, family: type[Distribution], *own: Argument,
    whole: tuple[str, ...] = (),
) -> Operation:  # fmt: skip
    """`own` are the arguments of the family's constructor, by its own names, in their order."""

    def build(**values: Any) -> Distribution:
        numbers: dict[str, Any] = {
            each.name: values[each.name] if each.name in whole else torch.tensor(values[each.name])
            for each in own
        }
        return family(**numbers)

    def function(samples: int, seed: int, **values: Any) -> Tensor:
        return drawn(build(**values), samples, seed)

    def line(samples: int, seed: int, **values: Any) -> str:
        words = ", ".join(
            f"{each.name}={values[each.name] if each.name in whole else f'torch.tensor({values[each.name]})'}"
            for each in own
        )
        return f"torch.distributions.{family.__name__}({words}).sample(({samples},))"

    return Operation(
        name, title, "distributions", summary, formula,
        f"{DOCUMENTATION}distributions.html#torch.distributions.{family.__module__.rsplit('.', 1)[-1]}."
        f"{family.__name__}",
        function, line, (), (*own, COUNT, SEED), origin=None, setup="torch.manual_seed({seed})",
        shows="samples",
        distribution=build,
    )  # fmt: skip


DISTRIBUTIONS = (
    _row(
        "normal", "Normal", "Sums of many small independent things. Weights begin with it, noise is drawn "
        "from it.",
        r"f(x) = \frac{1}{\sigma \sqrt{2 \pi}} e^{-(x - \mu)^2 / 2 \sigma^2}", distributions.Normal,
        _parameter("loc", 0.0, "the mean", -5.0, 5.0, r"\mu"),
        _parameter("scale", 1.0, "the standard deviation", 0.1, 5.0, r"\sigma"),
    ),
    _row(
        "uniform", "Uniform", "Every number between two ends is as likely as every other.",
        r"f(x) = \frac{1}{b - a}, \quad a \le x < b", distributions.Uniform,
        _parameter("low", 0.0, "where it begins", -5.0, 5.0, "a"),
        _parameter("high", 1.0, "where it ends", -5.0, 5.0, "b"),
    ),
    _row(
        "laplace", "Laplace", "Two exponentials back to back: errors whose likelihood is the absolute value "
        "(L1).",
        r"f(x) = \frac{1}{2 b} e^{-|x - \mu| / b}", distributions.Laplace,
        _parameter("loc", 0.0, "the median", -5.0, 5.0, r"\mu"), _parameter("scale", 1.0, "the width", 0.1,
        5.0, "b"),
    ),
    _row(
        "student_t", "Student's t", "A normal with heavy tails: the mean of few numbers, and intervals over "
        "folds.",
        r"f(x) \propto \left(1 + \frac{x^2}{\nu}\right)^{-(\nu + 1) / 2}", distributions.StudentT,
        _parameter("df", 3.0, "degrees of freedom", 0.5, 30.0, r"\nu"),
    ),
    _row(
        "cauchy", "Cauchy", "Tails so heavy that there is no mean: averages of samples never settle.",
        r"f(x) = \frac{1}{\pi \gamma \left(1 + ((x - x_0) / \gamma)^2\right)}", distributions.Cauchy,
        _parameter("loc", 0.0, "the median", -5.0, 5.0, "x_0"),
        _parameter("scale", 1.0, "the width", 0.1, 5.0, r"\gamma"),
    ),
    _row(
        "exponential", "Exponential", "How long until something happens that happens at a steady rate.",
        r"f(x) = \lambda e^{-\lambda x}", distributions.Exponential,
        _parameter("rate", 1.0, "how often a unit of time", 0.1, 5.0, r"\lambda"),
    ),
    _row(
        "gamma", "Gamma", "The sum of several waits; any positive number with a chosen mean and spread.",
        r"f(x) = \frac{\beta^\alpha}{\Gamma(\alpha)} x^{\alpha - 1} e^{-\beta x}", distributions.Gamma,
        _parameter("concentration", 2.0, "how many waits", 0.5, 10.0, r"\alpha"),
        _parameter("rate", 1.0, "how often a unit of time", 0.1, 5.0, r"\beta"),
    ),
    _row(
        "beta", "Beta", "A share between 0 and 1 that is not known. Mixup draws its mixture from it.",
        r"f(x) = \frac{x^{\alpha - 1} (1 - x)^{\beta - 1}}{B(\alpha, \beta)}", distributions.Beta,
        _parameter("concentration1", 2.0, "pulls towards 1", 0.5, 10.0, r"\alpha"),
        _parameter("concentration0", 5.0, "pulls towards 0", 0.5, 10.0, r"\beta"),
    ),
    _row(
        "log_normal", "Log-normal", "What is normal once its logarithm is taken: sizes, incomes, times.",
        r"f(x) = \frac{1}{x \sigma \sqrt{2 \pi}} e^{-(\ln x - \mu)^2 / 2 \sigma^2}", distributions.LogNormal,
        _parameter("loc", 0.0, "the mean of the logarithm", -2.0, 2.0, r"\mu"),
        _parameter("scale", 0.5, "the standard deviation of the logarithm", 0.1, 2.0, r"\sigma"),
    ),
    _row(
        "bernoulli", "Bernoulli", "1 with a chance, else 0: whether dropout keeps a unit.",
        r"P(1) = p, \quad P(0) = 1 - p", distributions.Bernoulli, _share(),
    ),
    _row(
        "binomial", "Binomial", "How many of n independent tries succeed: the correct ones among n test "
        "samples.",
        r"P(k) = \binom{n}{k} p^k (1 - p)^{n - k}", distributions.Binomial,
        Argument("total_count", 20, "tries", "integer", low=1, high=100, symbol="n"), _share(default=0.4),
        whole=("total_count",),
    ),
    _row(
        "geometric", "Geometric", "How many tries fail before the first that succeeds.",
        r"P(k) = (1 - p)^k p", distributions.Geometric,
        Argument("probs", 0.3, "of success, between 0 and 1", low=0.05, high=1.0, step=0.01, symbol="p"),
    ),
    _row(
        "poisson", "Poisson", "How often something rare happens in a span of time.",
        r"P(k) = \frac{\lambda^k e^{-\lambda}}{k!}", distributions.Poisson,
        _parameter("rate", 4.0, "how often on average", 0.1, 30.0, r"\lambda"),
    ),
)  # fmt: skip
