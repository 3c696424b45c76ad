"""Facts about networks: depth as papers count it, and what the others are taken from."""

from __future__ import annotations

import pytest

from models.architecture import architecture_of, seconds_per_sample, weighted_depth, without_numbers
from models.zoo import build_model


@pytest.mark.parametrize(
    ("model", "depth"),
    [
        ("alexnet", 8),
        ("vgg16", 16),
        ("googlenet", 20),  # 22 in the paper, whose stem has two layers more
        ("resnet18", 18),
        ("resnet34", 34),
        ("resnet56", 56),
        ("plain20", 20),
        ("densenet", 40),
        ("densenet121", 121),
        ("mobilenet_v1", 28),
        ("squeezenet", 18),
    ],
)
def test_the_depth_is_the_one_that_papers_put_into_the_name(model: str, depth: int) -> None:
    assert weighted_depth(without_numbers(model, (3, 32, 32), 10), (3, 32, 32)) == depth


def test_the_facts_of_lenet_are_those_one_can_count_by_hand() -> None:
    facts = architecture_of("lenet5", (1, 28, 28), 10)
    c1, c3 = 28 * 28 * 6 * 25, 10 * 10 * 16 * 6 * 25
    assert facts.multiply_adds == c1 + c3 + 400 * 120 + 120 * 84 + 84 * 10
    assert facts.parameters == 61_706
    assert facts.depth == 5
    assert facts.field is not None
    assert facts.field.path == "features.s4"
    assert facts.field.visible == (16, 16)  # 5 + (2 - 1) + 2 (5 - 1) + 2 (2 - 1) = 16


def test_vectors_have_no_receptive_field() -> None:
    assert architecture_of("mlp", (4,), 3).field is None


def test_a_larger_network_takes_longer() -> None:
    small, large = (
        seconds_per_sample(build_model("mlp", (64,), 10, {"hidden_width": width}), (64,))
        for width in (8, 4096)
    )
    assert 0 < small < large
