"""Looks into a checkpoint in the background: what they find is the checkpoint's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from logs.directory import RunDirectory
from logs.reader import RunReader
from logs.tables import Table, read_table
from models.corruptions import CORRUPTIONS
from training import inspection
from training.inspected import Inspected, answers, batches_of, chosen_rows, inspected, part_of
from training.inspection_settings import LOOKS
from training.train import main as train


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunReader:
    runs = tmp_path_factory.mktemp("looks") / "runs"
    options = ["--dataset", "digits", "--hidden-width", "16", "--epochs", "2", "--visdom", "off"]
    assert train([*options, "--runs", str(runs)]) == 0
    return RunReader(next(runs.iterdir()))


@pytest.fixture(scope="module")
def subject(trained: RunReader) -> Inspected:
    return inspected(trained.directory, "best", trained.directory.path.parent.parent)


def look(trained: RunReader, name: str, *options: str, code: int = 0) -> tuple[RunDirectory, Table | None]:
    runs = trained.directory.path.parent
    before = set(runs.iterdir())
    given = ["--run", trained.directory.id, "--look", name, "--runs", str(runs), *options]
    assert inspection.main(given) == code
    (made,) = set(runs.iterdir()) - before
    return RunDirectory(made), read_table(made, LOOKS[name].table)


def test_the_saved_predictions_are_computed_again(trained: RunReader, subject: Inspected) -> None:
    _, table = look(trained, "predictions", "--samples", "100000")
    assert table is not None
    saved = trained.predictions("test").to_pandas()
    frame = table.frame
    for name in ("index", "target", "prediction"):
        np.testing.assert_array_equal(frame[name], saved[name])
    np.testing.assert_allclose(
        np.stack(frame["probabilities"]), np.stack(saved["probabilities"]), rtol=1e-4, atol=1e-6
    )
    assert table.about["fingerprint"] == subject.fingerprint


def test_samples_drawn_are_those_of_the_part(subject: Inspected) -> None:
    part = part_of(subject.data, "test")
    rows = chosen_rows(part, 77, seed=3)
    assert len(set(rows)) == 77
    inputs, targets = (torch.cat(each) for each in zip(*batches_of(part, rows, size=30), strict=True))
    every, truth = next(part.batches(len(part)))
    assert torch.equal(inputs, every[torch.from_numpy(rows)])
    assert torch.equal(targets, truth[torch.from_numpy(rows)])
    found = answers(subject, "test", rows)
    assert found is not None
    np.testing.assert_array_equal(found.index, part.indices[rows])
    assert answers(subject, "test", rows, watch=lambda done: False) is None


def test_scores_fall_as_pictures_get_worse(trained: RunReader) -> None:
    _, table = look(trained, "corruptions", "--samples", "200")
    assert table is not None
    frame = table.frame
    assert list(frame["corruption"].unique()) == CORRUPTIONS.names()
    assert len(frame) == 6 * len(CORRUPTIONS)
    clean, worst = (frame[frame["severity"] == level]["loss"] for level in (0, 5))
    assert clean.nunique() == 1, "severity 0 is the data itself"
    assert worst.mean() > clean.mean()


@pytest.mark.parametrize("dimensions", [2, 3])
def test_tsne_places_every_sample(trained: RunReader, dimensions: int) -> None:
    options = ["--samples", "60", "--perplexity", "8", "--iterations", "50", "--dimensions", str(dimensions)]
    _, table = look(trained, "tsne", *options)
    assert table is not None
    assert len(table) == 60
    axes = [name for name in table.frame if name.startswith("axis")]
    assert len(axes) == dimensions
    assert np.isfinite(table.frame[axes].to_numpy()).all()
    assert 0 < table.about["neighbours_after"] <= 1


def test_what_can_not_be_ends_in_a_sentence(trained: RunReader) -> None:
    made, _ = look(trained, "tsne", "--samples", "30", "--perplexity", "30", code=1)
    assert "at most 9" in str(RunReader(made.path).status())
    made, _ = look(trained, "predictions", "--checkpoint", "none", code=1)
    assert "in its folder: best, last" in str(RunReader(made.path).status())
    with pytest.raises(ValueError, match="one of test, validation, train"):
        part_of(inspected(trained.directory, "best", Path()).data, "all")
