"""The space that repeated products of a symmetric matrix span, and what it knows of the matrix.

Lanczos with full re-orthogonalisation: vectors at right angles, and the matrix seen in them. The small matrix
is taken from inner products rather than assumed to have three diagonals, so that the space may be cut down to
some of its own eigenvectors and go on from there, or take in a new random vector.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from training.objective import Product


def drawn(like: Float[Tensor, "numbers"], generator: torch.Generator) -> Float[Tensor, "numbers"]:
    """A random vector of length 1 of the dtype and on the device of `like`; drawn on the processor, so that
    it is the same on every device.
    """
    vector = torch.randn(len(like), generator=generator, dtype=torch.float64).to(like)
    return vector / vector.norm()


class Krylov:
    """Up to `room` vectors. After each `step` there are `values` (what the matrix's eigenvalues look like
    from here) and `residuals` (the length of A v - value v for each: how far off it may be).
    """

    def __init__(self, product: Product, like: Float[Tensor, "numbers"], room: int, seed: int) -> None:
        self.product, self.size = product, len(like)
        self.room = min(room, self.size)
        self.count = 0  # vectors that were multiplied; basis[count] comes next
        self.products = 0
        self.exhausted = False  # the matrix leads out of the space no more
        self.basis = like.new_zeros(min(self.room + 1, self.size), self.size)
        self.matrix = np.zeros((self.room, self.room))
        self.dropped = 0.0  # what `turn` let go of: residuals may be so much longer
        self._leads = np.zeros(0)  # A times each vector leads out of the space so far, along the next one
        self._scale = 0.0  # the longest product: no more than the largest eigenvalue, and about as large
        self._solved: tuple[np.ndarray, np.ndarray] | None = None
        self._generator = torch.Generator().manual_seed(seed)
        self._epsilon = torch.finfo(like.dtype).eps
        self.basis[0] = drawn(like, self._generator)

    @property
    def full(self) -> bool:
        return self.count == self.room

    @property
    def complete(self) -> bool:
        """Whether the space is everything there is."""
        return self.count == self.size

    @property
    def rounding(self) -> float:
        """What numbers of this dtype can't tell from 0, beside the largest eigenvalue seen."""
        return self._epsilon * self._scale

    @property
    def values(self) -> Float[np.ndarray, "count"]:
        """What the matrix's eigenvalues look like from here."""
        return self._eigen()[0]

    @property
    def combinations(self) -> Float[np.ndarray, "count count"]:
        """Their eigenvectors in terms of the basis, as columns."""
        return self._eigen()[1]

    @property
    def residuals(self) -> Float[np.ndarray, "count"]:
        """The length of A v - value v for each, but for what was dropped."""
        return np.abs(self._leads @ self.combinations)

    def step(self) -> None:
        """One product more. There must be room, and the space not exhausted (see `restart` and `turn`)."""
        place = self.count
        image = self.product(self.basis[place])
        self.products += 1
        rest, seen = self._apart(image, place + 1)
        self.matrix[place, : place + 1] = self.matrix[: place + 1, place] = seen
        self.count += 1
        self._solved = None
        length, self._scale = float(rest.norm()), max(self._scale, float(image.norm()))
        self._leads = np.zeros(self.count)
        self._leads[-1] = length
        self.exhausted = length <= 10 * self.rounding or self.complete
        if not self.exhausted:
            self.basis[self.count] = rest / length

    def restart(self, keep: Int[np.ndarray, "kept"]) -> None:
        """Cuts the space down to these of its eigenvectors; the next vector stays."""
        following = None if self.exhausted else self.basis[self.count].clone()
        values, kept, leads = self.values[keep], self.vectors(keep), self._leads @ self.combinations[:, keep]
        self.count = len(keep)
        self.basis[: self.count] = kept
        self.matrix[:] = 0.0
        self.matrix[: self.count, : self.count] = np.diag(values)
        self._solved, self._leads = (values, np.eye(self.count)), leads
        if following is not None:
            self.basis[self.count] = following

    def turn(self) -> None:
        """The next vector is a new random one, at right angles to the space."""
        rest, _ = self._apart(drawn(self.basis[0], self._generator), self.count)
        self.basis[self.count] = rest / rest.norm()
        self.dropped += float(np.linalg.norm(self._leads))
        self._leads[:] = 0.0
        self.exhausted = False

    def vectors(self, which: Int[np.ndarray, "found"]) -> Float[Tensor, "found numbers"]:
        """The eigenvectors of these places of `values`."""
        combined = torch.from_numpy(self.combinations[:, which].T.copy()).to(self.basis)
        return combined @ self.basis[: self.count]

    def _eigen(self) -> tuple[np.ndarray, np.ndarray]:
        if self._solved is None:
            self._solved = np.linalg.eigh(self.matrix[: self.count, : self.count])
        return self._solved

    def _apart(self, vector: Tensor, count: int) -> tuple[Tensor, np.ndarray]:
        """`vector` without its parts along the first `count` vectors, and those parts. Twice is enough."""
        basis, seen = self.basis[:count], np.zeros(count)
        for _ in range(2):
            parts = basis @ vector
            vector = vector - parts @ basis
            seen += parts.cpu().double().numpy()
        return vector, seen
