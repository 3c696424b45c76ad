"""Do two networks, or two layers, see samples alike? Centred kernel alignment, and where answers differ.

Linear CKA (Kornblith, Norouzi, Lee and Hinton 2019, arXiv:1905.00414) compares what layers make of the same
samples: 1 where they agree up to a rotation and a scale of all features, 0 where they have nothing in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64


@dataclass(frozen=True)
class Disagreement:
    """Two classifiers on the same samples; counts, and the samples on which both differ."""

    samples: int
    both_right: int
    only_first_right: int
    only_second_right: int
    both_wrong: int
    differ: Int64[np.ndarray, "differing"]  # places of the samples that are told differently
    kappa: float  # Cohen's: 1 for the same answers, 0 for as many same ones as chance gives

    @property
    def share(self) -> float:
        """Of the samples that are told differently."""
        return len(self.differ) / self.samples


def gram(features: Float32[np.ndarray, "samples ..."]) -> Float64[np.ndarray, "samples samples"]:
    """The layer's centred Gram matrix, scaled to length 1 (zeros where all samples are alike)."""
    flat = features.reshape(len(features), -1).astype(np.float32)
    flat = flat - flat.mean(axis=0)
    products = (flat @ flat.T).astype(np.float64)
    length = float(np.linalg.norm(products))
    return products / length if length > 1e-12 else np.zeros_like(products)


def cka(first: Float32[np.ndarray, "samples ..."], second: Float32[np.ndarray, "others ..."]) -> float:
    """Linear CKA of two layers' outputs for the same samples, in the same order.

    ValueError where the samples are not as many, or fewer than two.
    """
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(
            f"{len(first)} and {len(second)} samples; both layers need the same ones, 2 at least"
        )
    return float((gram(first) * gram(second)).sum())


def cka_table(
    first: Sequence[Float64[np.ndarray, "samples samples"]],
    second: Sequence[Float64[np.ndarray, "samples samples"]],
) -> Float64[np.ndarray, "first second"]:
    """CKA of every layer of one network with every layer of another, from their Gram matrices."""
    rows, columns = (np.stack([each.ravel() for each in side]) for side in (first, second))
    return np.clip(rows @ columns.T, 0.0, 1.0)


def disagreement(
    targets: Int64[np.ndarray, "samples"],
    first: Int64[np.ndarray, "samples"],
    second: Int64[np.ndarray, "samples"],
) -> Disagreement:
    """Where the classes that two networks say differ. ValueError where there is no sample."""
    if not len(targets):
        raise ValueError("there are no samples; two networks are compared on at least one")
    right, other = first == targets, second == targets
    agreed = float((first == second).mean())
    classes = int(max(first.max(), second.max())) + 1
    shares = [np.bincount(said, minlength=classes) / len(said) for said in (first, second)]
    chance = float((shares[0] * shares[1]).sum())
    return Disagreement(
        samples=len(targets),
        both_right=int((right & other).sum()),
        only_first_right=int((right & ~other).sum()),
        only_second_right=int((~right & other).sum()),
        both_wrong=int((~right & ~other).sum()),
        differ=np.flatnonzero(first != second),
        kappa=(agreed - chance) / (1 - chance) if chance < 1 else 1.0,
    )
