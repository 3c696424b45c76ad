"""Softmax: a vector of logits as probabilities, with a temperature, and its Jacobian."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def tempered_softmax(logits: Float[Tensor, "classes"], temperature: float = 1.0) -> Float[Tensor, "classes"]:
    """p_i = exp(z_i / T) / sum_j exp(z_j / T). Near T = 0 the largest logit takes all, at large T all are
    equal (Hinton, Vinyals and Dean 2015, arXiv:1503.02531, section 2). ValueError unless T > 0.
    """
    if not temperature > 0 or not math.isfinite(temperature):
        raise ValueError(f"the temperature is {temperature}; it must be a finite number above 0")
    return torch.softmax(logits / temperature, dim=0)


def softmax_jacobian(
    logits: Float[Tensor, "classes"], temperature: float = 1.0
) -> Float[Tensor, "classes classes"]:
    """d p_i / d z_j by autograd: p_i (1 - p_i) / T on the diagonal, -p_i p_j / T beside it."""
    return torch.autograd.functional.jacobian(lambda z: tempered_softmax(z, temperature), logits)


def entropy(probabilities: Float[Tensor, "classes"]) -> float:
    """In bits: 0 where one class has all, log2(classes) where all are equal (Shannon 1948)."""
    return float(-torch.xlogy(probabilities, probabilities).sum() / math.log(2))
