"""Tabs that look at samples: what they say is what the network says, and senseless addresses are answered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from training.train import main as train

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small networks on digits, one with convolutions."""
    runs = tmp_path_factory.mktemp("looks") / "runs"
    embedding = ["--model", "linear", "--task", "embedding", "--embedding-size", "3"]
    for options in (["--hidden-width", "16"], ["--model", "lenet5", "--activation", "relu"], embedding):
        places = ["--epochs", "2", "--visdom", "off", "--runs", str(runs), "--dataset", "digits"]
        assert train([*options, *places]) == 0
    return runs


@pytest.fixture
def look(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    monkeypatch.setenv("DESCENT_RUNS", str(trained))
    monkeypatch.setenv("DESCENT_VISDOM", "http://127.0.0.1:9")
    served = config.get_option("server.enableStaticServing")

    def opened(tab: str, model: str = "lenet5", **query: str) -> AppTest:
        run = next(path.name for path in trained.iterdir() if f"-{model}-" in path.name)
        config.set_option("server.enableStaticServing", True)
        page = AppTest.from_file(str(APP), default_timeout=90)
        page.run()
        page.switch_page("views/inspect_model.py")
        for name, value in {"inspect_run": run, "inspect_tab": tab, **query}.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception, page.exception[0].value
        config.set_option("server.enableStaticServing", served)
        return page

    st.cache_resource.clear()
    return opened


def said(page: AppTest) -> str:
    kinds = ("title", "subheader", "markdown", "caption", "text", "warning", "error", "info", "metric")
    words = (f"{getattr(item, 'label', '')} {item.value}" for kind in kinds for item in page.get(kind))
    return "\n".join(words).replace("\\", "")  # data is escaped for Markdown


@pytest.mark.parametrize("tab", ["Activations", "Attribution", "Evaluation", "Embeddings"])
def test_a_network_without_convolutions_can_be_looked_at_too(look: Any, tab: str) -> None:
    page = look(tab, "mlp")
    assert not page.error
    assert len(said(page)) > 300


def test_an_embedding_has_points_and_no_probabilities(look: Any) -> None:
    assert "its point: " in said(look("Activations", "linear"))
    for tab in ("Attribution", "Evaluation"):
        assert "This network predicts a number or a point" in said(look(tab, "linear"))
    page = look("Embeddings", "linear")
    assert not page.error
    assert len(said(page)) > 300


def test_activations_tell_every_layer(look: Any) -> None:
    page = look("Activations", inspect_sample="3", inspect_statistics="true")
    table = page.dataframe[0].value
    assert {"Conv2d", "Linear"} <= set(table["kind"])
    assert table["dead units"].str.contains("of").all()
    assert table["pictures"].str.startswith("data:image/png").all()


@pytest.mark.parametrize("method", ["integrated_gradients", "grad_cam"])
def test_methods_come_with_their_badge(look: Any, method: str) -> None:
    page = look("Attribution", inspect_method=method)
    assert "rank correlation" in said(page)
    assert "Receptive field" in said(page)


def test_the_evaluation_is_that_of_the_saved_predictions(look: Any, trained: Path) -> None:
    from logs.reader import RunReader

    run = next(path for path in trained.iterdir() if "-lenet5-" in path.name)
    frame = RunReader(run).predictions("test").to_pandas()
    accuracy = (frame["target"] == frame["prediction"]).mean()
    page = look("Evaluation", inspect_cell="3-3")
    assert f"Accuracy {accuracy:.2%}" in said(page)
    cell = int(((frame["target"] == 3) & (frame["prediction"] == 3)).sum())
    assert f"{cell} sample" in said(page)


def test_samples_without_saved_predictions_are_asked_in_the_background(look: Any) -> None:
    page = look("Evaluation", inspect_judged="validation")
    assert "has to be asked" in said(page)
    assert any(button.label == "Ask the network" for button in page.button)


@pytest.mark.parametrize(
    ("tab", "query", "answers"),
    [
        (
            "Activations",
            {"inspect_sample": "many", "inspect_split": "all"},
            ["must be a number between", "inspect_split in the address is 'all'"],
        ),
        (
            "Attribution",
            {"inspect_method": "magic", "inspect_epsilon": "7"},
            ["inspect_method in the address is 'magic'", "inspect_epsilon in the address is '7'"],
        ),
        (
            "Evaluation",
            {"inspect_cell": "a-99", "inspect_threshold": "2"},
            ["two class numbers", "between 0 and 1"],
        ),
        ("Embeddings", {"inspect_points": "3"}, ["inspect_points in the address is '3'"]),
        ("Compare", {"inspect_other": "nobody/best"}, ["inspect_other in the address is"]),
    ],
)
def test_a_senseless_address_is_answered(
    look: Any, tab: str, query: dict[str, str], answers: list[str]
) -> None:
    words = said(look(tab, **query))
    assert all(answer in words for answer in answers)


def test_the_address_of_a_look_opens_its_tab(look: Any, trained: Path) -> None:
    from training.inspection import main

    run = next(path.name for path in trained.iterdir() if "-mlp-" in path.name)
    before = set(trained.iterdir())
    options = ["--look", "predictions", "--split", "train", "--samples", "200000"]
    assert main(["--run", run, *options, "--runs", str(trained)]) == 0
    (made,) = set(trained.iterdir()) - before
    page = look("Provenance", inspect_look=made.name)
    assert "Each class" in said(page)
    assert "no such look" in said(look("Provenance", inspect_look="none"))


def test_a_file_is_looked_at_with_samples_of_a_data_set(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The panel alone: a network that belongs to no run."""
    monkeypatch.setenv("DESCENT_RUNS", str(trained))

    def script() -> None:
        from dashboard.inspect_subject import Subject
        from dashboard.panels.inspect_evaluation import evaluation_tab
        from models.zoo import build_model

        network = build_model("mlp", (1, 8, 8), 10).eval()
        evaluation_tab(Subject("mine", "file", "a" * 64, 1, network.state_dict(), network, (1, 8, 8)))

    page = AppTest.from_function(script, default_timeout=60).run()
    assert not page.exception
    assert "A file brings no samples" in said(page)
    assert "Each class" in said(page)


def test_two_networks_are_compared(look: Any, figures: Callable[[AppTest], dict[str, Any]]) -> None:
    page = look("Compare")
    assert "Told differently" in said(page)
    assert "CKA of layers" in figures(page)
