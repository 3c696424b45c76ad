"""How a sweep chooses what to try: the table of samplers.

What is proposed depends on the space, the seed and the trials that have ended, and on nothing that a process
remembers: a sweep that was killed goes on with the same proposals. Optuna is imported only where it is used.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.catalog import Catalog
from training.search_space import Dimension, SearchSpace

if TYPE_CHECKING:
    import optuna

STARTUP = 10  # trials that are drawn at random before a sampler learns: Optuna's own default for both


@dataclass(frozen=True)
class Ended:
    """A trial that has come to its end. `score` is NaN where it failed."""

    parameters: Mapping[str, Any]
    score: float


@dataclass(frozen=True)
class Request:
    """What is asked of a sampler: trials `first` to `first + count - 1`, given all those that have ended."""

    space: SearchSpace
    seed: int
    first: int
    count: int
    ended: Sequence[Ended] = ()
    higher_is_better: bool = True


@dataclass(frozen=True)
class Sampler:
    """A row of SAMPLERS. `learns`: proposals depend on the scores so far, so few are asked for at a time.
    `exhausts`: a space of which it tries everything, so that nobody says how many trials there are.
    """

    name: str
    title: str
    summary: str
    source: str
    propose: Callable[[Request], list[dict[str, Any]]]
    learns: bool = False
    exhausts: bool = False


def propose_grid(request: Request) -> list[dict[str, Any]]:
    return request.space.grid()[request.first : request.first + request.count]


def propose_random(request: Request) -> list[dict[str, Any]]:
    """Trial n is the same however many are asked for; of a finite space no point comes twice."""
    space, numbers = request.space, range(request.first, request.first + request.count)
    if space.is_finite:
        grid = space.grid()
        order = np.random.default_rng(request.seed).permutation(len(grid)).tolist()
        return [grid[place] for place in order[request.first : request.first + request.count]]
    return [_at(space, np.random.default_rng([request.seed, number])) for number in numbers]


def propose_sobol(request: Request) -> list[dict[str, Any]]:
    """Points of a scrambled Sobol sequence: they fill the space more evenly than random ones."""
    from scipy.stats import qmc

    space, wanted = request.space, request.first + request.count
    engine = qmc.Sobol(len(space.dimensions), scramble=True, rng=np.random.default_rng(request.seed))
    shares = engine.random_base2(
        max(1, math.ceil(math.log2(wanted)))
    )  # the sequence is balanced at powers of 2
    return [
        {each.name: each.at(float(share)) for each, share in zip(space.dimensions, row, strict=True)}
        for row in shares[request.first : wanted]
    ]


def propose_tpe(request: Request) -> list[dict[str, Any]]:
    import optuna

    return _from_optuna(request, lambda seed: optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP))


def propose_gp(request: Request) -> list[dict[str, Any]]:
    import optuna

    return _from_optuna(request, lambda seed: optuna.samplers.GPSampler(seed=seed, n_startup_trials=STARTUP))


SAMPLERS: Catalog[Sampler] = Catalog(
    "sampler",
    [
        Sampler(
            "grid",
            "Grid",
            "Every combination of the listed values; a range needs a number of points.",
            "https://scikit-learn.org/stable/modules/grid_search.html",
            propose_grid,
            exhausts=True,
        ),
        Sampler(
            "random",
            "Random",
            "Independent draws. Better than a grid where few of the dimensions matter.",
            "Bergstra and Bengio 2012, https://jmlr.org/papers/v13/bergstra12a.html",
            propose_random,
        ),
        Sampler(
            "sobol",
            "Sobol sequence",
            "Points that fill the space evenly, without the gaps and clusters of random ones.",
            "Sobol 1967; scrambled as in Owen 1998, through scipy.stats.qmc",
            propose_sobol,
        ),
        Sampler(
            "tpe",
            "Tree-structured Parzen estimator",
            "Learns where good trials lie: a density of good values over a density of bad ones.",
            "Bergstra et al. 2011, through optuna.samplers.TPESampler",
            propose_tpe,
            learns=True,
        ),
        Sampler(
            "gp",
            "Gaussian process",
            "Learns a smooth model of the score and tries where it may improve most. For few, dear trials.",
            "Rasmussen and Williams 2006, through optuna.samplers.GPSampler",
            propose_gp,
            learns=True,
        ),
    ],
)


def optuna_study(
    space: SearchSpace, ended: Sequence[Ended], higher_is_better: bool, sampler: Any = None
) -> optuna.Study:
    """An Optuna study in memory with these trials in it. A failed trial counts as the worst that ended, so
    that a sampler keeps away from where trainings fail.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if higher_is_better else "minimize", sampler=sampler)
    scores = [trial.score for trial in ended if math.isfinite(trial.score)]
    worst = (min if higher_is_better else max)(scores, default=0.0)
    distributions = {each.name: _distribution(each) for each in space.dimensions}
    study.add_trials(
        [
            optuna.trial.create_trial(
                params=_encoded(space, trial.parameters),
                distributions=distributions,
                value=trial.score if math.isfinite(trial.score) else worst,
            )
            for trial in ended
        ]
    )
    return study


def _from_optuna(request: Request, sampler: Callable[[int], Any]) -> list[dict[str, Any]]:
    """Trials that an Optuna sampler proposes one after another; those that wait for a score count as bad,
    which keeps proposals of one round apart. A point that was tried is drawn again at random.
    """
    space = request.space
    seed = int(np.random.SeedSequence([request.seed, request.first]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna marks options that it may still change as experimental
        study = optuna_study(space, request.ended, request.higher_is_better, sampler(seed))
        distributions = {each.name: _distribution(each) for each in space.dimensions}
        asked = [study.ask(distributions).params for _ in range(request.count)]
    tried = [dict(trial.parameters) for trial in request.ended]
    free = space.grid() if space.is_finite else []
    random = np.random.default_rng([request.seed, request.first])
    for params in asked:
        parameters = _decoded(space, params)
        if parameters in tried:
            tried.append(_another(space, free, tried, random))
        else:
            tried.append(parameters)
    return tried[len(request.ended) :]


def _another(
    space: SearchSpace, free: list[dict[str, Any]], tried: list[dict[str, Any]], random: np.random.Generator
) -> dict[str, Any]:
    """A point at random, of a finite space one that was not tried where any is left."""
    left = [point for point in free if point not in tried]
    return left[int(random.integers(len(left)))] if left else _at(space, random)


def _at(space: SearchSpace, random: np.random.Generator) -> dict[str, Any]:
    return {each.name: each.at(float(random.random())) for each in space.dimensions}


def _distribution(dimension: Dimension) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if dimension.values:
        return CategoricalDistribution(range(len(dimension.values)))  # places: a value may be of any type
    if dimension.integer:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _encoded(space: SearchSpace, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        each.name: each.values.index(parameters[each.name]) if each.values else parameters[each.name]
        for each in space.dimensions
    }


def _decoded(space: SearchSpace, params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        each.name: each.values[params[each.name]] if each.values else each.tidy(params[each.name])
        for each in space.dimensions
    }
