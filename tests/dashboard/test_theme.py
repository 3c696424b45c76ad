"""Colours that everybody can tell apart, on light and on dark pages."""

from __future__ import annotations

import tomllib
from itertools import combinations

import numpy as np
import pytest

from dashboard.settings import REPOSITORY
from dashboard.theme import DARK, DARK_FOR, LIGHT, STATES, Palette, color_scale, contrast, run_colors

PALETTES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])

# Machado, Oliveira, Fernandes 2009, "A physiologically-based model for simulation of color vision
# deficiency", table 1, severity 1.0; they act on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def seen(color: str, vision: str) -> np.ndarray:
    """The colour in OKLab (Ottosson 2020) as such an eye sees it; 0.02 is a just noticeable difference."""
    channels = np.array([int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    simulated = np.clip(VISIONS[vision] @ linear, 0, 1)
    return TO_OKLAB @ np.cbrt(TO_CONES @ simulated)


@PALETTES
@pytest.mark.parametrize("vision", VISIONS)
def test_any_two_categorical_colors_differ_to_every_kind_of_eye(palette: Palette, vision: str) -> None:
    pairs = combinations(palette.categorical, 2)
    nearest = min((float(np.linalg.norm(seen(a, vision) - seen(b, vision))), a, b) for a, b in pairs)
    assert nearest[0] > 0.07, nearest


@PALETTES
def test_text_and_lines_stand_out_from_the_page(palette: Palette) -> None:
    for ground in (palette.background, palette.surface):
        assert contrast(palette.text, ground) >= 7
        assert contrast(palette.quiet, ground) >= 4.5
        assert contrast(palette.link, ground) >= 4.5
    assert contrast("#FFFFFF", palette.primary) >= 4.5, "white letters on buttons"
    for color in palette.categorical:
        assert contrast(color, palette.background) >= 3, color


@PALETTES
def test_sequential_colors_move_away_from_the_page_step_by_step(palette: Palette) -> None:
    steps = [contrast(color, palette.background) for color in palette.sequential]
    assert steps == sorted(steps)
    assert steps[-1] > 7


@PALETTES
def test_the_middle_of_a_diverging_scale_is_nearest_to_the_page(palette: Palette) -> None:
    steps = [contrast(color, palette.background) for color in palette.diverging]
    assert steps[:5] == sorted(steps[:5], reverse=True)
    assert steps[5:] == sorted(steps[5:])


def test_there_are_ten_categorical_colors() -> None:
    """With fewer, Plotly in Streamlit falls back to colours of its own."""
    assert len(set(LIGHT.categorical)) == len(set(DARK.categorical)) == 10


def test_every_light_color_has_one_dark_one() -> None:
    named = [*LIGHT.categorical, *LIGHT.sequential, *LIGHT.diverging, LIGHT.background, LIGHT.surface]
    assert set(named) <= set(DARK_FOR)
    assert len(named) == len(set(named)), "a colour with two meanings can't be translated"
    assert all(color == color.upper() for color in DARK_FOR), "plot.js looks them up in upper case"


def test_streamlit_is_told_the_same_colors() -> None:
    with (REPOSITORY / "dashboard" / ".streamlit" / "config.toml").open("rb") as file:
        theme = tomllib.load(file)["theme"]
    for name, palette in (("light", LIGHT), ("dark", DARK)):
        told = theme[name]
        assert told["primaryColor"] == palette.primary
        assert told["backgroundColor"] == palette.background
        assert told["secondaryBackgroundColor"] == palette.surface
        assert told["textColor"] == palette.text
        assert told["linkColor"] == palette.link
        assert told["borderColor"] == palette.border
        assert tuple(told["chartCategoricalColors"]) == palette.categorical
        assert tuple(told["chartSequentialColors"]) == palette.sequential
        assert tuple(told["chartDivergingColors"]) == palette.diverging


def test_a_run_keeps_its_color_when_others_join() -> None:
    alone = run_colors(["a-run"])["a-run"]
    assert run_colors(["a-run", "another", "a-third"])["a-run"] == alone
    assert run_colors(["a-run"])["a-run"] == alone


def test_ten_runs_have_ten_colors_and_more_begin_again() -> None:
    names = [f"run {number}" for number in range(23)]
    assert len(set(run_colors(names[:10]).values())) == 10
    assert len(run_colors(names)) == 23


def test_a_color_scale_spans_zero_to_one() -> None:
    scale = color_scale(LIGHT.sequential)
    assert scale[0] == [0.0, LIGHT.sequential[0]]
    assert scale[-1] == [1.0, LIGHT.sequential[-1]]


def test_every_state_has_a_mark_of_its_own() -> None:
    marks = [sign for _color, sign in STATES.values()]
    assert len(set(marks)) == len(marks), "states must read without colour"
