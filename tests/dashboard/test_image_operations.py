"""The page of image operations: default, extreme and senseless settings, and pictures that readers bring."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dashboard.charts.levels import level_counts, levels_chart
from dashboard.charts.samples import data_url
from dashboard.language import texts
from dashboard.panels.try_this import suggestions
from training.image_operation import Operation
from training.image_operations import OPERATIONS, families, operated
from training.picture_noise import with_noise
from training.sample_pictures import sample_picture


@pytest.fixture
def visit(open_page: Callable) -> Callable[..., Any]:
    """Opens the page at an address."""
    return lambda **query: open_page("image_operations", **query)


def sent(page: Any) -> dict[str, Any]:
    """What the two pictures' component got."""
    told = [item.proto.mixed.json or item.proto.json for item in page.get("bidi_component")]
    return next(data for data in map(json.loads, filter(None, told)) if "before" in data)


def pixels(picture: dict[str, str]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture["url"].split(",")[1]))))


def test_the_page_opens_with_a_picture_saved_from_noise(visit: Any) -> None:
    page = visit()
    assert not page.error
    assert not page.warning
    noisy = with_noise(sample_picture("temple"), "salt_and_pepper")
    np.testing.assert_array_equal(pixels(sent(page)["before"]), noisy)
    np.testing.assert_array_equal(pixels(sent(page)["after"]), operated(noisy, "median"))
    assert any("PSNR" in each.value for each in page.markdown)
    assert page.code[0].value.startswith("cv2.medianBlur(picture, 5 | 1)")


def test_noise_is_for_filters_until_a_hand_says_otherwise(visit: Any) -> None:
    page = visit()

    def shown(family: str) -> str:
        page.segmented_control(key="image_family").set_value(family).run()
        return str(sent(page)["before"]["title"])

    assert [shown(family) for family in ("Edges", "Filters", "Corners")] == ["Before", "With noise", "Before"]
    assert "image_noise" not in page.query_params
    page.selectbox(key="image_noise").set_value("gaussian").run()
    assert shown("Shapes") == shown("Filters") == "With noise"
    assert page.query_params["image_noise"] == "gaussian"


@pytest.mark.parametrize("family", families())
def test_every_family_opens(visit: Any, family: str) -> None:
    page = visit(image_family=family, image_noise="none")
    assert not page.error
    assert not page.warning
    name = next(
        row.name for row in OPERATIONS if row.family == family and row.title == sent(page)["after"]["title"]
    )
    shown, wanted = pixels(sent(page)["after"]), operated(sample_picture("temple"), name)
    np.testing.assert_allclose(shown.astype(int), wanted.astype(int), atol=1)  # OpenCV's last bit varies


@pytest.mark.parametrize(
    "query",
    [
        {"image_median_size": "25", "image_noise_salt_and_pepper": "0.9"},
        {"image_noise": "photons", "image_noise_photons": "1.0", "image_filters": "bilateral"},
        {"image_family": "Edges", "image_edges": "canny", "image_canny_low": "500", "image_canny_high": "0"},
        {"image_family": "Corners", "image_picture": "board", "image_harris_k": "0.24"},
    ],
)  # fmt: skip
def test_extreme_settings_are_shown(visit: Any, query: dict[str, str]) -> None:
    page = visit(**query)
    assert not page.error
    assert not page.warning


def test_senseless_settings_are_said_and_the_page_lives_on(visit: Any, words: Callable) -> None:
    page = visit(
        image_family="Flters",
        image_filters="medain",
        image_picture="cat",
        image_noise="loud",
        image_median_size="99",
    )
    said = words(page)
    for part in ("Flters", "medain", "cat", "loud", "99"):
        assert part in said
    assert pixels(sent(page)["after"]).shape == (214, 320, 3)


def test_every_suggestion_leads_to_a_page(visit: Any) -> None:
    page = visit()
    for place, row in enumerate(suggestions(texts("image_operations")["try"])):
        page.button(key=f"image_try_{place}").click().run()
        assert not page.exception
        assert not page.warning
        wanted = dict(row.settings)
        title = OPERATIONS[str(wanted[f"image_{str(wanted['image_family']).lower()}"])].title
        assert sent(page)["after"]["title"] == title


def test_a_readers_picture_is_taken_and_a_broken_one_gets_a_sentence(visit: Any) -> None:
    page = visit(image_noise="none")
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (10, 200, 30)).save(file, "PNG")
    page.file_uploader(key="image_file").set_value(("mine.png", file.getvalue(), "image/png")).run()
    assert not page.warning
    assert (pixels(sent(page)["before"]) == (10, 200, 30)).all()
    page.file_uploader(key="image_file").set_value(("broken.png", file.getvalue()[:40], "image/png")).run()
    assert not page.exception
    assert "picture" in page.warning[0].value
    assert pixels(sent(page)["before"]).shape == (214, 320, 3)


def test_a_new_operation_is_on_the_page(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Operation(
        "negative", "Filters", "Negative", "Bright for dark.", "", "a test", "255 - picture",
        lambda cv2, picture: 255 - picture,
    )  # fmt: skip
    monkeypatch.setitem(OPERATIONS._rows, "negative", row)
    page = visit(image_filters="negative", image_noise="none")
    np.testing.assert_array_equal(pixels(sent(page)["after"]), 255 - sample_picture("temple"))
    assert any("Bright for dark." in each.value for each in page.markdown)


def test_levels_are_counted_and_a_picture_that_is_sent_is_the_same() -> None:
    picture = sample_picture("chart")
    counts = level_counts(picture)
    assert counts.sum(axis=1).tolist() == [picture.shape[0] * 320] * 3
    assert counts[0, 255] == (picture[..., 0] == 255).sum()
    grey = operated(picture, "grey")
    names = [trace.name for trace in levels_chart(picture, grey).data]
    assert names == ["red", "red", "green", "green", "blue", "blue", "grey", "grey"]
    for each in (picture, grey):
        np.testing.assert_array_equal(pixels({"url": data_url(each, 1)}), each)
