"""The page of loss landscapes: from no network to a picture, and what a link can say amiss."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from training.landscape import main as landscape
from training.landscape_settings import KINDS
from training.train import main as train

SURFACE, CONTOUR, CUT = "Surface of the landscape", "Contours of the landscape", "Cut of the landscape"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small network's run, and a landscape of each kind, by the name of the kind."""
    runs = tmp_path_factory.mktemp("made")
    small = ["--train-samples", "200", "--hidden-width", "8", "--epochs", "3", "--checkpoint-every", "1"]
    assert train([*small, "--visdom", "off", "--runs", str(runs), "--name", "small"]) == 0
    found = {"network": next(path for path in runs.iterdir() if (path / "run.json").is_file())}
    for kind in KINDS:
        before = set(runs.iterdir())
        options = ["--samples", "50", "--points", "13", "--checkpoint", "last"]
        options += ["--numbers"] if kind.name == "hessian" else []
        options += ["--other-checkpoint", "epoch-0001", "--curve-steps", "30"] if kind.ends else []
        name = found["network"].name
        assert landscape([name, "--runs", str(runs), "--kind", kind.name, *options]) == 0
        (found[kind.name],) = set(runs.iterdir()) - before
    return found


@pytest.fixture
def there(runs: Path, made: dict[str, Path]) -> Callable[..., tuple[str, ...]]:
    """there("network", "plane") puts them into the dashboard's folder; their ids."""

    def put(*names: str) -> tuple[str, ...]:
        for name in names:
            shutil.copytree(made[name], runs / made[name].name)
        return tuple(made[name].name for name in names)

    return put


def test_without_a_network_the_page_says_what_to_do(open_page: Callable, words: Callable) -> None:
    assert "No network to look at yet" in words(open_page("landscape"))


def test_with_a_network_and_no_landscape_the_button_is_the_next_step(
    open_page: Callable, words: Callable, there: Callable
) -> None:
    there("network")
    page = open_page("landscape")
    assert "No landscape yet" in words(page)
    assert not page.button(key="landscape_start").disabled


def test_a_landscape_is_surface_contours_cut_and_card(
    open_page: Callable, words: Callable, figures: Callable, there: Callable
) -> None:
    _, run = there("network", "plane")
    page = open_page("landscape", landscape_run=run)
    assert {SURFACE, CONTOUR, CUT} <= set(figures(page))
    said = words(page)
    assert "50 training and 50 test samples" in said
    assert "a spline of the log loss is drawn" in said
    assert "What it can't show" in said
    assert "4 checkpoints lie up to" in said, "three epochs and the last one"


def test_a_picture_says_how_its_directions_were_drawn(
    open_page: Callable, words: Callable, there: Callable
) -> None:
    _, run = there("network", "plane")
    page = open_page("landscape", landscape_run=run)
    said = words(page)
    assert "filter normalisation, biases and batch norm fixed, at right angles, seed 0" in said
    assert "small, last (epoch 3)" in said.replace("\\", ""), "a run that has a name is called by it"


def test_only_planes_can_stand_beside_a_plane(open_page: Callable, there: Callable) -> None:
    _, plane, line, _other = there("network", "plane", "line", "hessian")
    page = open_page("landscape", landscape_run=plane)
    assert len(page.selectbox(key="landscape_beside").options) == 2, "nothing, and the other plane"
    page = open_page("landscape", landscape_run=line)
    assert not [box for box in page.selectbox if box.key == "landscape_beside"]


def test_a_landscape_that_was_killed_is_gone_on_with(
    open_page: Callable, there: Callable, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run = there("network", "plane")
    status = runs / run / "status.json"
    status.write_text(status.read_text().replace('"finished"', '"stopped"'))
    asked = []
    monkeypatch.setattr(
        "training.launch.launch_lab", lambda kind, options, *rest: asked.append(options) or run
    )
    page = open_page("landscape", landscape_run=run)
    page.button(key="landscape_resume").click().run()
    assert not page.exception
    (options,) = asked
    assert dict(zip(options[::2], options[1::2], strict=True))["--samples"] == "50"


def test_two_landscapes_stand_beside_each_other_on_one_scale_and_in_one_cut(
    open_page: Callable, figures: Callable, there: Callable
) -> None:
    _, first, second = there("network", "plane", "trajectory")
    page = open_page("landscape", landscape_run=first, landscape_beside=second)
    drawn = figures(page)
    contours = [drawn[f"{CONTOUR}{which}"]["data"][0] for which in ("", ", beside")]
    assert len({(trace["zmin"], trace["zmax"]) for trace in contours}) == 1
    assert [trace["meta"]["picture"] for trace in drawn[CUT]["data"]] == [0, 0, 1, 1]


def test_a_path_is_drawn_or_left_out(open_page: Callable, figures: Callable, there: Callable) -> None:
    _, run = there("network", "trajectory")
    page = open_page("landscape", landscape_run=run)
    for chart in (SURFACE, CONTOUR):
        (path,) = [trace for trace in figures(page)[chart]["data"] if trace["name"] == "path"]
        assert len(path["customdata"]["bdata"]) > 0
    page = open_page("landscape", landscape_run=run, landscape_path="false")
    names = [trace["name"] for trace in figures(page)[CONTOUR]["data"]]
    assert "path" not in names


def test_a_trained_curve_lies_on_the_plane_of_its_ends(
    open_page: Callable, figures: Callable, there: Callable
) -> None:
    _, run = there("network", "connection")
    drawn = figures(open_page("landscape", landscape_run=run))[CONTOUR]["data"]
    by_name = {trace["name"]: trace for trace in drawn if "name" in trace}
    assert by_name["straight line"]["x"] == by_name["checkpoint"]["x"] == [0, 1]
    assert "path" in by_name


def test_a_difference_has_a_scale_with_nothing_in_the_middle(
    open_page: Callable, figures: Callable, there: Callable
) -> None:
    _, run = there("network", "plane")
    page = open_page("landscape", landscape_run=run, landscape_whose="difference")
    contours = figures(page)[CONTOUR]["data"][0]
    assert contours["zmin"] == -contours["zmax"] < 0


def test_a_line_between_two_networks_is_drawn_with_what_both_are(
    open_page: Callable, words: Callable, figures: Callable, there: Callable
) -> None:
    _, run = there("network", "between")
    page = open_page("landscape", landscape_run=run)
    drawn = figures(page)
    assert "Loss along a line" in drawn
    assert SURFACE not in drawn
    controls = {control.key for control in (*page.toggle, *page.slider)}
    assert not {"landscape_path", "landscape_clip"} & controls, "a line has no use for them"
    assert "The diamond" not in words(page), "it is read another way than a plane"
    ends = page.dataframe[0].value
    assert ["last" in ends["network"][0], "epoch-0001" in ends["network"][1]] == [True, True]
    assert "Highest training loss between both" in words(page)


def test_a_link_to_no_landscape_is_said_and_the_newest_shown(
    open_page: Callable, words: Callable, figures: Callable, there: Callable
) -> None:
    there("network", "plane")
    page = open_page("landscape", landscape_run="nobody", landscape_kind="plan", landscape_clip="7")
    said = words(page)
    assert "there is no such landscape" in said
    assert "it must be one of plane" in said
    assert SURFACE in figures(page)


def test_settings_that_do_not_go_together_are_a_sentence_and_no_button(
    open_page: Callable, words: Callable, there: Callable
) -> None:
    there("network")
    page = open_page("landscape", landscape_preview="true", landscape_statistics="recomputed")
    assert "one of preview and recomputed" in words(page)
    assert page.button(key="landscape_start").disabled


def test_numbers_and_the_spectrum_are_shown_where_they_were_asked_for(
    open_page: Callable, figures: Callable, there: Callable
) -> None:
    _, run = there("network", "hessian")
    page = open_page("landscape", landscape_run=run)
    assert not page.exception
    assert "Spectrum of the Hessian" in figures(page)
    assert "trace" in page.dataframe[0].value["name"].tolist()


def test_pictures_to_compare_with_are_computed_when_they_are_asked_for(
    open_page: Callable, figures: Callable, there: Callable
) -> None:
    _, run = there("network", "plane")
    page = open_page("landscape", landscape_run=run)
    assert "Reference landscapes" not in figures(page)
    page.session_state["landscape_references"] = True
    page.run()
    (chart,) = [figure for name, figure in figures(page).items() if name == "Reference landscapes"]
    assert [trace["name"] for trace in chart["data"]] == ["Flat", "Sharp", "Chaotic", "Wrongly normalised"]


def test_a_landscape_whose_network_is_gone_is_still_shown(
    open_page: Callable, figures: Callable, there: Callable
) -> None:
    (run,) = there("plane")
    assert SURFACE in figures(open_page("landscape", landscape_run=run))
