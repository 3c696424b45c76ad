"""The guided set: variants by their text, a study of real trainings, and what is read of several of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from logs.catalog import RunCatalog, RunSummary
from logs.directory import RunDirectory
from training.config import ConfigError, RunConfig
from training.guided import main
from training.guided_results import VariantResult, curves, read_guided, report_lines, stopping_epoch
from training.guided_set import IMAGE_SETS, SIZES, GuidedOptions, ImageSet, Variant, set_of
from training.remedies import REMEDIES

QUICK = ["--train-samples", "100", "--epochs", "3"]
CONFIG = IMAGE_SETS["digits"].config().replace(train_samples=100, epochs=3)
Train = Callable[..., int]


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Runs the script in this process, in tmp_path / "runs"."""

    def run(*options: str) -> int:
        where = ["--runs", str(tmp_path / "runs"), "--data", str(tmp_path / "data"), "--visdom", "off"]
        return main([*where, *QUICK, "--engine", "serial", *options])

    return run


def by_text(results: list[VariantResult]) -> dict[str, VariantResult]:
    return {result.variant.text: result for result in results}


def studies(runs: Path) -> list[RunSummary]:
    return [row for row in RunCatalog(runs).rows() if row.kind == "guided"]


@pytest.mark.parametrize("image_set", IMAGE_SETS, ids=lambda row: row.name)
@pytest.mark.parametrize("size", SIZES.names())
def test_every_size_of_every_set_can_be_trained_with_every_remedy(image_set: ImageSet, size: str) -> None:
    start = image_set.config()
    bare = Variant(size).config(start)
    assert bare.keep == "last", "the best weights would hide what comes after them"
    for remedy in REMEDIES:
        if remedy.name != "less_regularisation":  # there is none yet
            assert Variant(size, ((remedy.name, None),)).config(start) != bare


def test_a_variant_is_its_text() -> None:
    for text in ("right", "too_large+dropout", "too_large+dropout=0.3+l2=0.01+flip", "too_small+longer=5"):
        assert Variant.parse(text).text == text
    assert Variant.parse("too_large+dropout=0.5").text == "too_large+dropout", "the usual strength"
    assert Variant.parse(" too_large + l2 = 0.01 ").title == "Too large + L2 (0.01)"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("tiny", "no size is named 'tiny'"),
        ("too_large+dropuot", "did you mean 'dropout'"),
        ("too_large+dropout=7", "between 0.05 and 0.95"),
        ("too_large+dropout+dropout=0.2", "twice"),
        ("", "no size is named ''"),
    ],
)
def test_a_text_that_is_no_variant_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Variant.parse(text)


def test_options_are_refused_early() -> None:
    with pytest.raises(ConfigError, match="between 1 and 20"):
        GuidedOptions.of({"seeds": 0}, CONFIG)
    with pytest.raises(ConfigError, match="digits, fashion_mnist only"):
        GuidedOptions.of({}, RunConfig(dataset="iris"))
    with pytest.raises(ConfigError, match="that way already"):
        GuidedOptions.of({"add": ["right+less_regularisation"]}, CONFIG)


def test_a_set_is_known_by_what_is_learned_alone() -> None:
    assert set_of(CONFIG) == set_of(CONFIG.replace(seed=7, name="mine", visdom="off", images_every=3))
    assert set_of(CONFIG) != set_of(CONFIG.replace(epochs=4))


def test_the_set_and_its_remedies_are_runs_that_are_read_together(train: Train, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert train() == 0
    assert train("--add", "too_large+flip", "--add", "right", "--seeds", "2") == 0
    assert main(["--runs", str(runs), "--visdom", "off", "--epochs", "2", "--train-samples", "100"]) == 0
    found = by_text(read_guided(runs, CONFIG))
    assert list(found) == ["too_small", "right", "too_large", "too_large+flip"]
    assert [len(result.trained) for result in found.values()] == [1, 2, 1, 2], "one for each seed"
    right = found["right"]
    assert [one.seed for one in right.trained] == [0, 1]
    assert right.state == "finished"
    assert right.mean("epochs") == 3
    assert right.mean("seconds") > 0
    assert right.mean("gap") == pytest.approx(right.mean("validation_loss") - right.mean("train_loss"))
    assert right.spread("test_accuracy") == pytest.approx(np.std(right.values("test_accuracy"), ddof=1))
    assert [len(curve) for curve in curves(right, "loss", "validation")] == [3, 3]
    assert [len(curve) for curve in curves(right, "accuracy", "train")] == [3, 3]
    config = right.trained[0].run.config
    assert config["model_settings"]["hidden_width"] == 16
    assert right.trained[0].run.name.startswith("Right")
    lines = report_lines(found.values())
    assert len(lines) == 5
    assert lines[2].startswith("Right")
    assert "±" in lines[2]


def test_the_newest_training_of_a_variant_counts(train: Train, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for _again in range(2):
        assert train("--add", "right") == 0
    (result,) = read_guided(runs, CONFIG)
    newest = max(studies(runs), key=lambda row: row.created)
    assert result.trained[0].run.group == newest.id


def test_a_stopped_study_goes_on_with_what_is_missing(train: Train, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert train("--add", "right", "--seeds", "2") == 0
    (study,) = studies(runs)
    (lost,) = [row for row in RunCatalog(runs).rows() if row.info and row.info.member.get("seed") == 1]
    from logs.directory import read_json, write_json
    from logs.removal import remove

    remove(lost.directory)
    status = RunDirectory(study.path).status_json
    write_json(status, {**read_json(status), "state": "stopped"})
    assert main(["--resume", study.id, "--runs", str(runs)]) == 0
    (result,) = read_guided(runs, CONFIG)
    assert [one.seed for one in result.trained] == [0, 1]


def test_without_anything_trained_the_report_says_so(tmp_path: Path) -> None:
    assert read_guided(tmp_path, CONFIG) == []
    assert report_lines([]) == ["nothing has been trained yet"]


def test_what_the_script_cannot_do_is_a_sentence(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--add", "too_large+nothing") == 2
    assert "no remedy is named 'nothing'" in capsys.readouterr().err
    assert main(["--dataset", "iris"]) == 2
    assert "digits, fashion_mnist only" in capsys.readouterr().err


def test_early_stopping_counts_as_the_training_loop_does() -> None:
    random = np.random.default_rng(0)
    for patience in (1, 2, 5):
        for _ in range(50):
            values = np.round(random.normal(size=20), 1)  # with ties
            expected, best, best_epoch = None, -np.inf, 0
            for epoch, value in enumerate(values, start=1):
                if value > best:
                    best, best_epoch = value, epoch
                if epoch - best_epoch >= patience:
                    expected = epoch - 1
                    break
            assert stopping_epoch(values, patience, higher_is_better=True) == expected
            assert stopping_epoch(-values, patience, higher_is_better=False) == expected
    with pytest.raises(ValueError, match="at least 1"):
        stopping_epoch(np.ones(3), 0, higher_is_better=True)


def test_early_stopping_as_a_remedy_ends_where_it_is_said_to(train: Train, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for text in ("too_large", "too_large+early_stopping=2"):
        assert train("--add", text, "--epochs", "20") == 0
    found = by_text(read_guided(runs, CONFIG.replace(epochs=20)))
    whole, early = found["too_large"], found["too_large+early_stopping=2"]
    (accuracy,) = curves(whole, "accuracy", "validation")
    place = stopping_epoch(accuracy.value, 2, higher_is_better=True)
    assert place is not None
    assert early.mean("epochs") == place + 1
