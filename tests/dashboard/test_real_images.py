"""The page of guided trainings: with nothing, with trained variants, with wrong addresses; a diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.charts.fold_curves import FoldCurve
from dashboard.guided_look import look_at_set, marks_of, set_config, why_not, with_remedy
from dashboard.learning_look import learning_sweeps, size_scores
from dashboard.panels.diagnosis import remedied
from dashboard.panels.real_images_learning import learning_words, read_sizes
from dashboard.panels.real_images_start import guided_words
from logs.catalog import RunCatalog, read_summary
from logs.directory import RunDirectory
from logs.writer import RunWriter
from training.config import ConfigError, RunConfig
from training.guided_set import IMAGE_SETS, Variant
from training.remedies import REMEDIES

CONFIG = IMAGE_SETS["digits"].config()
SHAPES = {  # how train and validation loss go, from 0 to 1 of the time
    "too_small": lambda time: (2.2 - 0.3 * time, 2.25 - 0.3 * time),
    "right": lambda time: (2.3 * np.exp(-8 * time), 0.1 + 2.2 * np.exp(-8 * time)),
    "too_large": lambda time: (2.3 * np.exp(-20 * time), 0.4 + 1.9 * np.exp(-20 * time) + 0.8 * time),
}


def trained(
    runs: Path, config: RunConfig, study: str, member: dict[str, int], shape: str, state: str = "finished"
) -> str:
    """The run of a training of twenty epochs whose curves have this shape."""
    kind = "trial" if "trial" in member else "variant"
    run = RunWriter.create(
        runs, model="mlp", dataset="digits", config=config.to_dict(), kind=kind, group=study, member=member,
        seed=config.seed, name=config.name, higher_is_better={"accuracy": True, "epoch_accuracy": True},
    )  # fmt: skip
    for epoch in range(1, 21):
        train, validation = SHAPES[shape](epoch / 20)
        right = {"train": 1 - 0.9 * min(1, train / 2.3), "validation": 1 - 0.9 * min(1, validation / 2.3)}
        run.log(epoch, {"epoch_loss": train, "epoch_accuracy": right["train"]}, split="train", epoch=epoch)
        run.log(epoch, {"loss": train}, split="train", epoch=epoch)
        values = {"loss": validation, "accuracy": right["validation"]}
        run.log(epoch, values, split="validation", epoch=epoch)
    run.log(20, {"loss": 0.5, "accuracy": 0.8 + 0.01 * config.seed}, split="test", epoch=20)
    run.progress(epoch=20, epochs=20, step=20, steps=20)
    run.finish(state)
    return str(run.directory.id)


@pytest.fixture
def guided(runs: Path) -> Callable[..., str]:
    """guided(texts, seeds) -> the id of a guided study that has trained these variants."""

    def make(texts: tuple[str, ...] = ("too_small", "right", "too_large"), seeds: int = 1) -> str:
        study = RunWriter.create(
            runs, model="mlp", dataset="digits", config=CONFIG.to_dict(), kind="guided",
            study={"add": list(texts), "seeds": seeds},
        )  # fmt: skip
        for number, text in enumerate(texts):
            variant = Variant.parse(text)
            for seed in range(seeds):
                config = variant.config(CONFIG).replace(seed=seed)
                member = {"variant": number, "seed": seed}
                trained(runs, config, study.directory.id, member, variant.size)
        study.finish()
        return str(study.directory.id)

    return make


def test_with_nothing_it_says_how_to_begin(open_page: Callable, words: Callable) -> None:
    page = open_page("real_images")
    said = words(page)
    assert "Nothing trained yet." in said
    assert "Too small" in said
    assert any(button.label == "Train the set" for button in page.button)


def test_the_set_shows_curves_board_and_diagnoses(
    open_page: Callable, guided: Callable, words: Callable, figures: Callable
) -> None:
    guided(seeds=2)
    page = open_page("real_images")
    shown = figures(page)
    assert {"Training and validation curve", "Scoreboard of remedies"} <= set(shown)
    table = page.dataframe[0].value
    assert table["variant"].tolist() == ["Too small", "Right", "Too large"]
    assert table["diagnosis"].tolist() == ["Underfitting", "Good fit", "Overfitting"]
    assert table["test"].tolist() == pytest.approx([0.805] * 3)
    assert table["seeds"].tolist() == [2, 2, 2]
    assert "The validation loss was lowest" in words(page)
    notes = [note["text"] for note in shown["Training and validation curve"]["layout"]["annotations"]]
    assert any(note.startswith("best: epoch") for note in notes)
    assert any(note.startswith("early stopping: epoch") for note in notes)


def test_every_remedy_has_a_button_that_knows_what_is_trained(open_page: Callable, guided: Callable) -> None:
    guided(("too_large", "too_large+dropout"))
    page = open_page("real_images")
    icons = {button.key: button.icon for button in page.button if str(button.key).startswith("real_add_")}
    assert set(icons) == {f"real_add_{row.name}" for row in REMEDIES if "overfitting" in row.against}
    assert icons["real_add_dropout"] == ":material/check:"
    assert icons["real_add_flip"] == ":material/add:"
    assert open_page("real_images", real_seeds=2).button(key="real_add_dropout").icon == ":material/add:"


def test_a_trained_remedy_is_looked_at_and_another_is_started(
    open_page: Callable, guided: Callable, figures: Callable, monkeypatch: pytest.MonkeyPatch, runs: Path
) -> None:
    guided(("too_large", "too_large+dropout"))
    started = []
    monkeypatch.setattr("training.launch.launch_study", lambda *what: started.append(what) or "id")
    page = open_page("real_images")
    page.button(key="real_add_dropout").click().run()
    assert not started
    assert figures(page)["Training and validation curve"]["layout"]["title"]["text"] == "Too large + Dropout"
    page.button(key="real_add_flip").click().run()
    module, options, model, dataset, folder, _data = started[0]
    assert (module, model, dataset, folder) == ("training.guided", "mlp", "digits", runs)
    assert options == ["--add", "too_large+flip"]


def test_remedies_add_up_and_strengths_count(
    open_page: Callable, guided: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    guided(("too_large", "too_large+dropout"))
    started = []
    monkeypatch.setattr("training.launch.launch_study", lambda *what: started.append(what[1]) or "id")
    page = open_page(
        "real_images", real_from="too_large+dropout", real_l2_strength="0.02", real_seeds=3, real_epochs=30
    )
    assert "Nothing trained yet." in "\n".join(item.value for item in page.markdown), "another set"
    page = open_page("real_images", real_from="too_large+dropout", real_l2_strength="0.02", real_seeds=3)
    page.button(key="real_add_l2").click().run()
    assert started == [["--add", "too_large+dropout+l2=0.02", "--seeds", "3"]]


def test_what_did_not_start_is_said(
    open_page: Callable, words: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_what: Any) -> str:
        from training.launch import LaunchError

        raise LaunchError("the disk is *full*")

    monkeypatch.setattr("training.launch.launch_study", refuse)
    page = open_page("real_images")
    next(button for button in page.button if button.label == "Train the set").click().run()
    assert r"the disk is \*full\*" in words(page)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"real_dataset": "cats"}, "real_dataset in the address is 'cats'"),
        ({"real_look": "huge"}, "no size is named 'huge'"),
        ({"real_from": "too_large+magic"}, "real_from in the address is 'too_large+magic'"),
        ({"real_patience": "900"}, "real_patience in the address is '900'"),
        ({"real_metric": "f1"}, "real_metric in the address is 'f1'"),
        ({"real_dropout_strength": "7"}, "between 0.05 and 0.95"),
        ({"real_tab": "Learning curves", "real_learn": "tiny"}, "real_learn in the address is 'tiny'"),
        ({"real_tab": "Diagnosis", "real_run": "nowhere"}, "real_run in the address is 'nowhere'"),
    ],
)
def test_a_wrong_setting_in_the_address_is_answered(
    query: dict[str, str], sentence: str, open_page: Callable, guided: Callable, words: Callable
) -> None:
    guided()
    page = open_page("real_images", **query)
    assert sentence in words(page).replace("\\", "")


def test_the_diagnosis_of_any_run_names_rule_and_remedies(
    open_page: Callable, guided: Callable, runs: Path, words: Callable, figures: Callable
) -> None:
    guided()
    run = RunCatalog(runs).find("Too small").id
    small = open_page("real_images", real_tab="Diagnosis", real_run=run)
    assert "does not even learn its training samples" in words(small)
    assert "Curves of the diagnosed run" in figures(small)
    assert small.button(key="real_cure_larger_network") is not None
    assert not any(button.key == "real_cure_dropout" for button in small.button)


def test_a_remedy_of_the_diagnosis_starts_the_run_again_with_it(
    open_page: Callable, guided: Callable, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guided(("too_large",))
    started = []
    monkeypatch.setattr("training.launch.launch", lambda config, *_rest: started.append(config) or "id")
    page = open_page("real_images", real_tab="Diagnosis")
    page.button(key="real_cure_dropout").click().run()
    (config,) = started
    assert config.settings["dropout"] == 0.5
    assert config.name.endswith("+ Dropout")
    assert config.replace(dropout=0.0, name="") == Variant("too_large").config(CONFIG).replace(name="")


def test_a_foreign_run_is_diagnosed_without_buttons(
    open_page: Callable, make_run: Callable, words: Callable
) -> None:
    make_run(steps=60, config={"learning_rate": 0.1, "layers": 3})
    page = open_page("real_images", real_tab="Diagnosis")
    assert "The rule that decided" in words(page)
    assert not any(str(button.key).startswith("real_cure_") for button in page.button)


def test_a_run_without_curves_is_said(open_page: Callable, make_run: Callable, words: Callable) -> None:
    make_run(steps=0)
    assert "no training loss" in words(open_page("real_images", real_tab="Diagnosis"))


def test_the_page_of_a_run_has_its_diagnosis(
    open_page: Callable, guided: Callable, runs: Path, words: Callable
) -> None:
    guided(("too_large",))
    run = RunCatalog(runs).find("Too large").id
    page = open_page("run", run=run)
    assert "The validation loss was lowest" in words(page)
    assert any(link.label == "Rules and remedies" for link in page.page_link)


def test_the_page_of_a_study_leads_to_the_set(guided: Callable, runs: Path) -> None:
    from dashboard.study_runs import kind_words, page_of

    study = read_summary(RunDirectory(runs / guided(("too_large",))))
    assert kind_words(study) == "Guided set"
    assert page_of(study) == (
        "real_images", {"real_dataset": "digits", "real_samples": "300", "real_epochs": "60"}
    )  # fmt: skip


def test_learning_curves_are_read_from_their_sweep(
    open_page: Callable, runs: Path, figures: Callable, words: Callable
) -> None:
    variant = Variant("right")
    assert "No learning curves yet." in words(open_page("real_images", real_tab="Learning curves"))
    start = variant.config(CONFIG).replace(tags=("learning curve", variant.text), train_samples=50)
    start = start.replace(images_every=0, histogram_every=0)
    study = RunWriter.create(
        runs, model="mlp", dataset="digits", config=start.to_dict(), kind="sweep", tags=start.tags,
        study={"space": {"train_samples": "50,200"}, "seeds": 2, "trials": 2, "sampler": "grid"},
    )  # fmt: skip
    for trial, size in enumerate((50, 200)):
        for seed in range(2):
            config = start.replace(train_samples=size, seed=seed)
            shape = "right" if size == 200 else "too_large"
            trained(runs, config, study.directory.id, {"trial": trial, "seed": seed}, shape)
    study.finish()
    (sweep,) = learning_sweeps(runs, CONFIG)
    assert sweep.variant == variant
    found = size_scores(runs, sweep, "accuracy", "test")
    assert found.sizes.tolist() == [50, 200]
    assert found.scores.tolist() == [[0.8, 0.81], [0.8, 0.81]]
    train, validation = (size_scores(runs, sweep, "loss", split) for split in ("train", "validation"))
    assert (validation.scores > train.scores).all()
    assert not learning_sweeps(runs, CONFIG.replace(epochs=7)), "of another set"
    page = open_page("real_images", real_tab="Learning curves")
    names = [trace.get("name") for trace in figures(page)["Learning curves over training images"]["data"]]
    assert {"Right, train", "Right, validation"} <= set(names)


def test_the_learning_form_starts_a_sweep_for_each_network(
    open_page: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr("training.launch.launch_study", lambda *what: started.append(what) or "id")
    page = open_page("real_images", real_tab="Learning curves", real_learn_sizes_digits="20 100")
    page.button(key="real_learn_start").click().run()
    assert [what[0] for what in started] == ["training.sweep"] * 2
    words = started[0][1]
    assert words[words.index("--set") + 1] == "train_samples=20,100"
    assert words[words.index("--train-samples") + 1] == "20"


@pytest.mark.parametrize("said", ["", "many", "5 100", " ".join(map(str, range(10, 50)))])
def test_sizes_that_can_not_be_are_refused(said: str, open_page: Callable) -> None:
    with pytest.raises(ConfigError):
        read_sizes(said)
    page = open_page("real_images", real_tab="Learning curves", real_learn_sizes_digits=said)
    assert page.button(key="real_learn_start").disabled or not said, "an empty part of an address is none"


def test_the_words_of_the_forms_are_what_the_commands_take() -> None:
    from training.guided import apart, chosen, command_parser
    from training.study_script import MEANS
    from training.sweep import OPTIONS
    from training.sweep import chosen as sweep_chosen
    from training.sweep import command_parser as sweep_parser

    config = set_config("fashion_mnist", samples=20, epochs=9)
    words = guided_words(config, {"add": ["right", "too_large+l2=0.02"], "seeds": 4})
    rest, own = apart(command_parser().parse_args(words), ("add", "seeds", *MEANS))
    options, _means = chosen(rest, own)
    assert options.config == config
    assert options.to_dict() == {"add": ["right", "too_large+l2=0.02"], "seeds": 4}

    words = learning_words(CONFIG, Variant.parse("too_large+dropout"), [12, 100], 2)
    rest, own = apart(sweep_parser().parse_args(words), (*OPTIONS, *MEANS))
    start, swept, _means = sweep_chosen(rest, own)
    assert swept.space.to_dict() == {"train_samples": "12,100"}
    assert swept.seeds == 2
    assert start.batch_size == 12
    assert start.settings["dropout"] == 0.5


def test_a_remedy_replaces_itself_and_tells_why_it_can_not_be() -> None:
    variant = with_remedy(Variant.parse("too_large+dropout=0.2+l1"), "dropout", 0.4)
    assert variant.text == "too_large+l1+dropout=0.4"
    assert with_remedy(variant, "dropout", 0.5).text == "too_large+l1+dropout"
    assert "all samples are used" in why_not(
        Variant.parse("right+more_data"), CONFIG.replace(train_samples=0)
    )
    assert why_not(variant, CONFIG) == ""


def test_what_is_remedied_keeps_the_run(guided: Callable, runs: Path) -> None:
    guided(("too_large",))
    (result,) = look_at_set(runs, CONFIG).results
    run = result.trained[0].run
    config = RunConfig.from_dict(run.config)
    changed, refused = remedied(run, config, REMEDIES["l1"])
    assert changed is not None
    assert changed.replace(l1=0.0, name="") == config.replace(name="")
    assert refused == ""
    assert remedied(run, config, REMEDIES["less_regularisation"])[0] is None
    assert remedied(run, None, REMEDIES["l1"]) == (None, "")


def test_the_marks_are_of_the_mean_curve() -> None:
    epochs = np.arange(1.0, 11)
    rows = [np.abs(epochs - 4), np.abs(epochs - 6)]
    curves = [FoldCurve(str(place), epochs, row) for place, row in enumerate(rows)]
    words = {"best": "best {epoch}", "stop": "stop {epoch}"}
    best, stop = marks_of(curves, 3, False, words)
    assert (best.epoch, best.value) == (4.0, 1.0)  # the mean is 1 from 4 to 6; the first counts
    assert stop.epoch == 7.0
    assert [mark.text for mark in marks_of(curves, 9, False, words)] == ["best 4"]
    assert marks_of([], 3, False, words) == []
