r"""Polynomials of every degree fitted to the same samples at once: least squares, ridge, lasso.

    \min_w \frac1n \sum_i (y_i - \sum_k w_k p_k(x_i))^2
           + \lambda_2 \sum_{k>0} w_k^2 + \lambda_1 \sum_{k>0} |w_k|

p_k is Legendre's polynomial of degree k times sqrt(2k + 1): of length 1 on [-1, 1] and at right angles to all
others, so that degree 30 is as well-conditioned as its samples allow, and the sum of w_k^2 is the mean
square of the curve. (Powers of x would lose every digit by degree 20.) The constant is never shrunk. Where
there are more coefficients than samples and no penalty, the solution is the one of least norm.

Everything takes many sets of samples at once: [..., samples].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

MOST_DEGREE = 30
ROUNDS = 200  # of the lasso, at most
SWEEPS = 6  # over all coordinates in a round
TOLERANCE = 1e-9  # of the slopes at the lasso's minimum, which are of order 1 where the values are
SINGULAR = 1e-9  # of the largest; smaller singular values are taken for 0


def basis(x: Float[np.ndarray, "*sets places"], degree: int) -> Float[np.ndarray, "*sets places terms"]:
    """p_0 ... p_degree at places in [-1, 1], by the three-term recurrence."""
    x = np.asarray(x, np.float64)
    result = np.empty((degree + 1, *x.shape))
    result[0] = 1
    if degree:
        result[1] = x
    for k in range(1, degree):
        result[k + 1] = ((2 * k + 1) * x * result[k] - k * result[k - 1]) / (k + 1)
    result *= np.sqrt(2 * np.arange(degree + 1) + 1).reshape(-1, *[1] * x.ndim)
    return np.moveaxis(result, 0, -1)


def fit(
    x: Float[np.ndarray, "*sets samples"],
    y: Float[np.ndarray, "*sets samples"],
    degrees: Sequence[int],
    ridge: float = 0.0,
    lasso: float = 0.0,
) -> Float[np.ndarray, "*sets degrees terms"]:
    """The coefficients for each of the degrees, 0 beyond a degree. ValueError for a negative penalty or
    degree.
    """
    if not (ridge >= 0 and lasso >= 0):
        raise ValueError(f"ridge is {ridge!r} and lasso {lasso!r}; a penalty is at least 0")
    if not degrees or min(degrees) < 0:
        raise ValueError(f"the degrees are {list(degrees)}; they must be at least 0, one or more")
    design = basis(x, max(degrees))
    if lasso:
        return coordinate_descent(design, y, degrees, ridge, lasso)
    if ridge:
        return _ridge(design, y, degrees, ridge)
    return _least_squares(design, y, degrees)


def values(
    coefficients: Float[np.ndarray, "*sets degrees terms"], places: Float[np.ndarray, " places"]
) -> Float[np.ndarray, "*sets degrees places"]:
    """The fitted curves at the places."""
    return coefficients @ basis(places, coefficients.shape[-1] - 1).T


def jittered(
    x: Float[np.ndarray, "*sets samples"],
    y: Float[np.ndarray, "*sets samples"],
    deviation: float,
    copies: int,
    seed: int,
) -> tuple[Float[np.ndarray, "*sets copied"], Float[np.ndarray, "*sets copied"]]:
    """Copies of the samples whose places have Gaussian noise: augmentation, which for small noise acts as a
    penalty on the curve's slope (Bishop 1995, doi:10.1162/neco.1995.7.1.108). Places stay in [-1, 1].
    """
    if not deviation:
        return x, y
    shape = (*x.shape[:-1], copies * x.shape[-1])
    noise = np.random.default_rng([seed, 1]).standard_normal(shape)
    places = np.tile(x, copies) + deviation * noise
    return np.clip(places, -1, 1), np.tile(y, copies)


def _least_squares(design: np.ndarray, y: np.ndarray, degrees: Sequence[int]) -> np.ndarray:
    """One orthogonal decomposition serves every degree: R's first rows and columns belong to the smaller
    one.
    """
    samples, terms = design.shape[-2:]
    found = np.zeros((*y.shape[:-1], len(degrees), terms))
    square, upper = np.linalg.qr(design[..., : min(samples, terms)])
    turned = np.einsum("...nk,...n->...k", square, y)
    sizes = np.abs(np.diagonal(upper, axis1=-2, axis2=-1))
    for place, degree in enumerate(degrees):
        count = degree + 1
        if count > samples or (sizes[..., :count] <= SINGULAR * sizes[..., :1]).any():
            inverse = np.linalg.pinv(design[..., :count], rcond=SINGULAR)  # the solution of least norm
            found[..., place, :count] = np.einsum("...kn,...n->...k", inverse, y)
        else:
            solved = np.linalg.solve(upper[..., :count, :count], turned[..., :count, None])
            found[..., place, :count] = solved[..., 0]
    return found


def _ridge(design: np.ndarray, y: np.ndarray, degrees: Sequence[int], ridge: float) -> np.ndarray:
    gram, moments = _moments(design, y)
    penalty = np.diag([0.0] + [ridge] * (design.shape[-1] - 1))
    found = np.zeros((*y.shape[:-1], len(degrees), design.shape[-1]))
    for place, degree in enumerate(degrees):
        n = degree + 1
        solved = np.linalg.solve(gram[..., :n, :n] + penalty[:n, :n], moments[..., :n, None])
        found[..., place, :n] = solved[..., 0]
    return found


def coordinate_descent(
    design: Float[np.ndarray, "*sets samples terms"],
    y: Float[np.ndarray, "*sets samples"],
    degrees: Sequence[int],
    ridge: float,
    lasso: float,
) -> Float[np.ndarray, "*sets degrees terms"]:
    """Lasso of all sets and degrees at once. Zeros are exact.

    One coefficient after the other goes to its best value, the others held (Friedman, Hastie and Tibshirani
    2010, doi:10.18637/jss.v033.i01). Near the end that only creeps, so every few sweeps the coefficients that
    are not 0 are solved for together, with the signs they have; the way there stops where the first one gets
    to 0. Who meets the conditions of the minimum (no slope within, none beyond the threshold at 0) is done.
    """
    gram, moments = _moments(design, y)
    terms = design.shape[-1]
    penalty = np.r_[0.0, [ridge] * (terms - 1)]
    threshold = np.r_[0.0, [lasso / 2] * (terms - 1)]
    used = np.tile(np.arange(terms) <= np.asarray(degrees)[:, None], (gram[..., 0, 0].size, 1))
    squares = np.repeat(gram.reshape(-1, terms, terms), len(degrees), axis=0) + np.diag(penalty)
    pulls = np.repeat(moments.reshape(-1, terms), len(degrees), axis=0)
    result = np.zeros(pulls.shape)
    open_ones, weights = np.arange(len(result)), result.copy()
    for _ in range(ROUNDS):
        _sweep(weights, squares, pulls, threshold, used)
        blocked = True
        while blocked:  # each time a coefficient less
            weights, blocked = _polished(weights, squares, pulls, threshold)
        slopes = pulls - (squares @ weights[..., None])[..., 0]
        excess = np.where(
            weights != 0, np.abs(slopes - np.sign(weights) * threshold), np.abs(slopes) - threshold
        )
        open_still = (np.where(used, excess, 0) > TOLERANCE).any(axis=1)
        result[open_ones] = weights
        if not open_still.any():
            break
        open_ones, weights = open_ones[open_still], weights[open_still]
        squares, pulls, used = squares[open_still], pulls[open_still], used[open_still]
    return result.reshape(*y.shape[:-1], len(degrees), terms)


def _sweep(
    weights: np.ndarray, squares: np.ndarray, pulls: np.ndarray, threshold: np.ndarray, used: np.ndarray
) -> None:
    """A few passes over all coordinates, in place: [problems, terms]."""
    columns = np.ascontiguousarray(squares.transpose(1, 0, 2))
    for _ in range(SWEEPS):
        for k in range(weights.shape[1]):
            size = columns[k, :, k]
            pull = pulls[:, k] - np.einsum("pt,pt->p", columns[k], weights) + size * weights[:, k]
            shrunk = np.maximum(np.abs(pull) - threshold[k], 0) / np.maximum(size, 1e-300)
            weights[:, k] = np.copysign(shrunk, pull) * used[:, k]


def _polished(
    weights: np.ndarray, squares: np.ndarray, pulls: np.ndarray, threshold: np.ndarray
) -> tuple[np.ndarray, bool]:
    """The best weights with these signs, or as far on the way to them as no sign changes; did any end
    there?
    """
    signs = np.sign(weights)
    within = signs != 0
    system = squares * within[:, :, None] * within[:, None, :]
    places = np.arange(weights.shape[1])
    system[:, places, places] += ~within + 1e-14
    aims = np.linalg.solve(system, ((pulls - threshold * signs) * within)[..., None])[..., 0]
    crossing = within & (aims * signs < 0) & (threshold > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(crossing, weights / (weights - aims), 1.0)
    step = share.min(axis=1, keepdims=True)
    moved = weights + step * (aims - weights)
    return np.where(crossing & (share == step), 0.0, moved) * within, bool(crossing.any())


def _moments(design: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The products of the basis with itself and with the values, averaged over the samples."""
    samples = design.shape[-2]
    return design.swapaxes(-1, -2) @ design / samples, np.einsum("...nk,...n->...k", design, y) / samples
