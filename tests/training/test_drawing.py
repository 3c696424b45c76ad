"""How pictures lie in their frame, read off pictures that were made to lie so."""

from __future__ import annotations

import numpy as np
import pytest

from training.drawing import Preparation, measured_preparation


def strokes(width: int, dark: bool = False, by_mass: bool = False) -> np.ndarray:
    """Sixty 28 x 28 pictures of an upright line of that width and 20 pixels, some with a foot."""
    generator = np.random.default_rng(0)
    pictures = np.zeros((60, 1, 28, 28), np.uint8)
    for number, picture in enumerate(pictures):
        foot = 2 * (number % 4)
        one = np.zeros((28, 28), np.uint8)
        one[4:24, 10 : 10 + width] = 255
        one[21:24, 10 : 10 + width + foot] = 255
        if by_mass:  # the box moves with the foot, the centre of mass stays
            rows, columns = np.nonzero(one)
            one = np.roll(one, (14 - round(rows.mean()), 14 - round(columns.mean())), axis=(0, 1))
        else:
            one = np.roll(one, 4 - foot // 2 - width // 2, axis=1)
        picture[0] = one
    return 255 - pictures if dark else pictures[generator.permutation(60)]


@pytest.mark.parametrize("dark", [False, True])
def test_box_centre_and_colours_are_found(dark: bool) -> None:
    found = measured_preparation(strokes(3, dark))
    assert found.drawn
    assert (found.background, found.ink) == ((1.0, 0.0) if dark else (0.0, 1.0))
    assert found.box == 20
    assert found.centre == "box"
    assert found.y == 14


def test_pictures_that_were_centred_by_mass_are_known_as_such() -> None:
    found = measured_preparation(strokes(3, by_mass=True))
    assert found.centre == "mass"
    assert found.x == pytest.approx(14, abs=0.6)
    assert found.y == pytest.approx(14, abs=0.6)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_the_width_of_a_line_is_measured(width: int) -> None:
    assert measured_preparation(strokes(width)).stroke == pytest.approx(width, rel=0.3)


def test_photographs_are_no_drawings() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 3, 16, 24), dtype=np.uint8)
    found = measured_preparation(noise)
    assert not found.drawn
    assert (found.x, found.y) == (12, 8)


def test_pictures_of_nothing_have_the_whole_frame() -> None:
    assert measured_preparation(np.zeros((3, 1, 8, 8), np.uint8)).box == 8


def test_a_preparation_goes_through_json() -> None:
    found = measured_preparation(strokes(3))
    assert Preparation.from_dict(found.to_dict()) == found
