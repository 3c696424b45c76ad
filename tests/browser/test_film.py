"""What the browser computes of a film is what PyTorch computes, and what is painted is read as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dashboard.film_bytes import film_bytes, read_plane
from dashboard.painted_points import PaintedPoint, packed_points, unpacked_points
from dashboard.panels.film import HERE, joined
from logs.directory import RunDirectory
from models.activations import ACTIVATIONS, build_activation
from models.playground import FEATURES
from training.film import Film, FilmReader, neuron_maps
from training.playground import main
from training.playground_settings import PlaygroundSettings

VALUES = [-40.0, -7.5, -3.2, -2.5, -1.0, -0.3, -1e-4, 0.0, 1e-4, 0.3, 1.0, 2.4, 2.6, 3.3, 7.5, 40.0]
SIDE = 9


@pytest.fixture(scope="module")
def scripts(browser: Any) -> Any:
    """A page that has the functions of the film and nothing else."""
    page = browser.new_page()
    page.goto("about:blank")
    page.add_script_tag(content=joined("film_network", "film_store", "film_picture", "film_curves"))
    yield page
    page.close()


def filmed(runs: Path, **changes: Any) -> tuple[Film, RunDirectory]:
    settings = PlaygroundSettings(samples=60, epochs=4, seeds=3, batch_size=16).replace(**changes)
    assert main(["--runs", str(runs), *settings.options()]) == 0
    (run,) = runs.iterdir()
    directory = RunDirectory(run)
    film = FilmReader(directory).read()
    assert film is not None
    return film, directory


def brought(scripts: Any, film: Film, directory: RunDirectory) -> None:
    """The film is in the page's store, under the name "film"."""
    content = list(film_bytes("film", film, read_plane(directory), "finished"))
    scripts.evaluate("bytes => bringFilm(Uint8Array.from(bytes))", content)


def test_the_browser_has_every_activation(scripts: Any) -> None:
    assert set(scripts.evaluate("Object.keys(FILM_ACTIVATIONS)")) == set(ACTIVATIONS.names())
    assert set(scripts.evaluate("Object.keys(FILM_FEATURES)")) == set(FEATURES.names())


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda row: row.name)
def test_an_activation_is_that_of_pytorch(activation: Any, scripts: Any) -> None:
    settings = {parameter.name: parameter.default for parameter in activation.parameters}
    given = {**settings, "slope": settings.get("initial_slope")}  # a film holds PReLU's own slope
    found = scripts.evaluate(
        "([name, settings, values]) => values.map(FILM_ACTIVATIONS[name](settings))",
        [activation.name, given, VALUES],
    )
    module = build_activation(activation.name, settings).double()
    with torch.no_grad():
        wanted = module(torch.tensor(VALUES, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_what_is_not_a_number_stays_so(scripts: Any) -> None:
    """The map of a network that has failed is empty, whatever its activation."""
    for activation in ACTIVATIONS:
        settings = {parameter.name: parameter.default for parameter in activation.parameters}
        assert scripts.evaluate(
            "([name, settings]) => Number.isNaN(FILM_ACTIVATIONS[name](settings)(NaN))",
            [activation.name, {**settings, "slope": 0.25}],
        ), activation.name


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layers": (2, 8, 8), "residual": True, "batch_norm": True, "activations": ("tanh", "prelu", "gelu")},
        {"dataset": "gaussians", "class_count": 4, "features": tuple(FEATURES.names()), "layers": (3,)},
        {"dataset": "xor", "layers": ()},
    ],
    ids=str,
)
def test_every_neurons_map_is_that_of_pytorch(changes: dict[str, Any], scripts: Any, tmp_path: Path) -> None:
    film, directory = filmed(tmp_path, **changes)
    brought(scripts, film, directory)
    for frame, seed in ((0, 0), (4, 2)):
        found = scripts.evaluate(
            """([frame, seed, side]) => {
                const film = filmStore().films.get("film")
                const grid = gridOf(film.about, side)
                return layerOutputs(film.about, numbersOf(film, frame, seed), grid).map(each => [...each])
            }""",
            [frame, seed, SIDE],
        )
        wanted = neuron_maps(film, frame, seed, SIDE)
        assert len(found) == len(wanted)
        for ours, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(np.array(ours).reshape(theirs.shape), theirs, rtol=1e-4, atol=2e-5)


def test_the_mean_over_seeds_and_their_spread(scripts: Any, tmp_path: Path) -> None:
    film, directory = filmed(tmp_path)
    brought(scripts, film, directory)
    found = scripts.evaluate(
        """side => {
            const film = filmStore().films.get("film")
            const { mean, spread } = surfaceOf(film, 4, null, gridOf(film.about, side))
            return { mean: [...mean], spread: [...spread] }
        }""",
        SIDE,
    )
    logits = np.stack([neuron_maps(film, 4, seed, SIDE)[-1] for seed in range(3)])
    shares = 1 / (1 + np.exp(-logits.astype(np.float64)))
    np.testing.assert_allclose(found["mean"], shares.mean(axis=0).reshape(-1), atol=1e-5)
    np.testing.assert_allclose(found["spread"], shares.std(axis=0).reshape(-1), atol=1e-3)


def test_a_seed_that_failed_is_left_out_of_the_mean(scripts: Any, tmp_path: Path) -> None:
    film, directory = filmed(tmp_path)
    film.weights[4, 1] = np.nan
    film.loss[4, 1] = np.nan
    brought(scripts, film, directory)
    found = scripts.evaluate(
        """side => {
            const film = filmStore().films.get("film")
            const { mean } = surfaceOf(film, 4, null, gridOf(film.about, side))
            return { mean: [...mean], line: [...curveOf(film, "loss", 1, null).line] }
        }""",
        SIDE,
    )
    shares = [1 / (1 + np.exp(-neuron_maps(film, 4, seed, SIDE)[-1])) for seed in (0, 2)]
    np.testing.assert_allclose(found["mean"], np.mean(shares, axis=0).reshape(-1), atol=1e-5)
    np.testing.assert_allclose(found["line"][4], film.loss[4, [0, 2], 1].mean(), rtol=1e-5)


def test_the_points_of_a_film_arrive_with_their_class_and_split(scripts: Any, tmp_path: Path) -> None:
    film, directory = filmed(tmp_path)
    brought(scripts, film, directory)
    found = scripts.evaluate(
        """() => {
            const film = filmStore().films.get("film")
            return ["x", "y", "label", "split"].map(name => [...film[`points_${name}`]])
        }"""
    )
    table = read_plane(directory)
    assert table is not None
    frame = table.frame
    np.testing.assert_allclose(found[0], frame["x"], rtol=1e-6)
    np.testing.assert_array_equal(found[2], frame["label"])
    np.testing.assert_array_equal(np.array(found[3]) == 1, frame["split"] == "validation")


def test_lines_where_a_field_is_zero(scripts: Any) -> None:
    """Of x - 0.3 on the unit square: upright pieces at 0.3, from the bottom to the top."""
    x = np.tile(np.linspace(0, 1, 6), 6)
    lines = np.array(scripts.evaluate("field => zeroLines(Float32Array.from(field), 6)", (x - 0.3).tolist()))
    assert lines.shape == (5, 2, 2)
    np.testing.assert_allclose(lines[..., 0], 0.3, atol=1e-6)
    assert sorted({round(float(y), 6) for y in lines[..., 1].reshape(-1)}) == [0, 0.2, 0.4, 0.6, 0.8, 1]


def test_the_frame_of_an_epoch_is_the_last_one_before_it(scripts: Any) -> None:
    found = scripts.evaluate(
        "epochs => [0, 4, 9, 10, 99, Infinity].map(each => frameAt({ epochs, frames: epochs.length }, each))",
        [0, 5, 10, 20],
    )
    assert found == [0, 0, 1, 2, 3, 3]


def test_painted_points_are_written_alike_on_both_sides(browser: Any) -> None:
    page = browser.new_page()
    script = (
        (HERE / "painter.js")
        .read_text(encoding="utf-8")
        .replace("export default function", "function painted")
    )
    page.goto("about:blank")
    page.add_script_tag(content=script)
    points = [PaintedPoint(-1, 1, 0), PaintedPoint(0.25, -0.5, 3), PaintedPoint(1, -1, 15)]
    text = packed_points(points)
    told = page.evaluate("text => ({ points: unpack(text), text: pack(unpack(text)) })", text)
    page.close()
    assert told["text"] == text
    for (x, y, label), point in zip(told["points"], points, strict=True):
        assert abs(x - point.x) < 1e-3
        assert abs(y - point.y) < 1e-3
        assert label == point.label
    assert [point.label for point in unpacked_points(text)] == [0, 3, 15]
