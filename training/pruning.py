"""Ending hopeless trials early: the table of pruning rules, which know nothing but curves.

A curve is a trial's validation score after each epoch, from the first, as its goodness: higher is better (a
loss comes negated), and what is no number is -inf. A trial's curve is the mean over its seeds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.catalog import Catalog, Parameter, UnknownNameError, Value, checked_settings
from training.config import ConfigError

Curves = Mapping[int, Sequence[float]]  # trial -> goodness after each epoch


@dataclass(frozen=True)
class Look:
    """The trials after some epoch. `running` are those that may be ended; of the others, `ended` will get no
    longer curve.
    """

    epoch: int
    curves: Curves
    running: Collection[int]
    ended: Collection[int] = ()


@dataclass(frozen=True)
class Rule:
    """A row of PRUNING. `looks`: after which of so many epochs it decides. `hopeless`: which of the running
    trials to end, and why.
    """

    name: str
    title: str
    summary: str
    source: str
    looks: Callable[[int, Mapping[str, Value]], Iterator[int]]
    hopeless: Callable[[Look, Mapping[str, Value]], dict[int, str]]
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True)
class Pruning:
    """A chosen rule with its settings; it can be pickled."""

    rule: str
    settings: Mapping[str, Value]

    @classmethod
    def parse(cls, text: str) -> Pruning:
        """From `--prune median` or `--prune halving:factor=4,first=2`. ConfigError for what is not known."""
        name, _, rest = text.partition(":")
        pairs = [pair.partition("=")[::2] for pair in rest.split(",") if pair.strip()]
        try:
            rule = PRUNING[name.strip()]
            given = {key.strip(): value.strip() for key, value in pairs}
            return cls(rule.name, checked_settings(f"--prune {rule.name}", rule.parameters, given))
        except (ValueError, UnknownNameError) as error:
            raise ConfigError(str(error)) from None

    def __str__(self) -> str:
        """What `parse` understands."""
        row = PRUNING[self.rule]
        changed = [
            f"{p.name}={self.settings[p.name]}" for p in row.parameters if self.settings[p.name] != p.default
        ]
        return self.rule + (":" + ",".join(changed) if changed else "")

    def looks(self, epochs: int) -> frozenset[int]:
        """The epochs after which something may be ended; the last one is none of them."""
        return frozenset(epoch for epoch in PRUNING[self.rule].looks(epochs, self.settings) if epoch < epochs)

    def hopeless(self, look: Look) -> dict[int, str]:
        return PRUNING[self.rule].hopeless(look, self.settings)


def best_until(curve: Sequence[float], epoch: int) -> float:
    """The best of the first `epoch` values; -inf where there is none that is a number."""
    return max((value for value in curve[:epoch] if not math.isnan(value)), default=-math.inf)


def below_median(look: Look, settings: Mapping[str, Value]) -> dict[int, str]:
    """Those whose best score so far is below the median of all trials' best up to the same epoch.

    A trial that has ended before counts with its best: else half of those that are left would go each time.
    """
    known = {
        trial: best_until(curve, look.epoch)
        for trial, curve in look.curves.items()
        if len(curve) >= look.epoch or trial in look.ended
    }
    if len(known) < int(settings["least"]):
        return {}
    middle = statistics.median(known.values())
    return {
        trial: f"its best is below the median of {len(known)} trials"
        for trial in look.running
        if known.get(trial, math.inf) < middle
    }


def outside_top(look: Look, settings: Mapping[str, Value]) -> dict[int, str]:
    """Those that are not among the best 1/factor of all trials that have come to this epoch.

    Of equal ones the earlier trial is kept.
    """
    known = {
        trial: best_until(curve, look.epoch)
        for trial, curve in look.curves.items()
        if len(curve) >= look.epoch
    }
    kept = math.ceil(len(known) / int(settings["factor"]))
    best = sorted(known, key=lambda trial: (-known[trial], trial))[:kept]
    return {
        trial: f"it is not among the best {kept} of {len(known)} trials"
        for trial in look.running
        if trial in known and trial not in best
    }


def _never(epochs: int, settings: Mapping[str, Value]) -> Iterator[int]:
    return iter(())


def _after_warmup(epochs: int, settings: Mapping[str, Value]) -> Iterator[int]:
    return iter(range(int(settings["warmup"]), epochs, int(settings["every"])))


def _rungs(epochs: int, settings: Mapping[str, Value]) -> Iterator[int]:
    rung = int(settings["first"])
    while rung < epochs:
        yield rung
        rung *= int(settings["factor"])


PRUNING: Catalog[Rule] = Catalog(
    "pruning rule",
    [
        Rule(
            "none",
            "None",
            "Every trial is trained to its end.",
            "",
            _never,
            lambda look, settings: {},
        ),
        Rule(
            "median",
            "Below the median",
            "Ends a trial whose best score so far is below the median of all trials at the same epoch.",
            "Golovin et al. 2017 (Google Vizier), doi:10.1145/3097983.3098043",
            _after_warmup,
            below_median,
            (
                Parameter("warmup", 5, "epochs before anything is ended", "integer", low=1, high=10_000),
                Parameter("every", 1, "epochs between two looks", "integer", low=1, high=10_000),
                Parameter("least", 5, "trials that there must be to compare", "integer", low=2, high=10_000),
            ),
        ),
        Rule(
            "halving",
            "Successive halving",
            "After the epochs first, first x factor, first x factor², ... only the best 1/factor go on.",
            "Jamieson and Talwalkar 2016, arXiv:1502.07943; Li et al. 2020, arXiv:1810.05934",
            _rungs,
            outside_top,
            (
                Parameter("factor", 3, "one in so many goes on", "integer", low=2, high=100),
                Parameter("first", 1, "epochs until the first choice", "integer", low=1, high=10_000),
            ),
        ),
    ],
)
