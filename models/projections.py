"""Two straight views of a table: PCA (where it is widest) and LDA (where its classes are furthest apart).

PCA: Pearson 1901, doi:10.1080/14786440109462720. LDA: Fisher 1936,
doi:10.1111/j.1469-1809.1936.tb02137.x, with
the covariance shrunk towards a ball (Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Projection:
    """`coordinates` [samples, components]; `directions` [components, features]; `shares`: for PCA each
    component's share of the whole variance, all of them; for LDA how much wider the classes lie apart along a
    direction than they are themselves (variance between over variance within).
    """

    coordinates: Tensor
    directions: Tensor
    shares: Tensor
    of_a_whole: bool  # the shares add up to 1


def pca(x: Float[Tensor, "samples features"], components: int, scaled: bool = False) -> Projection:
    """The directions in which centred data are widest, by singular values; `scaled`: every feature with
    standard deviation 1 before (one that never changes stays 0).
    """
    x = _centred(x, scaled)
    _, sizes, right = torch.linalg.svd(x, full_matrices=False)
    shares = sizes.square() / sizes.square().sum()
    return Projection(x @ right[:components].T, right[:components], shares, True)


def lda(
    x: Float[Tensor, "samples features"],
    labels: Int[Tensor, " samples"],
    components: int,
    scaled: bool = False,
    shrinkage: float = 0.0,
) -> Projection:
    """The directions in which class means lie furthest apart, measured in the spread of a class.

    At most one fewer than classes. RuntimeError (PyTorch's) where the spread within classes is singular, as
    for pixels that are always 0: shrinkage above 0 mends it.
    """
    x = _centred(x, scaled)
    names, places = labels.unique(return_inverse=True)
    means = torch.stack([x[places == place].mean(0) for place in range(len(names))])
    between = (means.T * places.bincount()) @ means / len(x)
    within = x.T @ x / len(x) - between
    ball = torch.eye(len(within), dtype=x.dtype) * within.trace() / len(within)
    root = torch.linalg.cholesky((1 - shrinkage) * within + shrinkage * ball)
    half = torch.linalg.solve_triangular(root, between, upper=False)
    ratios, axes = torch.linalg.eigh(torch.linalg.solve_triangular(root, half.T, upper=False))
    directions = torch.linalg.solve_triangular(root.T, axes.flip(1), upper=True).T
    kept = min(components, len(names) - 1)
    shares = ratios.flip(0)[: len(names) - 1].clamp_min(0)
    return Projection(x @ directions[:kept].T, directions[:kept], shares, False)


def rebuilt(x: Float[Tensor, "samples features"], components: int, sample: int) -> Float[Tensor, " features"]:
    """One sample from its first components alone, put back where it came from."""
    found = pca(x, components)
    return found.coordinates[sample] @ found.directions + x.mean(0)


def _centred(x: Tensor, scaled: bool) -> Tensor:
    x = x - x.mean(0)
    if scaled:
        spread = x.std(0)
        x = x / torch.where(spread > 0, spread, 1.0)
    return x
