"""What a landscape comparison has found, read from its run directories alone: a row a side, and a sentence.

results = read_comparison(Path("runs"), study_id, options)
results[0].mean("eigenvalue"), finding(results, options.row).sentence
"""

from __future__ import annotations

import functools
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logs.catalog import RunCatalog, RunSummary
from logs.errors import LogsError
from logs.tables import read_table, table_version
from models.catalog import Catalog
from training.compared_network import landscapes_of
from training.config import RunConfig
from training.jobs import members
from training.landscape_comparisons import KIND, Comparison, ComparisonOptions, Side
from training.landscape_numbers import NUMBERS

CLEAR = 3  # seeds that must agree before a difference is called one
APART = 1.5  # times a training loss: then the other one is worth a word


@dataclass(frozen=True)
class Measure:
    """A row of MEASURES: a number of each network."""

    name: str  # in the landscape's table of numbers, unless it is of the training
    title: str
    meaning: str
    format: str = ".3g"  # as Python and Plotly write it


MEASURES: Catalog[Measure] = Catalog(
    "measure",
    [
        Measure("eigenvalue", "top eigenvalue", "largest curvature of the training loss"),
        Measure("trace", "trace", "sum of all curvatures of the training loss"),
        Measure("box sharpness", "sharpness in a box", "highest rise in a small box, in % (Keskar)"),
        Measure("SAM sharpness", "sharpness of a step", "rise of a step of 0.05 up the gradient (Foret)"),
        Measure("hills", "roughness", "climb beyond one valley on straight ways over the plane, in ln(loss)"),
        Measure("not convex", "not convex", "share of the plane that bends down in some direction", ".1%"),
        Measure("train loss", "train loss", "at the network, on the landscape's samples"),
        Measure("test accuracy", "test accuracy", "of the whole test data", ".1%"),
    ],
)


@dataclass(frozen=True)
class Network:
    """One network of a comparison: its runs, and what is known of it by now."""

    seed: int  # from 0
    training: RunSummary
    landscape: RunSummary | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)  # by names of MEASURES

    @property
    def state(self) -> str:
        """running, failed, stopped or lost where its training or landscape is, else finished or waiting."""
        if self.training.state != "finished":
            return self.training.state
        return "waiting" if self.landscape is None else self.landscape.state

    @property
    def share(self) -> float:
        """How far it is, from 0 to 1; training and landscape count the same."""
        return (_share(self.training) + _share(self.landscape)) / 2


@dataclass(frozen=True)
class SideResult:
    """A side and its networks that have been begun, by seed."""

    side: Side
    networks: tuple[Network, ...]

    def values(self, measure: str) -> dict[int, float]:
        """By seed, of the networks that have it."""
        return {one.seed: one.numbers[measure] for one in self.networks if measure in one.numbers}

    def mean(self, measure: str) -> float:
        values = list(self.values(measure).values())
        return statistics.fmean(values) if values else math.nan

    def spread(self, measure: str) -> float:
        """The standard deviation over seeds (n - 1); NaN for fewer than two."""
        values = list(self.values(measure).values())
        return statistics.stdev(values) if len(values) > 1 else math.nan


@dataclass(frozen=True)
class Finding:
    """What is seen, in a sentence or two; `verdict` is waiting, open (nothing was expected), expected,
    opposite, or unclear.
    """

    verdict: str
    sentence: str


def comparison_studies(runs: Path, comparison: str = "") -> list[RunSummary]:
    """The studies of one comparison, or of all, the newest first."""
    return [
        row
        for row in _catalog(runs).rows()
        if row.kind == KIND and row.info is not None and comparison in ("", row.info.study.get("comparison"))
    ]


def options_of(study: RunSummary) -> ComparisonOptions:
    """What a study was asked for. ConfigError or UnknownNameError for one of another version."""
    assert study.info is not None
    told = json.dumps([dict(study.info.study), dict(study.info.config)], sort_keys=True)
    return _options(told)


@functools.lru_cache(maxsize=256)
def _options(told: str) -> ComparisonOptions:
    study, config = json.loads(told)
    return ComparisonOptions.of(study, RunConfig.from_dict(config))


def read_comparison(runs: Path, study: str, options: ComparisonOptions) -> list[SideResult]:
    """Every side in the order of the table, with what there is of it."""
    trained, landscapes = members(runs, study), landscapes_of(runs, study, _catalog(runs))
    results = []
    for place, side in enumerate(options.row.sides):
        networks = []
        for seed in range(options.seeds):
            key = (("seed", seed), ("side", place))
            run, landscape = trained.get(key), landscapes.get(key)
            if run is None:
                continue
            if landscape is not None and landscape.config.get("run") != run.id:
                landscape = None  # of a training that another one has taken the place of
            networks.append(Network(seed, run, landscape, _numbers(run, landscape)))
        results.append(SideResult(side, tuple(networks)))
    return results


def progress(results: Sequence[SideResult], options: ComparisonOptions) -> float:
    """The share of the whole comparison that is done, from 0 to 1."""
    every = sum(one.share for result in results for one in result.networks)
    return min(1.0, every / (len(options.row.sides) * options.seeds))


def finding(results: Sequence[SideResult], row: Comparison) -> Finding:
    """What is seen in the watched measure, seed by seed: two networks of one seed have the same samples,
    order of batches and directions.

    A difference is called one where all seeds agree, three at least: by chance alone that happens in a
    quarter of cases with three, and in a sixteenth with five.
    """
    measure = MEASURES[row.watched]
    known = [result for result in results if result.values(row.watched)]
    if len(known) < 2:
        return Finding("waiting", "The first two networks that are measured begin the comparison.")
    if not row.more:
        order = sorted(known, key=lambda result: result.mean(row.watched), reverse=True)
        listed = ", ".join(f"{_said(result, measure)} for {_quoted(result)}" for result in order)
        return Finding("open", f"{measure.title.capitalize()}, from the largest: {listed}.")
    sides = {result.side.name: result for result in results}
    more, less = sides[row.more], sides[row.less]
    pairs = _pairs(more, less, measure)
    if not pairs:
        return Finding("waiting", "Both sides that the literature compares are not measured yet.")
    seen = [f"{_said(side, measure)} for {_quoted(side)}" for side in (more, less)]
    verdict, judged = _judged(row, pairs)
    parts = [f"{measure.title.capitalize()}: {', '.join(seen)}{_ratio(pairs)}.", judged]
    if row.control and (others := _pairs(sides[row.control], less, measure)):
        control = sides[row.control]
        agree = sum(first > second for first, second in others)
        parts.append(
            f"For {_quoted(control)} it is {_said(control, measure)}{_ratio(others)}, larger in {agree} of "
            f"{len(others)} seeds."
        )
    parts.append(_caveat(more, less, row))
    return Finding(verdict, " ".join([*filter(None, parts), f"Literature: {row.expected} ({row.source})"]))


def _pairs(more: SideResult, less: SideResult, measure: Measure) -> list[tuple[float, float]]:
    """The values of both sides, for each seed that both have."""
    others = less.values(measure.name)
    return [(value, others[seed]) for seed, value in more.values(measure.name).items() if seed in others]


def _judged(row: Comparison, pairs: Sequence[tuple[float, float]]) -> tuple[str, str]:
    """The verdict, and in words why."""
    count = len(pairs)
    larger = sum(first > second for first, second in pairs)
    smaller = sum(first < second for first, second in pairs)
    if count < CLEAR:
        seeds = "one seed" if count == 1 else f"{count} seeds"
        leaning = "as expected" if larger == count else "not as expected"
        leaning = leaning if count in (larger, smaller) else "one way and the other"
        return "unclear", f"With {seeds} that is no more than a hint, {leaning}."
    if larger == count:
        return "expected", f"So in all {count} seeds, as the literature says."
    if smaller == count:
        return "opposite", f"In all {count} seeds the opposite of what the literature says."
    return "unclear", f"It is larger in {larger} of {count} seeds: too mixed to say."


def _caveat(more: SideResult, less: SideResult, row: Comparison) -> str:
    """Curvature of a cross entropy goes to 0 with the loss: said where both sides ended at different ones."""
    losses = [result.mean("train loss") for result in (more, less)]
    if row.watched not in ("eigenvalue", "trace") or not min(losses) > 0:
        return ""
    if max(losses) < APART * min(losses):
        return ""
    return (
        f"Their training losses differ too ({losses[0]:.2g} and {losses[1]:.2g}), and the curvature of a "
        "cross entropy falls with the loss."
    )


def report_lines(results: Sequence[SideResult]) -> list[str]:
    """The table for a terminal, a line a side: means, and the standard deviation over seeds."""
    rows = [result for result in results if result.networks]
    if not rows:
        return ["nothing has been trained yet"]
    width = max(len(result.side.title) for result in rows)
    lines = [" " * width + "".join(f"  {measure.title:>20}" for measure in MEASURES)]
    for result in rows:
        cells = "".join(f"  {_said(result, measure):>20}" for measure in MEASURES)
        lines.append(f"{result.side.title:{width}}{cells}")
    return lines


def _said(result: SideResult, measure: Measure) -> str:
    mean, spread = result.mean(measure.name), result.spread(measure.name)
    if not math.isfinite(mean):
        return "-"
    if not math.isfinite(spread):
        return f"{mean:{measure.format}}"
    return f"{mean:{measure.format}} ± {spread:{measure.format.replace('3g', '2g')}}"


def _quoted(result: SideResult) -> str:
    return f"“{result.side.title}”"


def _ratio(pairs: Sequence[tuple[float, float]]) -> str:
    """The geometric mean of the ratios, where all values have one."""
    if any(first <= 0 or second <= 0 for first, second in pairs):
        return ""
    ratio = math.exp(statistics.fmean(math.log(first / second) for first, second in pairs))
    return f", {ratio:.3g} times as much"


def _share(run: RunSummary | None) -> float:
    if run is None:
        return 0.0
    if run.state in ("finished", "failed"):
        return 1.0
    return run.progress if math.isfinite(run.progress) else 0.0


def _numbers(training: RunSummary, landscape: RunSummary | None) -> dict[str, float]:
    found: dict[str, float] = {}
    if landscape is not None:
        version = table_version(landscape.directory, NUMBERS)
        found |= {k: v for k, v in _table(str(landscape.path), version).items() if k in MEASURES}
    accuracy = training.last("accuracy", "test")
    return found | ({"test accuracy": accuracy} if math.isfinite(accuracy) else {})


@functools.lru_cache(maxsize=512)
def _table(directory: str, version: Any) -> dict[str, float]:
    """`version` is in the cache's key: a table that has grown is read again."""
    try:
        table = read_table(Path(directory), NUMBERS)
    except (LogsError, OSError):
        return {}
    if table is None:
        return {}
    frame = table.frame
    return {str(name): float(value) for name, value in zip(frame["name"], frame["value"], strict=True)}


@functools.lru_cache(maxsize=8)
def _catalog(runs: Path) -> RunCatalog:
    return RunCatalog(runs)  # a catalog reads again only what has changed
