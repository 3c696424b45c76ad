"""K-fold cross-validation: `python -m training.kfold --help`.

The same network is trained once for each fold on the samples of the others, and judged on its own: is a score
luck of one split? Each fold is a run like any other; what they amount to is said at the end, and on the page.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from logs.writer import RunWriter
from training.arguments import asked, config_from
from training.config import ConfigError, RunConfig
from training.console import Console
from training.fold_files import write_assignment, write_predictions
from training.fold_schemes import SCHEMES
from training.fold_study import OPTIONS, FoldOptions
from training.kfold_report import report_lines
from training.kfold_results import fold_table, keep_told, look_ahead, read_results
from training.places import data_folder
from training.studies import Ahead, Means, run_study
from training.study_script import (
    MEANS,
    TOLD,
    apart,
    driven,
    means_of,
    opened_study,
    resumable,
    study_parser,
    with_workers,
)
from training.train import Stop

PROGRAM = "python -m training.kfold"
EXAMPLES = """
examples:
  python -m training.kfold --model mlp --dataset digits --folds 10
  python -m training.kfold --dataset iris --model linear --scheme leave_one_out --keep last
  python -m training.kfold --scheme repeated --folds 5 --repeats 10 --seed 3
  python -m training.kfold --scheme nested --set learning_rate=0.1,0.01,0.001 --set hidden_width=16,64
  python -m training.kfold --resume STUDY              go on where a stopped or killed study ended
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every fold was trained or the study was stopped, 1 when it failed, 2 when it could not start."""
    namespace = command_parser().parse_args(arguments)
    data_root = data_folder(namespace)
    with Stop() as stop, contextlib.ExitStack() as stack:
        try:
            rest, own = apart(namespace, (*OPTIONS, *MEANS))
            config, options, means = chosen(rest, own)
            options = options.resolved(config, data_root)
            plan = options.plan(config, data_root)
            checked = options.study(
                config, plan, "", data_root
            )  # refuses what can't be, before there is a run
            means = stack.enter_context(with_workers(means, config, checked.count, data_root))
            run = opened_study(rest, config, "kfold", options.to_dict() | means.asked)
        except TOLD as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130
        write_assignment(run.directory, plan.folds)
        study = options.study(config, plan, run.directory.id, data_root)
        drive = partial(run_study, ahead=Ahead(look_ahead, keep_told))
        return driven(study, run, config, data_root, means, stop, partial(conclude, run), drive)


def command_parser() -> argparse.ArgumentParser:
    result = study_parser(PROGRAM, "Trains a network once for each fold of the samples.", EXAMPLES)
    group = result.add_argument_group("Folds")
    group.add_argument(
        "--scheme", metavar="NAME", help=f"how samples are shared out: auto, {', '.join(SCHEMES.names())}"
    )
    group.add_argument("--folds", type=int, metavar="K", help="parts of the samples (default: 5)")
    group.add_argument("--repeats", type=int, metavar="R", help="of a repeated scheme (default: 1)")
    group.add_argument("--split-seed", type=int, metavar="N", help="start of the split's randomness")
    group.add_argument(
        "--set",
        action="append",
        metavar="NAME=VALUES",
        help="candidates of nested folds",
    )
    group.add_argument(
        "--inner-folds", type=int, metavar="K", help="of each nested fold, to choose by (default: 3)"
    )
    return result


def chosen(rest: argparse.Namespace, own: Mapping[str, Any]) -> tuple[RunConfig, FoldOptions, Means]:
    """The configuration, the folds and the means: of the options, or of the study to resume."""
    if "resume" not in rest:
        return asked(rest), FoldOptions.of(own), means_of(own)
    info = resumable(rest, "kfold")
    config, options = RunConfig.from_dict(info.config), FoldOptions.of(info.study)
    if config_from(rest, config) != config or set(own) & set(OPTIONS):
        raise ConfigError("--resume goes on with the study's own configuration; start a new one for another")
    return config, options, means_of({**info.study, **own})


def conclude(run: RunWriter, console: Console) -> None:
    """The predictions of all folds in one file, the table of folds, and what they amount to."""
    results = read_results(run.directory.path.parent, run.directory.id)
    if len(results.predictions):
        write_predictions(run.directory, results.predictions)
    console.say("\n".join([fold_table(results), "", *report_lines(results)]))


if __name__ == "__main__":
    sys.exit(main())
