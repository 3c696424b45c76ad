"""Losses that compare the samples of a batch, against loops over their definitions."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from models.embedding_losses import TOGETHER
from models.losses import LOSSES, build_loss

SAMPLES = 14
WAYS = [
    (row.name, mining)
    for row in LOSSES
    if row.compares
    for parameter in row.parameters
    if parameter.name == "mining"
    for mining in parameter.choices
]


def example(seed: int, classes: int = 4) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(SAMPLES, 3, generator=random), torch.randint(classes, (SAMPLES,), generator=random)


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def by_definition(name: str, mining: str, outputs: Tensor, targets: Tensor) -> list[float | None]:
    """A value an anchor, in plain Python; None for one that can't be compared."""
    points, classes = outputs.tolist(), targets.tolist()
    apart = [[sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) ** 0.5 for q in points] for p in points]
    found: list[float | None] = []
    for anchor in range(len(points)):
        positives = [i for i in range(len(points)) if classes[i] == classes[anchor] and i != anchor]
        negatives = [i for i in range(len(points)) if classes[i] != classes[anchor]]
        if not positives or not negatives:
            found.append(None)
            continue
        near = apart[anchor]
        pull, push = [near[i] for i in positives], [near[i] for i in negatives]
        if name == "contrastive":
            together = [d**2 / 2 for d in pull]
            away = [max(0.0, 1.0 - d) ** 2 / 2 for d in push]
            found.append(
                max(together) + max(away) if mining == "hard" else mean(together) + mean(away),
            )
            continue
        if mining == "hard":
            value = max(0.0, 0.5 + max(pull) - min(push))
        elif mining == "semi-hard":
            chosen = [min([n for n in push if n > p], default=max(push)) for p in pull]
            value = mean([max(0.0, 0.5 + p - n) for p, n in zip(pull, chosen, strict=True)])
        else:
            value = mean([c for p in pull for n in push if (c := 0.5 + p - n) > 0])
        if name == "quadruplet":
            pairs = [apart[i][j] for i, j in itertools.combinations(negatives, 2) if classes[i] != classes[j]]
            others = min(pairs, default=float("inf"))
            second = [max(0.0, 0.25 + p - others) for p in ([max(pull)] if mining == "hard" else pull)]
            value += second[0] if mining == "hard" else mean([c for c in second if c > 0])
        found.append(value)
    return found


@pytest.mark.parametrize(("name", "mining"), WAYS)
@pytest.mark.parametrize("seed", range(3))
def test_each_anchor_costs_what_the_definition_says(name: str, mining: str, seed: int) -> None:
    outputs, targets = example(seed, classes=2 + 2 * seed)
    expected = by_definition(name, mining, outputs, targets)
    each = build_loss(name, {"mining": mining}, reduction="none")(outputs, targets)
    torch.testing.assert_close(each, torch.tensor([value or 0.0 for value in expected]))
    known = [value for value in expected if value is not None]
    assert build_loss(name, {"mining": mining})(outputs, targets).item() == pytest.approx(
        mean(known), rel=1e-5
    )


@pytest.mark.parametrize(("name", "mining"), WAYS)
def test_slopes_are_numbers_where_nothing_can_be_compared_and_where_points_are_one(
    name: str, mining: str
) -> None:
    loss = build_loss(name, {"mining": mining})
    for outputs, targets in (
        (torch.zeros(6, 2), torch.arange(6) % 2),
        (torch.randn(5, 2), torch.zeros(5, dtype=torch.long)),
        (torch.randn(4, 2), torch.arange(4)),
        (torch.randn(1, 2), torch.zeros(1, dtype=torch.long)),
    ):
        outputs.requires_grad_()
        value = loss(outputs, targets)
        value.backward()
        assert value.isfinite()
        assert outputs.grad is not None
        assert outputs.grad.isfinite().all()


def test_a_large_set_is_compared_in_parts_of_every_kth_sample() -> None:
    random = torch.Generator().manual_seed(0)
    outputs = torch.randn(2 * TOGETHER, 3, generator=random)
    targets = torch.arange(2 * TOGETHER) // TOGETHER  # by class, as a folder has them
    each = build_loss("triplet", {"mining": "hard"}, reduction="none")
    whole = each(outputs, targets)
    torch.testing.assert_close(whole[::2], each(outputs[::2], targets[::2]))
    torch.testing.assert_close(whole[1::2], each(outputs[1::2], targets[1::2]))
    assert (whole > 0).any(), "each part has both classes"
