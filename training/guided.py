"""The guided set: one network too small, one right and one too large for a small training set of real images,
and remedies for the last: `python -m training.guided --help`.

Each variant is trained with one or several seeds, and each of its trainings is a run like any other. A seed
decides the training samples too, so that the spread over seeds is that of the whole experiment.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from logs.catalog import RunSummary
from training.arguments import config_from
from training.config import ConfigError, RunConfig
from training.guided_results import read_guided, report_lines
from training.guided_set import IMAGE_SETS, KIND, SIZES, GuidedOptions, image_set_of
from training.jobs import Job, Judge, Key
from training.places import data_folder
from training.remedies import REMEDIES
from training.studies import Means
from training.study_script import MEANS, TOLD, apart, driven, means_of, opened_study, resumable, study_parser
from training.train import Stop

PROGRAM = "python -m training.guided"
EXAMPLES = """
examples:
  python -m training.guided                                     too small, right and too large, on digits
  python -m training.guided --dataset fashion_mnist --seeds 3
  python -m training.guided --add too_large+dropout --add too_large+l2=0.02 --add right+flip+crop
  python -m training.guided --resume STUDY                      go on where it was stopped

A variant is SIZE, or SIZE+REMEDY+..., where each REMEDY may say how strong: dropout=0.3.
"""
OPTIONS = ("add", "seeds")
ALONE_IN_LINE = 3  # trainings of a set of digits that end sooner one after another than processes start


class GuidedStudy:
    """The study: every variant with every seed."""

    unit = "training"

    def __init__(self, options: GuidedOptions, study: str) -> None:
        self.options, self.study = options, study

    @property
    def count(self) -> int:
        return len(self.options.variants) * self.options.seeds

    @property
    def title(self) -> str:
        seeds = self.options.seeds
        several = f", {seeds} seeds each" if seeds > 1 else ""
        return f"{self.options.title} on {self.options.config.dataset}{several}"

    def jobs(self, done: Mapping[Key, RunSummary]) -> list[Job]:
        """All of them, seed by seed, so that every variant has its first curve soon."""
        start = self.options.config
        return [
            Job(
                variant.config(start).replace(seed=start.seed + seed),
                "variant",
                {"variant": number, "seed": seed},
                self.study,
            )
            for seed in range(self.options.seeds)
            for number, variant in enumerate(self.options.variants)
        ]

    def judge(self, jobs: Sequence[Job]) -> Judge | None:
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every training has ended or the study was stopped, 1 when it failed, 2 when it could not
    start.
    """
    namespace = command_parser().parse_args(arguments)
    data_root = data_folder(namespace)
    with Stop() as stop:
        try:
            rest, own = apart(namespace, (*OPTIONS, *MEANS))
            options, means = chosen(rest, own)
            named = options.config.replace(name=options.config.name or options.title)
            run = opened_study(rest, named, KIND, options.to_dict() | means.asked)
        except TOLD as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130
        folder, study_id = run.directory.path.parent, run.directory.id
        study = GuidedStudy(options, study_id)

        def conclude(console: Any) -> None:
            results = read_guided(folder, options.config)
            for line in report_lines([one for one in results if one.variant in options.variants]):
                console.say(line)

        return driven(study, run, options.config, data_root, means, stop, conclude)


def command_parser() -> argparse.ArgumentParser:
    about = "Trains networks that are too small, right and too large for a few real images, and remedies."
    result = study_parser(PROGRAM, about, EXAMPLES)
    group = result.add_argument_group("What is trained")
    group.add_argument(
        "--add",
        action="append",
        metavar="VARIANT",
        help=f"one of {', '.join(SIZES.names())}, with remedies behind it: {', '.join(REMEDIES.names())} "
        "(default: all sizes, without a remedy)",
    )
    group.add_argument("--seeds", type=int, metavar="N", help="trainings of each variant (default: 1)")
    return result


def chosen(rest: argparse.Namespace, own: Mapping[str, Any]) -> tuple[GuidedOptions, Means]:
    """What is trained and with what means: of the options, or of the study to resume.

    Networks are trained one by one unless asked otherwise, so that the times of variants compare.
    """
    if "resume" in rest:
        info = resumable(rest, KIND)
        config = RunConfig.from_dict(info.config)
        if config_from(rest, config) != config or set(own) & set(OPTIONS):
            raise ConfigError("--resume goes on with the study's own options; start a new one for others")
        return GuidedOptions.of(info.study, config), means_of({**info.study, **own})
    named = str(vars(rest).get("dataset", IMAGE_SETS.names()[0]))
    if named not in IMAGE_SETS:
        image_set_of(RunConfig(dataset=named))  # its error names those that there are
    options = GuidedOptions.of(own, config_from(rest, IMAGE_SETS[named].config()))
    means = {"way": "alone", **own}
    few = len(options.variants) * options.seeds <= (ALONE_IN_LINE if named == "digits" else 1)
    if few and "engine" not in own:
        means["engine"] = "serial"
    return options, means_of(means)


if __name__ == "__main__":
    sys.exit(main())
