"""Pictures to compare landscapes with: each shows what its name says, in numbers."""

from __future__ import annotations

import numpy as np
import torch

from training.landscape_references import REFERENCES, SIDE, points, reference_plane


def test_each_picture_shows_what_its_name_says() -> None:
    planes = {row.name: reference_plane(row) for row in REFERENCES}
    middle = SIDE // 2
    centre = {name: plane[middle, middle] for name, plane in planes.items()}
    assert planes["flat"].max() < 5 * centre["flat"]
    assert planes["sharp"].max() > 100 * centre["sharp"]
    assert planes["sharp"].min() == centre["sharp"], "one valley"
    rising = np.diff(planes["chaotic"], axis=0) > 0
    turns = (rising[1:] != rising[:-1]).sum(axis=0).mean()
    assert turns > 4, "up and down along every column, where a valley turns once"
    assert planes["chaotic"].min() < 0.7 * centre["chaotic"], "the middle is nothing special"
    assert planes["wrong"].max() > 100 * planes["flat"].max()
    assert np.isclose(centre["wrong"], centre["flat"], rtol=1e-5), "the same function"


def test_the_rescaled_network_is_the_flat_one() -> None:
    by_name = {row.name: row for row in REFERENCES}
    inputs = points().inputs
    with torch.no_grad():
        flat, wrong = (by_name[name].network()(inputs) for name in ("flat", "wrong"))
    assert torch.allclose(flat, wrong, rtol=1e-4, atol=1e-5)
