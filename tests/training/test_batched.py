"""Networks trained at the same time learn what each would have learned alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from logs.reader import RunReader
from logs.writer import RunWriter
from training.batched import BatchedTraining, EpochScores, Outcome, StepScores
from training.config import RunConfig
from training.console import Console
from training.data import Data, load_data
from training.loop import Trainer
from training.members import Member, Rows, why_not_together
from training.observe import DivergedError
from training.randomness import seed_everything
from training.stacked_samples import StackedSamples

# Networks that the kernel knows are trained by it, the others by PyTorch; `test_compiled_steps` compares them
pytestmark = pytest.mark.usefixtures("kernel")

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {"train_samples": 200, "batch_size": 32, "epochs": 3}


def config_of(**changes: Any) -> RunConfig:
    return RunConfig(**SMALL).replace(**{"hidden_width": 16, **changes})


def linear_of(**changes: Any) -> RunConfig:
    return RunConfig(**SMALL, model="linear").replace(**changes)


class Recorded:
    """Everything that a batched training said, by member."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.training = BatchedTraining(members)
        self.steps: list[list[tuple[int, float, dict[str, float]]]] = [[] for _ in members]
        self.epochs: list[EpochScores] = []
        for scores in self.training.run():
            if isinstance(scores, StepScores):
                for column, member in enumerate(scores.members.tolist()):
                    self.steps[member] += scores.of(column)
            else:
                self.epochs.append(scores)
        self.outcomes: list[Outcome] = self.training.outcomes()

    def losses(self, member: int) -> list[float]:
        return [values["loss"] for _, _, values in self.steps[member]]

    def validation(self, member: int, metric: str = "loss") -> list[float]:
        found = []
        for scores in self.epochs:
            found += scores.validation[metric][scores.members == member].tolist()
        return found


def single_run(config: RunConfig, data: Data, runs: Path) -> RunReader:
    """The same through the ordinary loop."""
    run = RunWriter.create(runs, model=config.model, dataset=config.dataset, config=config.to_dict())
    seed_everything(config.seed, CPU)
    with Console() as console:
        try:
            Trainer(config, data, run, CPU, console).fit()
        except DivergedError as error:
            run.finish("failed", error=str(error))
        else:
            run.finish()
    return RunReader(run.directory.path)


def outputs_of(outcome: Outcome) -> torch.Tensor:
    assert outcome.test_outputs is not None
    return outcome.test_outputs


def same(found: Any, expected: Any, tolerance: float = 2e-4) -> bool:
    return len(found) == len(expected) and np.allclose(found, expected, rtol=tolerance, atol=tolerance)


def fold(member: Member, number: int, folds: int) -> Member:
    """The same member without every `folds`-th sample of its training part, which become its test."""
    left = torch.arange(len(member.train)) % folds == number
    rows = [
        Rows(member.train.inputs, member.train.targets, member.train.rows[which]) for which in (~left, left)
    ]
    return Member(**{**vars(member), "train": rows[0], "test": rows[1]})


CASES = {
    "mlp": config_of(),
    "deep": config_of(hidden_layers=4, activation="tanh", initializer="xavier_normal"),
    "prelu": config_of(activation="prelu"),
    # not Adam: a bias before batch norm has no gradient but rounding, which Adam blows up to whole steps
    "batch_norm": config_of(batch_norm=True, optimizer="momentum", learning_rate=0.05),
    "linear": linear_of(optimizer="sgd"),
    "perceptron": RunConfig(**SMALL, model="perceptron", loss="perceptron").replace(association_units=64),
    "lenet5": RunConfig(**SMALL, model="lenet5"),
    "binary": config_of(dataset="two_moons", optimizer="nesterov", batch_size=16),
    "hinge": config_of(loss="hinge", optimizer="rmsprop"),
    "regularised": config_of(
        l1=0.01, weight_decay=0.02, label_smoothing=0.1, clip_norm=0.5, optimizer="adamw"
    ),
    "cosine": config_of(schedule="cosine", optimizer="adagrad"),
    "one_cycle": config_of(schedule="one_cycle", learning_rate=0.01),
    "step": config_of(schedule="step", step_epochs=1, optimizer="momentum"),
    "plateau": config_of(schedule="plateau", plateau_patience=0, plateau_factor=0.1, learning_rate=0.05),
}


@pytest.mark.parametrize("name", CASES)
def test_a_network_among_others_learns_what_the_ordinary_loop_teaches_it(name: str, tmp_path: Path) -> None:
    configs = [CASES[name].replace(seed=seed) for seed in (3, 4)]
    datas = [load_data(config, CPU, tmp_path) for config in configs]
    together = Recorded([Member.of(config, data) for config, data in zip(configs, datas, strict=True)])
    run = single_run(configs[1], datas[1], tmp_path / "runs")
    assert same(together.losses(1), run.curve("loss", "train").value)
    assert [step for step, _, _ in together.steps[1]] == list(run.curve("loss", "train").step)
    assert same([epoch for _, epoch, _ in together.steps[1]], run.curve("loss", "train").epoch)
    for metric, split in run.metrics():
        if split == "validation":
            assert same(together.validation(1, metric), run.curve(metric, split).value, 1e-3), metric
        if split == "test":
            assert same([together.outcomes[1].test[metric]], run.curve(metric, split).value, 1e-3), metric
        if split == "train" and metric.startswith("epoch_"):
            found = [scores.train[metric.removeprefix("epoch_")][1] for scores in together.epochs]
            assert same(found, run.curve(metric, split).value, 1e-3), metric
    assert together.outcomes[1].best_step == run.curve("accuracy", "test").step[-1]


def test_regression_is_measured_in_the_unit_of_the_data(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(150, 2))
    table = tmp_path / "prices.csv"
    lines = [f"{a:.6f},{b:.6f},{1000 + 300 * a - 200 * b:.4f}" for a, b in rows]
    table.write_text("\n".join(["a,b,price", *lines]))
    settings = {"path": str(table), "target": "price"}
    config = RunConfig(dataset="table", dataset_settings=settings, epochs=3, batch_size=16, task="regression")
    data = load_data(config, CPU, tmp_path)
    together = Recorded([Member.of(config.replace(learning_rate=rate), data) for rate in (0.001, 0.01)])
    run = single_run(config.replace(learning_rate=0.01), data, tmp_path / "runs")
    for metric in ("loss", "mae", "rmse", "r2"):
        assert same(together.validation(1, metric), run.curve(metric, "validation").value, 1e-3), metric
        assert same([together.outcomes[1].test[metric]], run.curve(metric, "test").value, 1e-3), metric
    assert together.validation(1, "mae")[0] > 10


DROPOUT = {
    "dropout": config_of(dropout=0.3),
    "dropout and batch norm": config_of(dropout=0.3, batch_norm=True, hidden_layers=3),
}


@pytest.mark.parametrize("name", DROPOUT)
def test_fold_three_alone_and_among_ten_give_the_same_losses(name: str, tmp_path: Path) -> None:
    config = DROPOUT[name].replace(train_samples=203)  # folds of 182 and 183: last batches of 22 and 23
    whole = Member.of(config, load_data(config, CPU, tmp_path))
    folds = [fold(whole, number, 10) for number in range(10)]
    assert len({len(each.train) for each in folds}) == 2
    together, alone = Recorded(folds), Recorded([folds[3]])
    assert same(together.losses(3), alone.losses(0), 1e-5)
    assert same(together.validation(3), alone.validation(0), 1e-5)
    assert torch.allclose(outputs_of(together.outcomes[3]), outputs_of(alone.outcomes[0]), atol=1e-5)
    first = [together.losses(member)[0] for member in range(10)]
    assert len(set(first)) == 10, "every fold has its own samples"


def test_members_have_their_own_dropout_streams_and_rates(tmp_path: Path) -> None:
    data = load_data(config_of(), CPU, tmp_path)
    configs = [config_of(dropout=rate) for rate in (0.0, 0.2, 0.5)]
    together = Recorded([Member.of(config, data) for config in configs])
    for number, config in enumerate(configs):
        assert same(together.losses(number), Recorded([Member.of(config, data)]).losses(0), 1e-5)
    assert len({together.losses(number)[0] for number in range(3)}) == 3
    without = Recorded([Member.of(config_of(), data)])
    assert together.losses(0)[0] == pytest.approx(without.losses(0)[0], rel=1e-6)


def test_every_continuous_setting_can_differ_between_members(tmp_path: Path) -> None:
    data = load_data(config_of(), CPU, tmp_path)
    base = config_of(optimizer="momentum")
    configs = [
        base,
        base.replace(learning_rate=0.05),
        base.replace(weight_decay=0.1),
        base.replace(momentum=0.5),
        base.replace(dampening=0.3),
        base.replace(l1=0.02),
        base.replace(label_smoothing=0.2),
        base.replace(clip_norm=0.1),
        base.replace(schedule="exponential", epoch_factor=0.5),
        base.replace(schedule="cosine"),
        base.replace(schedule="plateau"),
        base.replace(seed=9),
        base.replace(initializer="orthogonal"),
    ]
    together = Recorded([Member.of(config, data) for config in configs])
    for number, config in enumerate(configs):
        alone = Recorded([Member.of(config, data)])
        assert same(together.losses(number), alone.losses(0), 1e-4), number
    last = [together.losses(number)[-1] for number in range(len(configs)) if number != 10]
    assert len(set(np.round(last, 6))) == len(last), "each setting changes something"


def test_members_of_very_different_sizes_take_their_own_steps(tmp_path: Path) -> None:
    config = config_of(batch_norm=True)
    whole = Member.of(config, load_data(config, CPU, tmp_path))
    members = []
    for size in (200, 33, 65, 20, 128):  # 33 = 32 and one that is left out
        rows = Rows(whole.train.inputs, whole.train.targets, whole.train.rows[:size])
        members.append(Member(**{**vars(whole), "train": rows}))
    together = Recorded(members)
    assert [len(together.losses(number)) for number in range(5)] == [21, 3, 6, 3, 12]
    for number, member in enumerate(members):
        alone = Recorded([member])
        assert same(together.losses(number), alone.losses(0), 1e-5)
        assert same(together.validation(number), alone.validation(0), 1e-5)
        assert torch.allclose(outputs_of(together.outcomes[number]), outputs_of(alone.outcomes[0]), atol=1e-4)


def test_a_member_that_ends_early_keeps_its_weights_and_the_others_go_on(tmp_path: Path) -> None:
    data = load_data(config_of(), CPU, tmp_path)
    still = config_of(optimizer="sgd", learning_rate=1e-8, early_stopping=2, epochs=8)
    moving = config_of(optimizer="sgd", learning_rate=0.1, epochs=8)
    together = Recorded([Member.of(config, data) for config in (moving, still, moving.replace(epochs=2))])
    assert [outcome.epoch for outcome in together.outcomes] == [8, 3, 2]
    assert [outcome.state for outcome in together.outcomes] == ["finished"] * 3
    assert together.outcomes[1].best_epoch == 1
    assert [scores.ended for scores in together.epochs if scores.ended] == [
        {2: "finished"},
        {1: "finished"},
        {0: "finished"},
    ]
    alone = Recorded([Member.of(moving, data)])
    assert same(together.losses(0), alone.losses(0), 1e-5)
    assert same(together.losses(2), alone.losses(0)[: len(together.losses(2))], 1e-5)


def test_a_member_whose_loss_is_no_number_fails_and_the_others_go_on(tmp_path: Path) -> None:
    base = config_of(optimizer="sgd", hidden_layers=6, epochs=5)
    configs = [base, base.replace(learning_rate=100.0), base.replace(seed=1)]
    datas = [load_data(config, CPU, tmp_path) for config in configs]
    members = [Member.of(config, data) for config, data in zip(configs, datas, strict=True)]
    together = Recorded(members)
    assert [outcome.state for outcome in together.outcomes] == ["finished", "failed", "finished"]
    run = single_run(configs[1], datas[1], tmp_path / "runs")
    status = run.status()
    assert status is not None
    assert together.outcomes[1].error == status.error
    assert [step for step, _, _ in together.steps[1]] == list(run.curve("loss", "train").step)
    assert not np.isfinite(together.losses(1)[-1])
    for number in (0, 2):
        assert same(together.losses(number), Recorded([members[number]]).losses(0), 1e-5)
        assert np.isfinite(together.losses(number)).all()


def test_all_members_failing_ends_the_training(tmp_path: Path) -> None:
    config = config_of(optimizer="sgd", hidden_layers=6, learning_rate=100.0)
    together = Recorded([Member.of(config, load_data(config, CPU, tmp_path))])
    assert together.outcomes[0].state == "failed"
    assert together.outcomes[0].test_outputs is None
    assert together.outcomes[0].weights == {}


def test_the_best_weights_score_what_was_said_and_load_into_a_network(tmp_path: Path) -> None:
    config = config_of(batch_norm=True, epochs=5, optimizer="sgd", learning_rate=1.0)
    member = Member.of(config, load_data(config, CPU, tmp_path))
    together = Recorded([fold(member, number, 5) for number in range(5)])
    for number, outcome in enumerate(together.outcomes):
        scores = together.validation(number, "accuracy")
        assert outcome.best_score == max(scores)
        assert outcome.best_epoch == 1 + int(np.argmax(scores))
        network = member.build()
        network.load_state_dict(outcome.weights)
        test = fold(member, number, 5).test
        assert member.normalise is not None
        inputs = member.normalise(test.inputs[test.rows])
        with torch.no_grad():
            assert torch.allclose(network.eval()(inputs), outputs_of(outcome), atol=1e-5)


def test_first_weights_are_those_of_the_single_run_of_that_seed(tmp_path: Path) -> None:
    data = load_data(config_of(), CPU, tmp_path)
    training = BatchedTraining([Member.of(config_of(seed=seed), data) for seed in (0, 7)])
    for number, seed in enumerate((0, 7)):
        seed_everything(seed, CPU)
        expected = training.members[number].about.build().state_dict()
        found = training.weights(number)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_building_members_leaves_the_global_stream_where_it_was(tmp_path: Path) -> None:
    member = Member.of(config_of(), load_data(config_of(), CPU, tmp_path))
    before = torch.get_rng_state()
    Recorded([member])
    assert torch.equal(torch.get_rng_state(), before)


def test_without_validation_samples_the_last_weights_are_the_best(tmp_path: Path) -> None:
    whole = Member.of(config_of(), load_data(config_of(), CPU, tmp_path))
    none = Rows(whole.train.inputs, whole.train.targets, whole.train.rows[:0])
    member = Member(**{**vars(whole), "validation": none})
    together = Recorded([member, whole])
    assert together.outcomes[0].best_epoch == 3
    assert np.isnan(together.validation(0)).all()
    assert same(together.losses(0), together.losses(1), 1e-5)


def test_a_training_that_is_left_says_how_far_it_came(tmp_path: Path) -> None:
    training = BatchedTraining([Member.of(config_of(), load_data(config_of(), CPU, tmp_path))])
    next(scores for scores in training.run() if isinstance(scores, EpochScores))
    (outcome,) = training.outcomes()
    assert (outcome.state, outcome.epoch, outcome.step) == ("stopped", 1, 7)
    grid = torch.randn(5, 1, 8, 8)
    assert training.outputs(grid).shape == (1, 5, 10)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden_width": 8}, "model_settings is .*hidden_width 16"),
        ({"batch_size": 16}, "batch_size is 32 in network 0 and 16 in network 1"),
        ({"optimizer": "sgd"}, "optimizer is adam in network 0 and sgd"),
        ({"amsgrad": True}, "amsgrad False in network 0 and amsgrad True"),
        ({"loss": "hinge"}, "loss is cross_entropy in network 0 and hinge"),
    ],
)
def test_networks_that_differ_in_shape_are_refused_in_a_sentence(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    data = load_data(config_of(), CPU, tmp_path)
    members = [Member.of(config_of(), data), Member.of(config_of(**changes), data)]
    with pytest.raises(ValueError, match=words):
        BatchedTraining(members)


def test_transforms_and_nothing_at_all_are_refused_in_a_sentence(tmp_path: Path) -> None:
    config = config_of(transforms=("flip",))
    reason = why_not_together([Member.of(config, load_data(config, CPU, tmp_path))])
    assert reason is not None
    assert "one after another" in reason
    with pytest.raises(ValueError, match="no networks to train"):
        BatchedTraining([])


def test_who_keeps_the_last_weights_is_tested_with_them_beside_who_keeps_the_best(tmp_path: Path) -> None:
    config = config_of(epochs=8, optimizer="sgd", learning_rate=1.0)
    configs = [config, config.replace(keep="last"), config.replace(keep="last", epochs=4, seed=9)]
    datas = [load_data(each, CPU, tmp_path) for each in configs]
    together = Recorded([Member.of(each, data) for each, data in zip(configs, datas, strict=True)])
    first, second, third = together.outcomes
    assert first.kept_epoch == first.best_epoch == second.best_epoch < 8
    assert (second.kept_epoch, third.kept_epoch) == (8, 4)
    for number in (1, 2):
        run = single_run(configs[number], datas[number], tmp_path / "runs")
        for metric in ("loss", "accuracy"):
            assert same([together.outcomes[number].test[metric]], run.curve(metric, "test").value, 1e-3)
        assert run.curve("loss", "test").step[-1] == together.outcomes[number].kept_step


def test_members_of_the_same_samples_share_them_and_each_gathers_its_own(tmp_path: Path) -> None:
    datas = [load_data(config_of(seed=seed), CPU, tmp_path) for seed in (0, 1)]
    members = [
        Member.of(config_of(seed=seed, learning_rate=rate), datas[seed])
        for rate in (0.1, 0.01, 0.001)
        for seed in (0, 1)
    ]
    cut = fold(members[0], 0, 4)  # its rows are others, so it shares with nobody
    members = [*members, cut]
    samples = StackedSamples([m.train for m in members], [m.normalise for m in members], CPU)
    assert members[0].normalise is not None
    assert len(samples.bank) == sum(len(member.train) for member in (members[0], members[1], cut))
    places = torch.randint(0, len(cut.train), (2, len(members), 5))
    inputs, targets = samples.gather(np.arange(len(members)), places)
    for number, member in enumerate(members):
        rows = member.train.rows[places[:, number]]
        assert torch.equal(targets[:, number], member.train.targets[rows])
        assert member.normalise is not None
        expected = member.normalise(member.train.inputs[rows.flatten()])
        assert torch.allclose(inputs[:, number].flatten(0, 1), expected)
