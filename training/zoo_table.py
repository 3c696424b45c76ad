"""Every network of the zoo on one data set with one small budget: `python -m training.zoo_table --help`.

Each is a training like any other, a run with the group `zoo`, one after another in this process. Those that
are there already with the same configuration are not trained again, so that the command goes on where it was
stopped. At the end (and with `--only-table` at once) it prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from logs.catalog import RunCatalog, RunSummary
from models.architecture import architecture_of
from models.model import Model
from models.zoo import MODELS
from training import train
from training.arguments import command_line
from training.config import ConfigError, RunConfig
from training.datasets import DATASETS
from training.places import data_folder, runs_folder

PROGRAM = "python -m training.zoo_table"
GROUP = "zoo"
GROWTH = 8  # of dense blocks, in place of a width
ABOUT = (
    "Trains every network that takes pictures, a minute or so each, and prints a table. The budget is too "
    "small for any of them to be at its best: it shows what they do with little, not what they could do."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every network was trained, 1 when one failed or it was stopped, 2 when it could not start."""
    options = command_parser().parse_args(arguments)
    runs, data = runs_folder(options), data_folder(options)
    try:
        data_set_for(options.dataset)
        chosen = [MODELS[name] for name in options.models.split(",")] if options.models else picture_rows()
        configs = [config_for(row, options) for row in chosen]
    except (ConfigError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not options.only_table:
        for config in configs:
            if found(config, runs) is not None:
                continue
            train_one(config, runs, data)
            if found(config, runs) is None:  # it failed, or somebody stopped it: training said so
                return 1
    print("\n".join(table(configs, runs)))
    return 0


def command_parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog=PROGRAM, description=ABOUT)
    result.add_argument("--runs", type=Path, metavar="DIR", help="folder of all runs")
    result.add_argument("--data", type=Path, metavar="DIR", help="folder of data sets")
    result.add_argument("--dataset", default="fashion_mnist", help="the data set (default: %(default)s)")
    result.add_argument("--models", default="", metavar="A,B", help="these networks only (default: all)")
    result.add_argument("--width", type=float, default=0.25, help="width multiplier (default: %(default)s)")
    result.add_argument("--train-samples", type=int, default=2000, metavar="N", help="default: %(default)s")
    result.add_argument("--epochs", type=int, default=3, metavar="N", help="default: %(default)s")
    result.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    result.add_argument("--only-table", action="store_true", help="train nothing: of the runs that are there")
    return result


def data_set_for(name: str) -> None:
    """ConfigError where a data set is of no use here."""
    row = DATASETS[name]
    if row.input_shape is None or len(row.input_shape) != 3 or not row.num_classes:
        known = [one.name for one in DATASETS if one.input_shape and len(one.input_shape) == 3]
        raise ConfigError(f"{name} has no pictures of a known size; use one of {', '.join(known)}")


def picture_rows() -> list[Model]:
    """The networks that classify pictures."""
    return [row for row in MODELS if row.inputs == "image" and "classification" in row.tasks]


def config_for(row: Model, options: argparse.Namespace) -> RunConfig:
    """What a network is trained with: all alike, but for the settings that make it small."""
    has = {parameter.name for parameter in row.parameters}
    settings: dict[str, float | int | str] = {}
    if "width_multiplier" in has:
        settings["width_multiplier"] = options.width
    elif "growth_rate" in has:
        settings["growth_rate"] = GROWTH
    if (
        row.name == "lenet5"
    ):  # tanh and means are its own; with one budget for all, this is how it is used now
        settings |= {"activation": "relu", "pooling": "maximum"}
    return RunConfig(
        model=row.name,
        model_settings=settings,
        dataset=options.dataset,
        train_samples=options.train_samples,
        validation_share=0.02,
        batch_size=64,
        epochs=options.epochs,
        learning_rate=0.003,
        schedule="one_cycle",
        seed=options.seed,
        histogram_every=0,
        images_every=0,
        device="cpu",
        visdom="off",
        name=row.name,
        group=GROUP,
    )


def train_one(config: RunConfig, runs: Path, data: Path) -> None:
    train.main([*command_line(config), "--runs", str(runs), "--data", str(data)])


def found(config: RunConfig, runs: Path) -> RunSummary | None:
    """The finished run of this configuration, the newest where there are several."""
    for row in RunCatalog(runs).rows():
        if row.group == GROUP and row.state == "finished" and row.model == config.model:
            with contextlib.suppress(ConfigError):  # of another version
                if RunConfig.from_dict(row.config) == config:
                    return row
    return None


def table(configs: Sequence[RunConfig], runs: Path) -> list[str]:
    """Lines of Markdown, best test accuracy first; networks that were not trained are missing."""
    lines = [
        "| network | test accuracy | parameters | multiply-adds a picture | layers | trained in |",
        "|---|---|---|---|---|---|",
    ]
    rows = []
    for config in configs:
        run = found(config, runs)
        if run is None:
            continue
        data = DATASETS[config.dataset]
        assert data.input_shape is not None
        facts = architecture_of(config.model, data.input_shape, data.num_classes or 1, config.model_settings)
        score = run.last("accuracy", "test")
        rows.append(
            (
                -score,
                f"| `{config.model}`{changed(config)} | {score:.1%} | {facts.parameters:,} | "
                f"{facts.multiply_adds / 1e6:.1f} M | {facts.depth} | {run.duration:.0f} s |",
            )
        )
    return [*lines, *(line for _, line in sorted(rows))]


def changed(config: RunConfig) -> str:
    """The settings that are not the network's own, in brackets."""
    defaults = {parameter.name: parameter.default for parameter in MODELS[config.model].parameters}
    words = [f"{name} {value}" for name, value in config.model_settings.items() if value != defaults[name]]
    return f" ({', '.join(words)})" if words else ""


if __name__ == "__main__":
    sys.exit(main())
