"""Comparisons of landscapes: the table, a whole one of small networks, what is seen in it, a resume."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from logs.catalog import RunCatalog, RunSummary
from logs.directory import RunDirectory
from logs.labels import Labels
from logs.removal import list_trash
from logs.status import read_status
from logs.tables import read_table
from training.compare_landscapes import main
from training.compared_network import landscapes_of, plane_losses
from training.comparison_results import (
    MEASURES,
    Finding,
    Network,
    SideResult,
    comparison_studies,
    finding,
    options_of,
    progress,
    read_comparison,
    report_lines,
)
from training.jobs import members
from training.landscape_comparisons import DATASETS, LANDSCAPE_COMPARISONS, Comparison, ComparisonOptions
from training.roughness import hills

SMALL = [
    "batch_norm", "--dataset", "digits", "--seeds", "2", "--budget", "0.02", "--points", "9",
    "--measured", "40", "--train-samples", "100", "--hidden-layers", "1", "--hidden-width", "8",
]  # fmt: skip


def run(runs: Path, *options: str, code: int = 0) -> None:
    places = ["--runs", str(runs), "--data", str(runs.parent / "data"), "--visdom", "off"]
    assert main([*options, *places, "--engine", "serial"]) == code


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of one whole comparison: two sides, two seeds."""
    runs = tmp_path_factory.mktemp("compared") / "runs"
    run(runs, *SMALL)
    return runs


@pytest.mark.parametrize("row", LANDSCAPE_COMPARISONS, ids=lambda row: row.name)
@pytest.mark.parametrize("dataset", [DATASETS[0], "digits"])
def test_every_side_of_every_comparison_can_be_trained(row: Comparison, dataset: str) -> None:
    options = ComparisonOptions(row.name, row.config(dataset), seeds=3, budget=0.5)
    configs = [options.side_config(side, 0) for side in row.sides]
    assert len({json.dumps(config.to_dict(), sort_keys=True) for config in configs}) == len(row.sides)
    assert all(config.keep == "last" for config in configs), "the end of the training is looked at"
    assert row.watched in MEASURES
    assert bool(row.more) == bool(row.less) == bool(row.expected) == bool(row.source)
    assert not row.more or row.side(row.more) != row.side(row.less)
    assert 0 < options.seconds(2) < ComparisonOptions(row.name, row.config(dataset), seeds=6).seconds(2)


def test_as_many_steps_are_as_many() -> None:
    row = LANDSCAPE_COMPARISONS["batch_size"]
    start = row.config("fashion_mnist")
    small, long = (row.side(name).config(start, budget=0.5) for name in ("small", "large_long"))
    steps = [config.epochs * config.train_samples // config.batch_size for config in (small, long)]
    assert steps[0] == steps[1] == 30 * 40


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["dropuot"], "did you mean 'dropout'"),
        ([], "no comparison is named; give one of skip_connections"),
        (["dropout", "--seeds", "0"], "seeds is 0; it must be between 1 and 20"),
        (["dropout", "--budget", "0"], "budget is 0; it must be between"),
        (["dropout", "--points", "10"], "points is 10; it must be 0 or one of 9, 13"),
        (["dropout", "--dataset", "nothing"], "no data set is named 'nothing'"),
        (["skip_connections", "--model", "mlp"], "shortcut"),
    ],
)
def test_what_can_not_be_compared_is_a_sentence(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "runs", *words, code=2)
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "runs").exists(), "nothing was begun"


def test_every_network_has_its_landscape_and_numbers_with_the_same_settings(made: Path) -> None:
    (study,) = comparison_studies(made, "batch_norm")
    assert study.state == "finished"
    trained, landscapes = members(made, study.id), landscapes_of(made, study.id)
    assert set(trained) == set(landscapes)
    assert len(trained) == 4
    settings = [dict(row.config) for row in landscapes.values()]
    for each in settings:
        each.pop("run")
    assert settings[0] in settings[1:], "sides of one seed have one set of directions and samples"
    for key, row in landscapes.items():
        assert row.config["run"] == trained[key].id
        assert row.config["seed"] == dict(key)["seed"]
        table = read_table(row.directory, "numbers")
        assert table is not None
        names = table.frame["name"].tolist()
        assert set(names) == {name for name in MEASURES.names() if name != "test accuracy"}
        values = dict(zip(names, table.frame["value"], strict=True))
        assert values["hills"] == hills(plane_losses(row.directory))
        assert values["train loss"] == plane_losses(row.directory)[4, 4]
        assert values["eigenvalue"] <= values["trace"] * 3


def test_what_was_found_is_read_from_the_runs(made: Path) -> None:
    (study,) = comparison_studies(made)
    options = options_of(study)
    assert options.to_dict() == {
        "comparison": "batch_norm", "seeds": 2, "budget": 0.02, "points": 9, "measured": 40,
    }  # fmt: skip
    results = read_comparison(made, study.id, options)
    assert [result.side.name for result in results] == ["without", "with"]
    assert progress(results, options) == 1
    for result in results:
        assert set(result.values("eigenvalue")) == set(result.values("test accuracy")) == {0, 1}
        assert all(one.state == "finished" for one in result.networks)
    seen = finding(results, options.row)
    assert seen.verdict == "unclear"
    assert "With 2 seeds that is no more than a hint" in seen.sentence
    assert len(report_lines(results)) == 3
    assert report_lines([]) == ["nothing has been trained yet"]


def test_a_resume_computes_only_what_is_missing(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One landscape is gone, and one was killed in its numbers: its points are taken over."""
    runs = tmp_path / "runs"
    shutil.copytree(made, runs)
    (study,) = [row for row in RunCatalog(runs).rows() if row.kind == "landscape_comparison"]
    before = landscapes_of(runs, study.id)
    gone, killed, *kept = before
    shutil.rmtree(before[gone].path)
    for run_id in (before[killed].id, study.id):
        path = RunDirectory(runs / run_id).status_json
        path.write_text(json.dumps(json.loads(path.read_text()) | {"state": "running", "pid": 2**22 + 1}))
    run(runs, "--resume", study.id)
    after = landscapes_of(runs, study.id)
    assert all(after[key].id == before[key].id for key in kept)
    assert after[killed].id != before[killed].id
    assert [row.id for row in list_trash(runs)] == [before[killed].id]
    assert "81 points are known" in (after[killed].directory.output_log).read_text()
    assert all(row.state == "finished" for row in after.values())
    assert len(members(runs, study.id)) == 4
    status = read_status(RunDirectory(runs / study.id))
    assert status is not None
    assert (status.state, status.step, status.steps) == ("finished", 8, 8)
    capsys.readouterr()
    run(runs, "--resume", study.id, "--seeds", "3", code=2)
    assert "start a new one for others" in capsys.readouterr().err


def test_a_landscape_that_fails_is_said_and_the_others_are_kept(made: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(made, runs)
    (study,) = comparison_studies(runs)
    landscapes, trained = landscapes_of(runs, study.id), members(runs, study.id)
    broken, *kept = landscapes
    shutil.rmtree(landscapes[broken].path)
    (trained[broken].directory.checkpoints / "last.safetensors").write_bytes(b"nothing")
    run(runs, "--resume", study.id, code=1)
    status = read_status(RunDirectory(runs / study.id))
    assert status is not None
    assert status.state == "failed"
    assert trained[broken].id in status.error
    after = landscapes_of(runs, study.id)
    assert [after[key].id for key in kept] == [landscapes[key].id for key in kept]
    assert after[broken].state == "failed"


def seen(more: Sequence[float], less: Sequence[float], row: str = "batch_size") -> Finding:
    """The finding for these values of the watched measure, a seed each."""
    comparison = LANDSCAPE_COMPARISONS[row]
    training = RunSummary(Path("none"), None, None, Labels(), "finished")
    given = {comparison.more or "default": more, comparison.less or "xavier": less}
    results = [
        SideResult(
            side,
            tuple(
                Network(seed, training, None, {comparison.watched: value})
                for seed, value in enumerate(given.get(side.name, ()))
            ),
        )
        for side in comparison.sides
    ]
    return finding(results, comparison)


def test_a_difference_is_one_where_all_seeds_agree() -> None:
    assert seen((8, 9, 10), (2, 3, 2.5)).verdict == "expected"
    assert "3.63 times as much" in seen((8, 9, 10), (2, 3, 2.5)).sentence, "the cube root of 4 * 3 * 4"
    assert seen((1, 2, 1), (2, 3, 2.5)).verdict == "opposite"
    mixed = seen((1, 4, 1), (2, 3, 2.5))
    assert mixed.verdict == "unclear"
    assert "larger in 1 of 3 seeds" in mixed.sentence
    assert "no more than a hint, as expected" in seen((8, 9), (2, 3)).sentence
    assert "With one seed" in seen((1,), (2,)).sentence


def test_only_networks_of_one_seed_are_a_pair() -> None:
    assert seen((8, 9, 10, 1), (2, 3, 2.5)).verdict == "expected", "the fourth has no partner yet"
    assert seen((), (1, 2, 3)).verdict == "waiting"


def test_where_nothing_is_expected_the_order_is_said() -> None:
    found = seen((1, 2), (3, 4), "initialisations")
    assert found.verdict == "open"
    assert "3.5 ± 0.71 for “Xavier”, 1.5 ± 0.71 for “PyTorch's own”" in found.sentence
    assert "times as much" not in seen((1, 2, 3), (0, 0, 0)).sentence, "0 has no ratio"


def test_a_control_and_different_losses_are_said() -> None:
    """Curvature of a cross entropy falls with the loss: large batches of as many epochs have both."""
    row = LANDSCAPE_COMPARISONS["batch_size"]
    training = RunSummary(Path("none"), None, None, Labels(), "finished")
    numbers = {"large": (20.0, 0.2), "small": (1.0, 0.01), "large_long": (2.0, 0.01)}
    results = [
        SideResult(
            side,
            tuple(
                Network(
                    seed,
                    training,
                    None,
                    {"eigenvalue": numbers[side.name][0], "train loss": numbers[side.name][1]},
                )
                for seed in range(3 if side.name in numbers else 0)
            ),
        )
        for side in row.sides
    ]
    sentence = finding(results, row).sentence
    assert "For “250, as many steps” it is 2 ± 0, 2 times as much, larger in 3 of 3 seeds" in sentence
    assert "training losses differ too (0.2 and 0.01)" in sentence
