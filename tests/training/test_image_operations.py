"""Operations on pictures: against scipy.ndimage, numpy, colorsys and what each promises; their printed lines
are run."""

from __future__ import annotations

import colorsys
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from models.catalog import Parameter, UnknownNameError
from training import image_filters
from training.image_operation import Operation, opencv
from training.image_operations import OPERATIONS, code_of, families, operated, shown_extras
from training.picture_noise import NOISES, psnr, ssim, with_noise
from training.sample_pictures import PICTURES, sample_picture


def drawn(seed: int, height: int = 24, width: int = 31) -> np.ndarray:
    """Noise that was smoothed a little: neighbours have to do with each other."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(float)
    return ndimage.gaussian_filter(values, (1, 1, 0)).clip(0, 255).astype(np.uint8)


def of_row(row: Operation) -> st.SearchStrategy[dict[str, Any]]:
    """Settings within the row's own limits."""

    def one(each: Parameter) -> st.SearchStrategy[Any]:
        if each.kind == "choice":
            return st.sampled_from(each.choices)
        if each.kind == "integer":
            return st.integers(int(each.low or 0), int(each.high or 1))
        return st.floats(float(each.low or 0), float(each.high or 1))

    return st.fixed_dictionaries({each.name: one(each) for each in row.parameters})


@pytest.mark.parametrize("name", OPERATIONS.names())
@settings(max_examples=8)
@given(data=st.data(), seed=st.integers(0, 99))
def test_the_printed_lines_do_the_same(name: str, data: st.DataObject, seed: int) -> None:
    row, picture = OPERATIONS[name], drawn(seed)
    given_settings, before = data.draw(of_row(row)), picture.copy()
    found = operated(picture, name, given_settings)
    assert found.dtype == np.uint8
    assert found.shape in (picture.shape, picture.shape[:2])
    *lines, last = code_of(name, given_settings).split("\n")
    known: dict[str, Any] = {"cv2": opencv(), "np": np, "picture": picture, "marked": image_filters._marked}
    exec("\n".join(lines), known)  # our own lines, from our own table
    again = eval(last, known)  # noqa: S307
    # By one level at most: OpenCV rounds otherwise where memory is aligned otherwise
    np.testing.assert_allclose(found.astype(int), again.astype(int), atol=1)
    for title, shown in shown_extras(picture, name, given_settings):
        assert title
        assert shown.dtype == np.uint8
    np.testing.assert_array_equal(picture, before)  # a picture that all share is never written into


ERODED = {
    "erode": lambda grey, size: ndimage.grey_erosion(grey, size, mode="nearest"),
    "dilate": lambda grey, size: ndimage.grey_dilation(grey, size, mode="nearest"),
    "shape_gradient": lambda grey, size: ndimage.morphological_gradient(grey, size, mode="nearest"),
}


@given(st.sampled_from(sorted(ERODED)), st.sampled_from([1, 3, 5, 7]), st.integers(0, 99))
def test_shapes_are_scipys(name: str, size: int, seed: int) -> None:
    picture = drawn(seed)
    found = operated(picture, name, {"shape": "square", "size": size})
    np.testing.assert_array_equal(found, ERODED[name](operated(picture, "grey"), (size, size)))


@given(st.sampled_from(["square", "disc", "cross"]), st.sampled_from([3, 5, 9]), st.integers(0, 99))
def test_shapes_keep_their_promises(shape: str, size: int, seed: int) -> None:
    picture = drawn(seed)
    grey = operated(picture, "grey").astype(int)
    done = {
        row.name: operated(picture, row.name, {"shape": shape, "size": size}).astype(int)
        for row in OPERATIONS
        if row.family == "Shapes"
    }
    assert (done["erode"] <= done["open"]).all()
    assert (done["open"] <= grey).all()
    assert (grey <= done["close"]).all()
    assert (done["close"] <= done["dilate"]).all()
    np.testing.assert_array_equal(done["top_hat"], grey - done["open"])
    np.testing.assert_array_equal(done["black_hat"], done["close"] - grey)


@given(st.sampled_from([1, 3, 5, 9]), st.integers(0, 99))
def test_mean_and_median_are_scipys(size: int, seed: int) -> None:
    picture = drawn(seed)
    median = ndimage.median_filter(picture, (size, size, 1), mode="nearest")
    np.testing.assert_array_equal(operated(picture, "median", {"size": size}), median)
    mean = ndimage.uniform_filter(picture.astype(float), (size, size, 1), mode="mirror")
    np.testing.assert_allclose(operated(picture, "mean", {"size": size}), mean, atol=0.51)
    smooth = ndimage.gaussian_filter(picture.astype(float), (1.5, 1.5, 0), mode="mirror", truncate=4)
    np.testing.assert_allclose(operated(picture, "gaussian", {"sigma": 1.5}), smooth, atol=2)


def test_the_bilateral_filter_is_its_formula() -> None:
    picture = np.repeat(drawn(4)[..., :1], 3, axis=2)
    found = operated(picture, "bilateral", {"colour": 40.0, "sigma": 2.0})[12, 15, 0]
    near = picture[8:17, 11:20, 0].astype(float)
    rows, columns = np.mgrid[-4:5, -4:5]
    away = rows**2 + columns**2
    # OpenCV adds up the differences of all three channels, and leaves out the corners of its square
    unlike = 3 * np.abs(near - near[4, 4])
    weights = np.exp(-away / (2 * 2.0**2) - unlike**2 / (2 * 40.0**2)) * (away <= 16)
    assert abs(float(found) - (weights * near).sum() / weights.sum()) <= 1


@given(st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)))
def test_colours_are_those_of_the_standard_library(color: tuple[int, int, int]) -> None:
    picture = np.full((2, 2, 3), color, np.uint8)
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in color))
    found = [operated(picture, "channel", {"space": "HSV", "channel": place})[0, 0] for place in (1, 2, 3)]
    assert min(abs(found[0] - 180 * hue), 180 - abs(found[0] - 180 * hue)) <= 1
    assert abs(found[1] - 255 * saturation) <= 1
    assert abs(found[2] - 255 * value) <= 1
    luma = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    assert abs(operated(picture, "grey")[0, 0] - luma) <= 1


def test_equalising_makes_the_cumulative_histogram_straight() -> None:
    picture = np.repeat(drawn(7, 90, 90)[..., :1], 3, axis=2)
    counts = np.bincount(picture[..., 0].ravel(), minlength=256).cumsum()
    least = counts[counts > 0][0]
    wanted = np.rint((counts - least) * 255 / (counts[-1] - least))[picture[..., 0]]
    np.testing.assert_allclose(operated(picture, "equalise")[..., 0], wanted, atol=1)


def test_otsu_parts_with_the_least_variance_within() -> None:
    picture = sample_picture("specks")
    grey = operated(picture, "grey")
    white = operated(picture, "otsu") == 255

    def within(threshold: int) -> float:
        parts = grey[grey > threshold], grey[grey <= threshold]
        return sum(part.size * float(part.var()) for part in parts if part.size)

    assert within(int(grey[~white].max())) <= min(map(within, range(255))) * (1 + 1e-9)


def test_canny_keeps_weak_edges_where_they_touch_strong_ones() -> None:
    picture = sample_picture("temple")
    strong = operated(picture, "canny", {"low": 200, "high": 200}) > 0
    found = operated(picture, "canny", {"low": 40, "high": 200}) > 0
    everything = operated(picture, "canny", {"low": 40, "high": 40}) > 0
    assert (strong <= found).all()
    assert (found <= everything).all()
    pieces, count = ndimage.label(found, np.ones((3, 3)))
    assert set(range(1, count + 1)) == set(np.unique(pieces[strong])) - {0}
    swapped = operated(picture, "canny", {"low": 200, "high": 40}) > 0
    np.testing.assert_array_equal(swapped, found)


def test_harris_is_its_formula_and_finds_the_corners_of_a_square() -> None:
    picture = np.full((40, 40, 3), 20, np.uint8)
    picture[10:30, 12:32] = 220
    grey = operated(picture, "grey").astype(np.float64) / 255
    smooth, slope = [1, 2, 1], [-1, 0, 1]
    across = ndimage.correlate1d(ndimage.correlate1d(grey, slope, 1), smooth, 0) / 8
    down = ndimage.correlate1d(ndimage.correlate1d(grey, slope, 0), smooth, 1) / 8
    a, b, c = (ndimage.uniform_filter(each, 3) for each in (across**2, across * down, down**2))
    wanted = a * c - b**2 - 0.04 * (a + c) ** 2
    found = image_filters._response(opencv(), picture, 3, 0.04)
    inner = slice(6, 34), slice(6, 34)
    np.testing.assert_allclose(found[inner] / found.max(), (wanted / wanted.max())[inner], atol=1e-4)
    for name in ("harris", "shi_tomasi"):
        red = np.argwhere((operated(picture, name) != picture).any(axis=2))
        for corner in ((10, 12), (10, 31), (29, 12), (29, 31)):
            assert np.abs(red - corner).max(axis=1).min() <= 6
        assert not (np.abs(red - (20, 22)).max(axis=1) < 4).any()


@given(st.integers(0, 50), st.integers(0, 50))
def test_psnr_and_ssim_are_their_formulas(one: int, other: int) -> None:
    first, second = drawn(one), drawn(other)
    error = np.mean((first.astype(float) - second) ** 2)
    assert psnr(first, second) == pytest.approx(
        10 * math.log10(255**2 / error) if error else math.inf, rel=1e-5
    )
    x, y = (operated(each, "grey").astype(float) for each in (first, second))

    def mean(values: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(values, 1.5, truncate=3.5)[5:-5, 5:-5]

    means, squares, both = (mean(x), mean(y)), (mean(x * x), mean(y * y)), mean(x * y)
    top = (2 * means[0] * means[1] + 6.5025) * (2 * (both - means[0] * means[1]) + 58.5225)
    spread = squares[0] - means[0] ** 2 + squares[1] - means[1] ** 2
    low = (means[0] ** 2 + means[1] ** 2 + 6.5025) * (spread + 58.5225)
    assert ssim(first, second) == pytest.approx((top / low).mean(), abs=1e-4)


def test_noise_has_the_size_it_is_given_and_is_the_same_again() -> None:
    grey = np.full((200, 200, 3), 120, np.uint8)
    assert with_noise(grey, "gaussian", 20.0).std() == pytest.approx(20, rel=0.02)
    assert np.isin(with_noise(grey, "salt_and_pepper", 0.2), (0, 255)).mean() == pytest.approx(0.2, abs=0.01)
    assert with_noise(grey, "photons", 50.0).std() == pytest.approx(math.sqrt(120 * 255 / 50), rel=0.03)
    assert with_noise(grey, "speckle", 0.1).std() == pytest.approx(12, rel=0.03)
    for row in NOISES:
        np.testing.assert_array_equal(with_noise(grey, row.name, seed=3), with_noise(grey, row.name, seed=3))
    assert with_noise(grey, "none") is grey


def test_the_median_saves_a_peppered_picture_and_the_mean_does_not() -> None:
    clean = sample_picture("temple")
    noisy = with_noise(clean, "salt_and_pepper", 0.1)
    median, mean = (operated(noisy, name, {"size": 3}) for name in ("median", "mean"))
    assert psnr(median, clean) > psnr(mean, clean) + 3
    assert ssim(median, clean) > ssim(mean, clean) + 0.2


def test_a_new_operation_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Operation(
        "negative", "Histogram", "Negative", "Bright for dark.", "", "a test", "255 - picture",
        lambda cv2, picture: 255 - picture,
    )  # fmt: skip
    monkeypatch.setitem(OPERATIONS._rows, "negative", row)
    picture = drawn(0)
    np.testing.assert_array_equal(operated(picture, "negative"), 255 - picture)
    assert families()[1] == "Histogram"


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'median'"):
        operated(drawn(0), "medain")
    with pytest.raises(ValueError, match=r"size of median is 99; it must be between 1 and 25"):
        operated(drawn(0), "median", {"size": 99})
    with pytest.raises(ValueError, match=r"uint8 \[height, width, 3\], and not float64"):
        operated(drawn(0).astype(float), "median")
    with pytest.raises(ValueError, match="SSIM's window needs 11"):
        ssim(drawn(0, 8, 8), drawn(0, 8, 8))


@pytest.mark.parametrize("name", PICTURES.names())
def test_every_picture_is_one(name: str) -> None:
    picture = sample_picture(name)
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3
    assert max(picture.shape) == 320
    assert picture.std() > 5
