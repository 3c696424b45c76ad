"""Samples as points: what the layer before the last makes of them, laid out in two or three dimensions.

PCA is exact and quick, and distances in it mean what they say. t-SNE (van der Maaten and Hinton 2008) keeps
neighbours together and nothing else: sizes of clusters and distances between them mean little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64, Int64

FOURIER = 1500  # samples from which the Fourier way is quicker than trees
Metric = Literal["euclidean", "cosine"]


@dataclass(frozen=True)
class Projection:
    """Points [samples, dimensions] and, of PCA, the share of the variance that each axis explains."""

    points: Float64[np.ndarray, "samples dimensions"]
    explained: tuple[float, ...] = ()


def pca(features: Float32[np.ndarray, "samples features"], dimensions: int = 2) -> Projection:
    """The first principal components. Each axis points to where its largest coordinate is positive.

    Axes that the features have not are zeros. ValueError for fewer than 2 samples or a dimension below 1.
    """
    if len(features) < 2 or dimensions < 1:
        raise ValueError(
            f"{len(features)} samples in {dimensions} dimensions; give 2 samples and 1 dimension at least"
        )
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    # The features' covariance is small beside many samples: its eigenvectors cost a tenth of the full SVD
    if centred.shape[0] >= centred.shape[1]:
        values, axes = np.linalg.eigh(centred.T @ centred)
        axes, variances = axes[:, ::-1], values[::-1]
    else:
        _, singular, rows = np.linalg.svd(centred, full_matrices=False)
        axes, variances = rows.T, singular**2
    variances = np.maximum(variances, 0.0)
    axes = axes[:, :dimensions]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    points = centred @ (axes * signs)
    total = float(variances.sum()) or 1.0
    explained = tuple((variances[:dimensions] / total).tolist())
    missing = dimensions - points.shape[1]
    if missing > 0:
        points = np.pad(points, ((0, 0), (0, missing)))
        explained += (0.0,) * missing
    return Projection(points, explained)


def neighbours(
    features: Float32[np.ndarray, "samples features"],
    chosen: int,
    count: int,
    metric: Metric = "euclidean",
) -> tuple[Int64[np.ndarray, "count"], Float64[np.ndarray, "count"]]:
    """The samples nearest to `chosen`, without itself, and how far each is; equal distances by index.

    ValueError for a sample that there is none of.
    """
    if not 0 <= chosen < len(features):
        raise ValueError(f"sample {chosen} was asked for; there are {len(features)}, from 0")
    values = features.astype(np.float64)
    if metric == "cosine":
        lengths = np.linalg.norm(values, axis=1, keepdims=True)
        values = values / np.where(lengths > 0, lengths, 1.0)
        distances = 1 - values @ values[chosen]
    else:
        distances = np.linalg.norm(values - values[chosen], axis=1)
    order = np.argsort(distances, kind="stable")
    order = order[order != chosen][:count]
    return order, distances[order]


def neighbour_agreement(
    features: Float32[np.ndarray, "samples features"], targets: Int64[np.ndarray, "samples"], count: int = 10
) -> float:
    """The share of the `count` nearest neighbours (Euclidean) that are of a sample's own class, over all."""
    values = features.astype(np.float32)
    squares = (values**2).sum(axis=1)
    count = min(count, len(values) - 1)
    right = 0
    for start in range(0, len(values), 500):
        block = slice(start, start + 500)
        distances = squares[block, None] + squares - 2 * values[block] @ values.T
        distances[np.arange(len(distances)), np.arange(start, start + len(distances))] = np.inf
        nearest = np.argpartition(distances, count - 1, axis=1)[:, :count]
        right += int((targets[nearest] == targets[block, None]).sum())
    return right / (len(values) * count)


def tsne(
    features: Float32[np.ndarray, "samples features"],
    dimensions: int,
    perplexity: float,
    iterations: int,
    seed: int,
    watch: Callable[[int, Float64[np.ndarray, "samples dimensions"]], bool],
    every: int = 25,
) -> Float64[np.ndarray, "samples dimensions"]:
    """t-SNE from PCA, with openTSNE (Poličar, Stražar and Zupan 2019); three dimensions with scikit-learn.

    `watch(iteration, points)` is called every so many iterations and says whether to go on. ValueError where
    the samples are too few for the perplexity, which counts a sample's neighbours.
    """
    if not 3 * perplexity < len(features):
        raise ValueError(
            f"perplexity is {perplexity:g} and there are {len(features)} samples; it must be below a third "
            f"of them: at most {(len(features) - 1) // 3}"
        )
    if dimensions != 2:
        return _tsne_in_space(features, dimensions, perplexity, iterations, seed, watch)
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN

    values = features.astype(np.float64)
    if values.shape[1] > 50:
        values = pca(features, 50).points  # neighbours are found in fewer dimensions, as is usual
    affinities = PerplexityBasedNN(values, perplexity=perplexity, n_jobs=1, random_state=seed)
    start = pca(features, dimensions).points
    start = start / (start[:, 0].std() or 1.0) * 1e-4
    way = "fft" if len(features) >= FOURIER else "bh"
    embedding = TSNEEmbedding(start, affinities, negative_gradient_method=way, n_jobs=1, random_state=seed)
    early = min(250, iterations // 3)
    done = 0
    while done < iterations:
        steps = min(every, (early if done < early else iterations) - done)
        first = done < early
        embedding = embedding.optimize(
            n_iter=steps, exaggeration=12 if first else None, momentum=0.5 if first else 0.8
        )
        done += steps
        if not watch(done, np.asarray(embedding, np.float64)):
            break
    return np.asarray(embedding, np.float64)


def _tsne_in_space(
    features: np.ndarray,
    dimensions: int,
    perplexity: float,
    iterations: int,
    seed: int,
    watch: Callable[[int, np.ndarray], bool],
) -> np.ndarray:
    """openTSNE's fast ways are for the plane; scikit-learn's trees take three dimensions, all at once."""
    from sklearn.manifold import TSNE

    values = pca(features, min(50, features.shape[1])).points
    points = TSNE(
        n_components=dimensions,
        perplexity=perplexity,
        max_iter=max(250, iterations),
        init="pca",
        random_state=seed,
        n_jobs=1,
    ).fit_transform(values.astype(np.float32))
    points = points.astype(np.float64)
    watch(iterations, points)
    return points
