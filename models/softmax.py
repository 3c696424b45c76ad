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


def surprise(probabilities: Float[Tensor, "classes"]) -> Float[Tensor, "classes"]:
    """-log2 p, in bits: how much is learned when that class is seen (Shannon 1948)."""
    return -torch.log2(probabilities)


def cross_entropy(truth: Float[Tensor, "classes"], belief: Float[Tensor, "classes"]) -> float:
    """The mean surprise, in bits, of one who believes `belief` while `truth` holds: infinite where what never
    should happen does.
    """
    return float(torch.where(truth > 0, truth * surprise(belief), torch.zeros_like(truth)).sum())


def divergence(truth: Float[Tensor, "classes"], belief: Float[Tensor, "classes"]) -> float:
    """KL(truth || belief) in bits: what it costs not to know the truth (Kullback and Leibler 1951)."""
    return cross_entropy(truth, belief) - entropy(truth)


def logit_gradients(
    logits: Float[Tensor, "classes"], target: Float[Tensor, "classes"], temperature: float = 1.0
) -> tuple[Float[Tensor, "classes"], Float[Tensor, "classes"]]:
    """The slopes along each logit of the cross-entropy (in nats) and of the squared error sum (p_c - y_c)^2,
    by autograd: (p - y) / T, and 2 J (p - y) with the softmax's Jacobian J, which is small where p is sure.
    """
    leaf = logits.detach().clone().requires_grad_()
    p = tempered_softmax(leaf, temperature)
    (likelihood,) = torch.autograd.grad(-(target * p.log()).sum(), leaf, retain_graph=True)
    (squared,) = torch.autograd.grad((p - target).square().sum(), leaf)
    return likelihood, squared
