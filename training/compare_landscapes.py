"""Landscapes of networks that differ in one thing, compared: `python -m training.compare_landscapes --help`.

Every side is trained with every seed; then each network's landscape is computed, with the same directions'
settings, samples and span, and numbers under it. Each training and each landscape is a run like any other.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from logs.catalog import RunSummary
from logs.writer import RunWriter
from training.arguments import config_from
from training.compared_network import Measuring, landscapes_of, measure
from training.comparison_results import finding, read_comparison, report_lines
from training.config import ConfigError, RunConfig
from training.console import Console
from training.engines import run_pieces
from training.jobs import Job, Judge, Key, members
from training.landscape_comparisons import DATASETS, KIND, LANDSCAPE_COMPARISONS, ComparisonOptions
from training.places import data_folder
from training.studies import Driver, Means, Study
from training.study_script import MEANS, TOLD, apart, driven, means_of, opened_study, resumable, study_parser
from training.train import Stop

PROGRAM = "python -m training.compare_landscapes"
EXAMPLES = """
examples:
  python -m training.compare_landscapes skip_connections
  python -m training.compare_landscapes batch_size --seeds 5 --budget 0.5
  python -m training.compare_landscapes dropout --dataset digits --hidden-width 50
  python -m training.compare_landscapes --resume STUDY          go on where it was stopped or killed
"""
OPTIONS = ("comparison", "seeds", "budget", "points", "measured")


class LandscapeComparison:
    """The study: a training and a landscape of every side with every seed."""

    unit = "step"  # a training, or a landscape

    def __init__(self, options: ComparisonOptions, study: str) -> None:
        self.options, self.study = options, study

    @property
    def networks(self) -> int:
        return len(self.options.row.sides) * self.options.seeds

    @property
    def count(self) -> int:
        return 2 * self.networks

    @property
    def title(self) -> str:
        options = self.options
        several = f", {options.seeds} seeds each" if options.seeds > 1 else ""
        return f"{options.row.title} on {options.config.dataset}{several}"

    def jobs(self, done: Mapping[Key, RunSummary]) -> list[Job]:
        """All of them, seed by seed, so that every side has its first network soon."""
        return [
            Job(self.options.side_config(side, seed), "side", {"side": place, "seed": seed}, self.study)
            for seed in range(self.options.seeds)
            for place, side in enumerate(self.options.row.sides)
        ]

    def judge(self, jobs: Sequence[Job]) -> Judge | None:
        return None

    def measurings(self, runs: Path, data_root: Path) -> list[Measuring]:
        """The landscapes of the networks whose training has finished, in the order of the trainings."""
        trained = members(runs, self.study)
        return [
            Measuring(
                self.options.landscape(row.id, job.member["seed"]),
                tuple(sorted(job.member.items())),
                self.study,
                runs,
                data_root,
            )
            for job in self.jobs({})
            if (row := trained.get(job.key)) is not None and row.state == "finished"
        ]


class LandscapeDriver(Driver):
    """The ordinary driver; once everything is trained, the landscapes in the same number of workers."""

    study: LandscapeComparison

    def run(self) -> tuple[str, str | None]:
        state, error = super().run()
        if state != "finished":
            return state, error
        pieces = self.study.measurings(self.runs, self.data_root)
        finished = {key for key, row in landscapes_of(self.runs, self.id).items() if row.state == "finished"}
        left = [piece for piece in pieces if piece.member not in finished]
        self.done = self.study.count - self.study.networks + len(pieces) - len(left)
        self.note_progress(0.0)
        self.stack, self.engine = contextlib.ExitStack(), None
        with self.stack:
            self.measure(left)
        self.stop_file.unlink(missing_ok=True)
        if self.troubles:
            return "failed", f"{self.troubles[0]}; the others are kept: --resume {self.id}"
        return ("stopped" if self.stopping else "finished"), None

    def measure(self, pieces: list[Measuring]) -> None:
        if self.means.engine == "serial":
            for piece in pieces:
                if not self.asked_to_stop():
                    result = _tried(lambda piece=piece: measure(piece, self.asked_to_stop))
                    self.after_measuring(piece, result)
        elif pieces and not self.asked_to_stop():
            engine = self.opened_engine()
            run_pieces(engine, pieces, measure, self.after_measuring, stop=self.asked_to_stop)

    def after_measuring(self, piece: Measuring, result: str | BaseException) -> None:
        if isinstance(result, BaseException):
            self.troubles.append(f"landscape of {piece.settings.run}: {result}")
            self.console.say(f"error: {self.troubles[-1]}")
        self.note_done(1)


def drive(
    study: Study,
    run: RunWriter,
    runs: Path,
    data_root: Path,
    means: Means,
    console: Console,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[str, str | None]:
    """Trains and measures: how it ended, and why it failed."""
    return LandscapeDriver(study, run, runs, data_root, means, console, should_stop).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all has ended or the comparison was stopped, 1 when it failed, 2 when it could not start."""
    namespace = command_parser().parse_args(arguments)
    data_root = data_folder(namespace)
    with Stop() as stop:
        try:
            rest, own = apart(namespace, (*OPTIONS, *MEANS))
            options, means = chosen(rest, own)
            named = options.config.replace(name=options.config.name or options.row.title)
            run = opened_study(rest, named, KIND, options.to_dict() | means.asked)
        except TOLD as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130
        folder, study_id = run.directory.path.parent, run.directory.id
        study = LandscapeComparison(options, study_id)

        def conclude(console: Console) -> None:
            results = read_comparison(folder, study_id, options)
            for line in [*report_lines(results), finding(results, options.row).sentence]:
                console.say(line)

        return driven(study, run, options.config, data_root, means, stop, conclude, drive)


def command_parser() -> argparse.ArgumentParser:
    about = "Trains networks that differ in one thing, and compares their loss landscapes."
    result = study_parser(PROGRAM, about, EXAMPLES)
    group = result.add_argument_group("What is compared")
    names = ", ".join(LANDSCAPE_COMPARISONS.names())
    group.add_argument("comparison", nargs="?", metavar="COMPARISON", help=f"one of {names}")
    group.add_argument("--seeds", type=int, metavar="N", help="networks of each side (default: 3)")
    group.add_argument(
        "--budget", type=float, metavar="X", help="so many times the epochs, and finer planes (default: 1)"
    )
    group.add_argument("--points", type=int, metavar="N", help="points a side of a plane; 0: by the budget")
    group.add_argument(
        "--measured", type=int, metavar="N", help="samples of a landscape; 0: as the comparison has it"
    )
    return result


def chosen(rest: argparse.Namespace, own: Mapping[str, Any]) -> tuple[ComparisonOptions, Means]:
    """What is compared and with what means: of the options, or of the study to resume.

    Networks are trained one by one unless asked otherwise: each as by itself, so that every side can be.
    """
    if "resume" in rest:
        info = resumable(rest, KIND)
        config = RunConfig.from_dict(info.config)
        asked = {name for name in OPTIONS if own.get(name) is not None}
        if config_from(rest, config) != config or asked:
            raise ConfigError("--resume goes on with the study's own options; start a new one for others")
        return ComparisonOptions.of(info.study, config), means_of({**info.study, **own})
    if not own.get("comparison"):
        raise ConfigError(f"no comparison is named; give one of {', '.join(LANDSCAPE_COMPARISONS.names())}")
    start = LANDSCAPE_COMPARISONS[own["comparison"]].config(str(vars(rest).get("dataset", DATASETS[0])))
    return ComparisonOptions.of(own, config_from(rest, start)), means_of({"way": "alone", **own})


def _tried(work: Callable[[], str]) -> str | BaseException:
    try:
        return work()
    except Exception as error:
        return error


if __name__ == "__main__":
    sys.exit(main())
