"""The Sweep page: with nothing, with a form from a link, with trials in every state, with wrong addresses."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.panels.sweep_charts import milestone
from dashboard.sweep_space import (
    EXAMPLES,
    next_row,
    parsed_row,
    prune_text,
    row_words,
    searchable,
    split_row,
    suggestion,
    sweep_options,
    sweep_words,
)
from training import sweep_results
from training.config import ConfigError, RunConfig
from training.study_script import MEANS, apart
from training.sweep import chosen, command_parser

CONFIGS = (
    RunConfig(),
    RunConfig(model="lenet5", dataset="fashion_mnist", optimizer="sgd", schedule="cosine"),
    RunConfig(dataset="two_moons", optimizer="momentum", schedule="step"),
    RunConfig(dataset="iris", learning_rate=0.1),
)
SPACE = {"learning_rate": "log:1e-4:1", "activation": "relu,tanh"}


@pytest.fixture
def sweep(make_run: Callable[..., Path]) -> Callable[..., str]:
    """sweep(states) -> the id of a sweep with a trial for each state, of two seeds."""

    def make(states: tuple[str, ...] = ("finished", "pruned", "failed"), **settings: Any) -> str:
        config = RunConfig(dataset="two_moons", epochs=2)
        study = {
            "space": SPACE,
            "sampler": "random",
            "trials": max(1, len(states)),
            "seeds": 2,
            "prune": "none",
        }
        about = {"kind": "sweep", "study": study, "config": config.to_dict(), "dataset": "two_moons"}
        own = make_run(steps=0, **{**about, "name": "a *sweep*", **settings})
        for number, state in enumerate(states):
            for seed in range(2):
                values = {"learning_rate": 10.0 ** -(number + 1), "activation": ("relu", "tanh")[number % 2]}
                trial = config.replace(**values, seed=seed)
                make_trial(make_run, own.name, trial, {"trial": number, "seed": seed}, state)
        return own.name

    return make


def make_trial(make_run: Callable, study: str, config: RunConfig, member: dict[str, int], state: str) -> None:
    kept = "stopped" if state == "pruned" else state
    folder = make_run(
        steps=20, state=kept, kind="trial", group=study, member=member, config=config.to_dict(),
        dataset="two_moons", higher_is_better={"accuracy": True},
    )  # fmt: skip
    if state == "pruned":
        from logs.directory import RunDirectory, read_json, write_json

        path = RunDirectory(folder).status_json
        write_json(path, {**read_json(path), "error": "pruned after epoch 1: its best is below the median"})


def test_with_nothing_it_offers_examples_and_a_form(open_page: Callable, words: Callable) -> None:
    page = open_page("sweep")
    said = words(page)
    assert "No sweep yet." in said
    assert [button.label for button in page.button].count("Start it") == len(EXAMPLES)
    assert any("python -m training.sweep" in code.value for code in page.code)


def test_the_sweeps_are_cards_where_there_are_some(open_page: Callable, sweep: Callable) -> None:
    sweep()
    page = open_page("sweep")
    assert any(r"a \*sweep\*" in link.value for link in page.page_link)
    assert not any(button.label == "Start it" for button in page.button)


def test_a_sweep_shows_its_trials_and_pictures(
    open_page: Callable, sweep: Callable, words: Callable, figures: Callable
) -> None:
    study = sweep(("finished", "finished", "pruned", "failed"))
    page = open_page("sweep", study=study)
    shown = set(figures(page))
    assert shown >= {
        "Score over one setting", "Importance of each setting", "All settings at once",
        "Score over two settings", "Best score so far", "Learning curves of the best trials",
    }  # fmt: skip
    table = page.dataframe[0].value
    assert [states[0] for states in table["state"]] == ["finished", "finished", "pruned", "failed"]
    assert table["rank"].tolist()[:2] == [1, 2]
    assert math.isnan(table["rank"].tolist()[3])
    assert table["score"].tolist()[0] == pytest.approx(0.4)
    assert "Best · Trial 1" in words(page)
    assert sum("seed " in link.value for link in page.page_link) == 2, "a link to the run of each seed"


def test_importance_follows_a_running_sweep_in_strides() -> None:
    strides = [*range(8), 8, 10, 12, 14, 16, 20, 24, 28, 32]
    assert sorted({milestone(number) for number in range(34)}) == strides


def test_where_every_trial_failed_there_is_no_empty_picture_and_nothing_to_go_on_with(
    open_page: Callable, sweep: Callable, words: Callable, figures: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_results, "score_of", lambda row, metric: math.nan)
    page = open_page("sweep", study=sweep(("failed", "failed"), state="failed"))
    assert "Every trial failed before it had a score" in words(page)
    assert not figures(page)
    assert next(button for button in page.button if button.label == "Go on").disabled


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({}, "Trained together, as one network**: small networks"),
        ({"groups": 1, "ways": {"together": 4}}, "Trained together, as one network**: small networks"),
        ({"groups": 2, "ways": {"together": 4}}, "as 2 networks**: of the largest of 2 groups, small"),
        ({"groups": 3, "ways": {"together": 3, "alone": 1}}, "3 trained together, 1 one by one**: of the"),
        ({"groups": 2, "asked": "together"}, "as 2 networks** (as asked): small"),
        ({"groups": "many", "ways": []}, "Trained together, as one network**: small networks"),
    ],
)
def test_how_a_sweep_was_trained_speaks_of_all_its_groups(
    open_page: Callable, sweep: Callable, words: Callable, runs: Path, plan: dict[str, Any], said: str
) -> None:
    study = sweep(("finished", "finished"))
    chosen_plan = {"way": "together", "reason": "small networks", "asked": "auto", **plan}
    (runs / study / "plan.json").write_text(json.dumps(chosen_plan))
    assert said in words(open_page("sweep", study=study))


def test_a_training_that_was_removed_can_be_done_again(
    open_page: Callable, sweep: Callable, make_run: Callable, words: Callable, figures: Callable
) -> None:
    study, runs = sweep(("finished", "finished")), make_run(steps=0).parent

    def is_offered() -> bool:
        page = open_page("sweep", study=study)
        assert "Best · Trial 1" in words(page)
        return not next(button for button in page.button if button.label == "Go on").disabled

    assert not is_offered()
    newest = max(path for path in runs.iterdir() if '"trial": 1' in (path / "run.json").read_text())
    shutil.rmtree(newest)
    assert is_offered()
    page = open_page("sweep", study=study)
    assert ["incomplete"] in page.dataframe[0].value["state"].tolist()
    named = [trace.get("name") for trace in figures(page)["Score over one setting"]["data"]]
    assert "incomplete" in named
    assert "training" not in named, "nothing trains"


def test_a_sweep_that_has_just_begun_says_how_far_it_is(
    open_page: Callable, sweep: Callable, words: Callable, runs: Path
) -> None:
    study = sweep(("finished",))
    status = runs / study / "status.json"
    going = {**json.loads(status.read_text()), "state": "running", "heartbeat": time.time()}
    status.write_text(json.dumps({**going, "step": 1, "steps": 4}))
    assert "4 trainings · 25% done" in words(open_page("sweep", study=study))


def test_the_address_names_a_trial(open_page: Callable, sweep: Callable, words: Callable) -> None:
    study = sweep(("finished", "pruned"))
    page = open_page("sweep", study=study, sweep_trial="2")
    said = words(page)
    assert "#### Trial 2" in said
    assert "below the median" in said.replace("\\", "")
    next(button for button in page.button if button.label == "Back to the best").click().run()
    assert "Best · Trial 1" in words(page)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"sweep_trial": "99"}, "the trials so far are 1 to 2"),
        ({"sweep_trial": "x"}, "the trials so far are 1 to 2"),
        ({"sweep_x": "momentum"}, "sweep_x in the address is 'momentum'; it must be one of learning_rate"),
        ({"sweep_metric": "f1"}, "sweep_metric in the address is 'f1'"),
        ({"sweep_best_n": "0"}, "it must be between 1 and 10"),
    ],
)
def test_a_wrong_setting_in_the_address_is_answered(
    query: dict[str, str], sentence: str, open_page: Callable, sweep: Callable, words: Callable
) -> None:
    page = open_page("sweep", study=sweep(("finished", "finished")), **query)
    assert sentence in words(page).replace("\\", "")
    assert page.dataframe, "the rest of the page is there"


def test_a_sweep_without_a_trial_says_so(open_page: Callable, sweep: Callable, words: Callable) -> None:
    assert "before its first trial began" in words(open_page("sweep", study=sweep(())))


def test_unknown_studies_and_other_runs_are_answered(
    open_page: Callable, make_run: Callable, broken_run: Path, words: Callable
) -> None:
    assert "nowhere" in words(open_page("sweep", study="nowhere"))
    assert "This run is no sweep." in words(open_page("sweep", study=make_run().name))
    assert "run.json" in words(open_page("sweep", study=broken_run.name)).replace("\\", "")


def test_a_sweep_with_options_of_another_version_is_answered(
    open_page: Callable, sweep: Callable, words: Callable
) -> None:
    study = sweep((), study={"space": {"nothing_like_it": "1,2"}, "seeds": 1, "trials": 1})
    assert "nothing_like_it" in words(open_page("sweep", study=study)).replace("\\", "")


def test_a_link_fills_the_form(open_page: Callable) -> None:
    query = {
        "sweep_model": "mlp", "sweep_dataset": "two_moons", "sweep_epochs": "7", "sweep_seeds": "3",
        "sweep_prune": "median", "sweep_sampler": "tpe",
        "sweep_set": ["dropout=0:0.3", "activation=relu,tanh"],
    }  # fmt: skip
    page = open_page("sweep", study="new", **query)
    (command,) = [code.value for code in page.code if "training.sweep" in code.value]
    for part in (
        "--dataset two_moons", "--epochs 7", "--set dropout=0:0.3", "--set activation=relu,tanh",
        "--sampler tpe",
        "--seeds 3", "--prune median",
    ):  # fmt: skip
        assert part in command


def test_a_row_that_cannot_be_says_why_and_nothing_is_started(open_page: Callable, words: Callable) -> None:
    page = open_page("sweep", study="new", sweep_set=["hiden_width=16,64"])
    assert "did you mean 'hidden_width'" in words(page).replace("\\", "")
    assert next(button for button in page.button if button.label == "Start the sweep").disabled


def test_batches_that_the_data_cannot_fill_are_refused_in_the_form(
    open_page: Callable, words: Callable
) -> None:
    page = open_page("sweep", study="new", sweep_dataset="iris", sweep_set=["batch_size=16,500"])
    assert "--set allows batch_size=500" in words(page).replace("\\", "")
    assert next(button for button in page.button if button.label == "Start the sweep").disabled


def test_a_form_with_other_numbers_starts_the_sweep_and_opens_it(
    open_page: Callable, sweep: Callable, words: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, asked = sweep(("finished", "finished")), []
    monkeypatch.setattr("training.launch.launch_study", lambda *about: asked.append(about) or study)
    page = open_page("sweep", study="new", sweep_trials="7", sweep_seeds="2", sweep_sampler="tpe")
    next(button for button in page.button if button.label == "Start the sweep").click().run()
    assert not page.exception
    assert asked[0][1][-6:] == ["--sampler", "tpe", "--trials", "7", "--seeds", "2"]
    assert "Best · Trial 1" in words(page)
    assert list(page.query_params) == ["study"], "nothing of the form stays in the address"


def test_a_sampler_that_does_not_exist_is_answered(open_page: Callable, words: Callable) -> None:
    page = open_page("sweep", study="new", sweep_sampler="bogus")
    assert "it must be one of auto, grid, random" in words(page).replace("\\", "")
    assert not next(button for button in page.button if button.label == "Start the sweep").disabled


def test_another_like_it_starts_from_its_settings(open_page: Callable, sweep: Callable) -> None:
    page = open_page("sweep", study="new", sweep_from=sweep())
    (command,) = [code.value for code in page.code if "training.sweep" in code.value]
    assert "--dataset two_moons --epochs 2" in command
    assert "--set learning_rate=log:1e-4:1 --set activation=relu,tanh" in command
    assert "--seeds 2" in command
    assert "--name" not in command, "two sweeps of one name would be mixed up"


def test_rows_are_added_and_taken_away(open_page: Callable) -> None:
    page = open_page("sweep", study="new")
    next(button for button in page.button if button.label == "Vary one more").click().run()
    assert any("--set hidden_width=16,64,256" in code.value for code in page.code)
    page.button(key="sweep_remove_0").click().run()
    assert not any("--set learning_rate" in code.value for code in page.code)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.model} on {config.dataset}")
def test_every_setting_has_a_range_worth_trying(config: RunConfig) -> None:
    known = searchable(config)
    assert next(iter(known)) == "learning_rate"
    assert not {"seed", "dataset", "name", "device"} & set(known)
    for each in known.values():
        dimension = parsed_row(f"{each.name}={suggestion(each, config)}", config, ())
        assert dimension.name == each.name
        assert row_words(dimension)


def test_rows_are_proposed_until_everything_varies() -> None:
    rows: list[str] = []
    while row := next_row(RunConfig(), rows):
        rows.append(row)
    assert len({split_row(row)[0] for row in rows}) == len(rows) == len(searchable(RunConfig()))


def test_a_setting_of_a_row_that_another_row_chooses_is_found() -> None:
    rows = ["optimizer=momentum,nesterov", "momentum=0.5:0.99"]
    assert parsed_row(rows[1], RunConfig(), rows).high == 0.99
    with pytest.raises(ConfigError, match="momentum"):
        parsed_row(rows[1], RunConfig(), rows[1:])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_examples_and_the_words_of_the_form_are_what_the_command_takes(example: Any) -> None:
    from training.arguments import command_line

    config = example.config()
    words = [*command_line(config), *sweep_words(example.rows, example.options)]
    rest, own = apart(
        command_parser().parse_args(words), ("set", "sampler", "trials", "seeds", "prune", "at_once", *MEANS)
    )
    parsed_config, options, _means = chosen(rest, own)
    assert parsed_config == config
    assert options == sweep_options(example.rows, example.options, config)


def test_a_pruning_rule_is_written_with_what_differs() -> None:
    assert prune_text("none", {}) == "none"
    assert prune_text("median", {"warmup": 5, "every": 2}) == "median:every=2"
