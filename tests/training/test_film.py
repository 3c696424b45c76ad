"""The film: what its parts hold is what the networks are, and its maps are what the networks say."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from logs.directory import RunDirectory
from logs.errors import BrokenRunError
from models.activations import ACTIVATIONS
from models.catalog import checked_settings
from models.playground import FEATURES
from models.zoo import build_model
from training.film import Film, FilmReader, film_parts, layer_outputs, neuron_maps, read_part
from training.film_writer import DENSE_FRAMES, MOST_FRAMES, FilmWriter, Numbers, frame_epochs
from training.stacked import StackedNetworks

CASES: list[dict[str, Any]] = [
    {"layer_widths": ""},
    {"layer_widths": "8,8", "plane_features": ",".join(FEATURES.names())},
    {"layer_widths": "2,8,8,3", "residual": True, "batch_norm": True, "layer_activations": "prelu"},
    {"layer_widths": "8,8", "dropout": 0.5, "residual": True, "layer_activations": "prelu,tanh"},
    *({"layer_widths": "4", "layer_activations": row.name} for row in ACTIVATIONS),
]


def film_of(directory: RunDirectory, settings: dict[str, Any]) -> tuple[Film, list[torch.nn.Module]]:
    """A film of one frame of three networks that have learned something, and the networks."""
    torch.manual_seed(1)
    networks = []
    for _ in range(3):
        network = build_model("playground", (2,), 3, settings)
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand_like(tensor))
        networks.append(network.eval())
    numbers = Numbers(networks[0])
    stack = StackedNetworks(networks, (2,), torch.device("cpu"))
    names = settings.get("layer_activations", "relu").split(",")
    names = names * len(numbers.layers) if len(names) == 1 else names
    about = {
        "features": list(networks[0].features.names),
        "mean": [0.5, -1.0],
        "scale": [2.0, 0.25],
        "layers": [
            {
                **layer,
                "activation": name,
                "settings": checked_settings(name, ACTIVATIONS[name].parameters, {}),
            }
            for layer, name in zip(numbers.layers, names, strict=True)
        ],
        "range": [[-1.0, 2.0], [-2.0, 0.0]],
        "places": numbers.places,
    }
    writer = FilmWriter(directory, about)
    scores = np.zeros((1, 3, 2))
    writer.write(np.zeros(1, np.int64), numbers.of(stack).numpy()[None], scores, scores)
    film = FilmReader(directory).read()
    assert film is not None
    return film, networks


@pytest.mark.parametrize("settings", CASES, ids=lambda case: " ".join(map(str, case.values())))
def test_every_unit_is_what_the_network_itself_computes(settings: dict[str, Any], tmp_path: Path) -> None:
    film, networks = film_of(RunDirectory(tmp_path), settings)
    points = torch.rand(50, 2, dtype=torch.float64) * 4 - 2
    ready = (points - torch.tensor([0.5, -1.0])) / torch.tensor([2.0, 0.25])
    seen: list[torch.Tensor] = []
    for seed, network in enumerate(networks):
        exact = copy.deepcopy(network).double()
        seen.clear()
        for module in [exact.features, *exact.layers, exact.output]:
            module.register_forward_hook(lambda _, __, output: seen.append(output))
        exact(ready)
        found = layer_outputs(film, 0, seed, points)
        assert len(found) == len(seen)
        for own, expected in zip(found, seen, strict=True):
            # the numbers are float32, and a fold of batch norm is rounded once more
            torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-4)
    # and all at once, as the scores of the frames are computed
    numbers = Numbers(networks[0])
    features = networks[0].features(ready.float()).T
    together = numbers.outputs(torch.from_numpy(film.weights[0].copy()), features)
    expected = torch.stack([network(ready.float()).T for network in networks])
    torch.testing.assert_close(together, expected, rtol=1e-4, atol=1e-4)


def test_maps_lie_as_stated(tmp_path: Path) -> None:
    film, _ = film_of(RunDirectory(tmp_path), {"layer_widths": "4", "layer_activations": "tanh"})
    maps = neuron_maps(film, 0, 1, side=7)
    assert [each.shape for each in maps] == [(2, 7, 7), (4, 7, 7), (3, 7, 7)]
    x, y = np.linspace(-1, 2, 7), np.linspace(-2, 0, 7)
    np.testing.assert_allclose(maps[0][0], np.tile((x - 0.5) / 2, (7, 1)), rtol=1e-6)
    np.testing.assert_allclose(maps[0][1], np.tile((y + 1) / 0.25, (7, 1)).T, rtol=1e-6)
    corner = layer_outputs(film, 0, 1, torch.tensor([[2.0, -2.0]]))  # the last column of the first row
    np.testing.assert_allclose(maps[2][:, 0, 6], corner[2][0], rtol=1e-5)


def test_a_reader_takes_each_part_once_and_sees_the_film_grow(tmp_path: Path, monkeypatch) -> None:
    directory = RunDirectory(tmp_path)
    reader = FilmReader(directory)
    assert reader.read() is None
    writer = FilmWriter(directory, {"places": []})
    zeros = np.zeros((1, 2, 2))
    writer.write(np.array([0]), np.zeros((1, 2, 5)), zeros, zeros)
    first = reader.read()
    assert first is not None
    assert first.epochs.tolist() == [0]
    assert reader.read() is first, "nothing is new"
    later = np.arange(1, 3)
    writer.end(1, "the loss became nan")
    writer.write(
        later,
        np.ones((2, 2, 5)) * later[:, None, None],
        np.ones((2, 2, 2)) * later[:, None, None],
        np.zeros((2, 2, 2)),
    )
    opened = []

    def noted(path: Path) -> Film:
        opened.append(path.name)
        return read_part(path)

    monkeypatch.setattr("training.film.read_part", noted)
    film = reader.read()
    assert opened == ["00001.safetensors"]
    assert film is not None
    assert film.epochs.tolist() == [0, 1, 2]
    assert film.weights[:, 0, 0].tolist() == [0, 1, 2]
    assert film.loss[2].tolist() == [[2, 2], [2, 2]]
    assert film.endings == {1: "the loss became nan"}
    kinds = {name: array.dtype.str for name, array in load_file(film_parts(directory)[0]).items()}
    assert kinds == {"epochs": "<i4", "weights": "<f4", "loss": "<f4", "accuracy": "<f4"}


def test_foreign_and_unfinished_files_are_left_aside(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    FilmWriter(directory, {}).write(
        np.zeros(1, np.int64), np.zeros((1, 1, 1)), np.zeros((1, 1, 2)), np.zeros((1, 1, 2))
    )
    for name in (".00001.safetensors.1-ab.tmp", "notes.txt", "x.safetensors"):
        (directory.film / name).write_bytes(b"half")
    assert [path.name for path in film_parts(directory)] == ["00000.safetensors"]


def test_a_damaged_part_is_told(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.film.mkdir()
    (directory.film / "00000.safetensors").write_bytes(b"half")
    with pytest.raises(BrokenRunError, match="is damaged"):
        FilmReader(directory).read()
    save_file(
        {"epochs": np.zeros(1, np.int32)}, directory.film / "00000.safetensors", {"film": json.dumps({})}
    )
    with pytest.raises(BrokenRunError, match="is damaged"):
        FilmReader(directory).read()


@pytest.mark.parametrize("epochs", [1, 300, MOST_FRAMES - 1, MOST_FRAMES, 601, 1000, 5000])
def test_a_long_film_is_thinned_and_keeps_its_beginning_and_its_end(epochs: int) -> None:
    frames = sorted(frame_epochs(epochs))
    assert len(frames) <= MOST_FRAMES
    assert (frames[0], frames[-1]) == (0, epochs)
    if epochs < MOST_FRAMES:
        assert frames == list(range(epochs + 1))
    else:
        assert frames[:DENSE_FRAMES] == list(range(DENSE_FRAMES))
        gaps = np.diff(frames[DENSE_FRAMES:])
        assert gaps.max() - gaps.min() <= 1
