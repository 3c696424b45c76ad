"""The playground's page: the form and its address, films and their bytes, own points, the code."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.film_bytes import film_bytes, read_plane
from dashboard.language import texts
from dashboard.painted_points import (
    MOST_PAINTED,
    PaintedPoint,
    keep_points,
    packed_points,
    painted_csv,
    points_file,
    unpacked_points,
)
from dashboard.panels.playground_form import form_defaults, form_values
from dashboard.panels.playground_start import asked_settings, differences
from dashboard.panels.try_this import suggestions
from logs.directory import RunDirectory
from training.film import FilmReader
from training.playground import main
from training.playground_settings import PlaygroundSettings
from training.points import parse_points

OPTIONS = ["--samples", "60", "--epochs", "5", "--seeds", "2"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two finished playgrounds."""
    folder = tmp_path_factory.mktemp("playgrounds")
    assert main([*OPTIONS, "--runs", str(folder)]) == 0
    assert main([*OPTIONS, "--weight-decay", "0.1", "--dataset", "xor", "--runs", str(folder)]) == 0
    return folder


@pytest.fixture
def films(trained: Path, runs: Path) -> list[str]:
    """Both among the runs of the dashboard; their ids, the one of two_moons first."""
    for folder in trained.iterdir():
        shutil.copytree(folder, runs / folder.name)
    return sorted((folder.name for folder in trained.iterdir()), key=lambda name: "xor" in name)


@pytest.fixture
def said(words: Callable) -> Callable[[Any], str]:
    return lambda page: words(page).replace("\\", "")


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch, films: list[str]) -> list[list[str]]:
    """The options of every training that the page starts; none is started, the second film is shown."""
    asked: list[list[str]] = []

    def launch(kind: str, options: list[str], name: str, runs: Path, data: Path) -> str:
        assert kind == "playground"
        asked.append(list(options))
        return films[1]

    monkeypatch.setattr("training.launch.launch_lab", launch)
    return asked


def sent(page: AppTest, name: str) -> list[Any]:
    """What was sent to the components that have a name, decoded."""
    found = []
    for item in page.get("bidi_component"):
        proto = item.proto
        if proto.component_name.split(".")[-1] != name:
            continue
        found.append(bytes(proto.bytes) or json.loads(proto.mixed.json or proto.json))
    return found


def header(content: bytes) -> dict[str, Any]:
    length = int.from_bytes(content[:4], "little")
    return json.loads(content[4 : 4 + length])


def test_without_a_film_the_page_says_what_to_do(open_page: Callable, said: Callable) -> None:
    page = open_page("playground")
    assert "No film yet" in said(page)
    assert [button.label for button in page.button if button.key == "playground_start"] == ["Train"]
    assert not sent(page, "descent_film")


def test_a_film_is_sent_with_its_points(films: list[str], open_page: Callable, said: Callable) -> None:
    page = open_page("playground", playground_film=films[0])
    (content,) = sent(page, "descent_film_data")
    about = header(content)
    assert (about["id"], about["state"]) == (films[0], "finished")
    assert about["arrays"]["epochs"]["count"] == 6
    assert about["arrays"]["points_x"]["count"] == 60
    (player,) = sent(page, "descent_film")
    assert player["current"] == films[0]
    assert player["play"] is False
    assert player["reference"] is None
    assert "6 frames" in said(page)


def test_the_bytes_of_a_film_hold_all_its_numbers(trained: Path) -> None:
    directory = RunDirectory(next(trained.iterdir()))
    film = FilmReader(directory).read()
    assert film is not None
    content = film_bytes("one", film, read_plane(directory), "running")
    about = header(content)
    begin = 4 + int.from_bytes(content[:4], "little")
    kinds = {"i4": "<i4", "f4": "<f4", "u1": "|u1"}
    for name in ("epochs", "weights", "loss", "accuracy"):
        place = about["arrays"][name]
        assert place["first"] % 4 == 0
        found = np.frombuffer(content, kinds[place["dtype"]], place["count"], begin + place["first"])
        np.testing.assert_array_equal(found, getattr(film, name).reshape(-1))
    assert film_bytes("one", film, None, "running") != content  # before the points are written


def test_a_film_stands_beside_the_one_before_with_what_differs(films: list[str], open_page: Callable) -> None:
    page = open_page("playground", playground_film=films[1], playground_beside=films[0])
    (player,) = sent(page, "descent_film")
    assert player["reference"] == films[0]
    assert player["titles"]["reference"] == "The film before"
    assert player["titles"]["difference"] == "Dataset: two_moons; Noise: 0.2; Weight decay: 0"
    assert len(sent(page, "descent_film_data")) == 2


def test_a_film_is_kept_and_let_go(films: list[str], open_page: Callable) -> None:
    page = open_page("playground", playground_film=films[1])
    page.button(key="playground_keep").click().run()
    assert page.query_params["playground_beside"] in (films[1], [films[1]])
    kept = open_page(
        "playground", playground_film=films[0], playground_beside=films[1], playground_kept="true"
    )
    assert sent(kept, "descent_film")[0]["titles"]["reference"] == "Kept for comparison"
    kept.button(key="playground_close").click().run()
    assert "playground_beside" not in kept.query_params


def test_training_asks_for_what_the_form_says(
    launched: list[list[str]], films: list[str], open_page: Callable
) -> None:
    page = open_page(
        "playground", playground_depth="1", playground_learning_rate="0.03", playground_l1="0.001"
    )
    page.button(key="playground_start").click().run()
    assert not page.exception
    (options,) = launched
    assert options == ["--layers", "8", "--learning-rate", "0.03", "--l1", "0.001"]
    (player,) = sent(page, "descent_film")
    assert player["current"] == films[1]
    assert player["play"] is True


def test_the_film_before_stands_beside_a_new_one(
    launched: list[list[str]], films: list[str], open_page: Callable
) -> None:
    page = open_page("playground", playground_film=films[0], playground_epoch="3")
    page.button(key="playground_start").click().run()
    (player,) = sent(page, "descent_film")
    assert (player["current"], player["reference"]) == (films[1], films[0])
    assert player["epoch"] is None


def test_each_change_trains_where_the_reader_wants_that(
    launched: list[list[str]], open_page: Callable
) -> None:
    page = open_page("playground", playground_at_once="true")
    assert not launched  # opening the page is no change
    page.select_slider(key="playground_epochs").set_value(100).run()
    assert launched == [["--epochs", "100"]]
    page.run()
    assert len(launched) == 1


def test_settings_in_the_address_come_back(open_page: Callable, launched: list[list[str]]) -> None:
    page = open_page(
        "playground",
        playground_dataset="spirals",
        playground_spirals_class_count="3",
        playground_features="x,xy,sin_y",
        playground_depth="3",
        playground_own_activations="true",
        playground_activation_1="tanh",
        playground_width_2="5",
        playground_epochs="800",  # none of the slider's own stops
        playground_seeds="3",
    )
    page.button(key="playground_start").click().run()
    words = dict(zip(launched[0][::2], launched[0][1::2], strict=True))
    assert words["--features"] == "x,xy,sin_y"
    assert words["--layers"] == "8,8,5"
    assert words["--activations"] == "relu,tanh,relu"
    assert words["--epochs"] == "800"
    assert words["--class-count"] == "3"


def test_a_wrong_address_is_said(open_page: Callable, said: Callable) -> None:
    page = open_page(
        "playground",
        playground_dataset="torus",
        playground_features="x,z",
        playground_film="nobody",
        playground_two_moons_noise="7",
        playground_painted="?",
    )
    text = said(page)
    assert "'torus'" in text
    assert "'x,z'" in text
    assert "nobody" in text
    assert "between 0 and 1" in text


def test_a_run_of_another_kind_is_no_film(make_run: Callable, open_page: Callable, said: Callable) -> None:
    page = open_page("playground", playground_film=make_run().name)
    assert "is no run of the playground" in said(page)
    assert "No film yet" in said(page)


def test_nothing_to_train_is_said_in_the_rules_words(open_page: Callable, said: Callable) -> None:
    page = open_page("playground", playground_features=",")
    assert "features is empty" in said(page)
    assert page.button(key="playground_start").disabled


def test_each_row_has_settings_of_its_own(open_page: Callable, launched: list[list[str]]) -> None:
    """Spirals want less noise than moons, and a rate may end at zero on one schedule alone."""
    page = open_page("playground", playground_two_moons_noise="0.4", playground_schedule="cosine")
    page.selectbox(key="playground_dataset").set_value("spirals").run()
    page.selectbox(key="playground_schedule").set_value("one_cycle").run()
    assert not page.exception
    page.button(key="playground_start").click().run()
    assert launched == [["--dataset", "spirals", "--schedule", "one_cycle"]]


def test_a_film_gives_its_settings_to_the_form(films: list[str], open_page: Callable) -> None:
    page = open_page("playground", playground_film=films[1])
    page.button(key="playground_take").click().run()
    assert page.select_slider(key="playground_weight_decay").value == 0.1
    assert page.select_slider(key="playground_epochs").value == 5
    assert not [button for button in page.button if button.key == "playground_take"]


@pytest.mark.parametrize(
    "settings",
    [
        PlaygroundSettings(),
        PlaygroundSettings(layers=(), epochs=77, seed=9),
        PlaygroundSettings(layers=(1, 2), activations=("tanh", "elu"), residual=True, features=("xy",)),
        PlaygroundSettings().replace(dataset="gaussians", class_count=5, optimizer="momentum", momentum=0.5),
    ],
    ids=str,
)
def test_a_form_of_a_runs_settings_asks_for_them_again(settings: PlaygroundSettings) -> None:
    values = {
        key.removeprefix("playground_"): value for key, value in form_values(settings.to_dict()).items()
    }
    for row in (settings.dataset, settings.optimizer, settings.schedule):
        values = {key.removeprefix(f"{row}_"): value for key, value in values.items()}
    depth = values.pop("depth")
    layers = tuple(values.pop(f"width_{layer}") for layer in range(depth))
    own, one = values.pop("own_activations"), values.pop("activation")
    activations = tuple(values.pop(f"activation_{layer}") for layer in range(depth)) if own else (one,)
    found = {**values, "layers": layers, "activations": activations, "features": tuple(values["features"])}
    assert asked_settings(found) == (settings, "")


def test_painted_points_are_trained(launched: list[list[str]], open_page: Callable, runs: Path) -> None:
    points = [
        PaintedPoint(-0.5, 0, 0),
        PaintedPoint(-0.4, 0.2, 0),
        PaintedPoint(0.5, 0, 1),
        PaintedPoint(0.6, 0.1, 1),
    ]
    page = open_page("playground", playground_dataset="points", playground_painted=packed_points(points))
    (painter,) = sent(page, "descent_painter")
    assert painter["points"] == packed_points(points)
    page.button(key="playground_start").click().run()
    words = dict(zip(launched[0][::2], launched[0][1::2], strict=True))
    file = Path(words["--points"])
    assert file.parent.parent == runs
    assert len(parse_points(file.read_text())) == 4


def test_too_few_painted_points_are_said(open_page: Callable, said: Callable) -> None:
    page = open_page("playground", playground_dataset="points")
    assert "paint points of two classes" in said(page)
    assert page.button(key="playground_start").disabled


def test_a_file_of_points_says_the_line_and_the_column(open_page: Callable, said: Callable) -> None:
    page = open_page("playground", playground_dataset="points", playground_way="file")
    page.file_uploader[0].upload("points.csv", b"x,y,label\n1,2,a\n3,wrong,b\n", "text/csv").run()
    assert "column 'y' in line 3 is 'wrong'" in said(page)


def test_a_file_of_points_is_trained_and_stays_in_the_address(
    launched: list[list[str]], open_page: Callable, said: Callable
) -> None:
    page = open_page("playground", playground_dataset="points", playground_way="file")
    page.file_uploader[0].upload("points.csv", b"1,2,a\n3,4,b\n5,6,b\n", "text/csv").run()
    assert "3 points · a, b" in said(page)
    page.button(key="playground_start").click().run()
    assert "--points" in launched[0]
    name = page.query_params["playground_file"]
    again = open_page(
        "playground",
        playground_dataset="points",
        playground_way="file",
        playground_file=name if isinstance(name, str) else name[0],
    )
    assert "3 points · a, b" in said(again)


@pytest.mark.parametrize("count", [0, 1, 2, 3, MOST_PAINTED])
def test_painted_points_come_back_from_their_text(count: int) -> None:
    random = np.random.default_rng(count)
    points = [PaintedPoint(*random.uniform(-1, 1, 2), int(random.integers(4))) for _ in range(count)]
    back = unpacked_points(packed_points(points))
    assert [point.label for point in back] == [point.label for point in points]
    for ours, theirs in zip(back, points, strict=True):
        assert abs(ours.x - theirs.x) < 1e-3
        assert abs(ours.y - theirs.y) < 1e-3
    assert packed_points(back) == packed_points(points)


@pytest.mark.parametrize("text", ["?", "AAAA=", "AAAAA", "ä"])
def test_a_text_that_holds_no_points_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="paint them once more"):
        unpacked_points(text)


def test_more_painted_points_than_an_address_holds_are_refused() -> None:
    points = [PaintedPoint(0, 0, 0)] * (MOST_PAINTED + 1)
    with pytest.raises(ValueError, match="500 at most"):
        unpacked_points(packed_points(points))


def test_a_file_of_points_is_named_by_what_it_says(tmp_path: Path) -> None:
    text = painted_csv([PaintedPoint(0.5, -0.25, 1)])
    assert text == "0.5000,-0.2500,class 1\n"
    path = keep_points(tmp_path, text)
    assert path == points_file(tmp_path, text) == keep_points(tmp_path, text)
    assert path.read_text() == text
    assert points_file(tmp_path, text + " ") != path


def test_the_code_of_the_form_is_shown(open_page: Callable) -> None:
    page = open_page("playground", playground_dataset="xor", playground_depth="1")
    (box,) = [box for box in page.expander if box.label == "The PyTorch code"]
    assert not list(box.code)  # made only where the box is open

    def draw() -> None:
        import streamlit as st

        from dashboard.language import texts
        from dashboard.panels.playground_code import code_box
        from training.playground_settings import PlaygroundSettings

        st.session_state["playground_code"] = True
        code_box(PlaygroundSettings(dataset="xor", layers=(3,)), texts("playground"))

    opened = AppTest.from_function(draw).run(timeout=30)
    assert not opened.exception
    script, command = opened.code
    ast.parse(script.value)
    assert "nn.Linear(2, 3)" in script.value
    assert command.value == "python -m training.playground --dataset xor --layers 3"


def test_each_thing_to_try_can_be_trained(open_page: Callable, launched: list[list[str]]) -> None:
    rows = suggestions(texts("playground")["try"])
    known = set(form_defaults()) | {"playground_two_moons_noise"}
    for row in rows:
        assert {key for key, _ in row.settings} <= known, row.sentence
    for number, row in enumerate(rows):
        page = open_page("playground")
        page.button(key=f"playground_try_{number}").click().run()
        assert not page.exception, page.exception[0].value
        assert len(launched) == number + 1, row.sentence
        assert row.after.split(".")[0] in "".join(str(item.value) for item in page.caption)


def test_what_differs_is_named_whole() -> None:
    first = PlaygroundSettings().to_dict()
    second = PlaygroundSettings().replace(optimizer="momentum", layers=(3,), name="other").to_dict()
    found = {name: (now, before) for name, now, before in differences(second, first)}
    assert found["layers"] == ((3,), (8, 8))
    assert found["optimizer"] == ("momentum", "adam")
    assert found["momentum"] == (0.9, None)
    assert "name" not in found
