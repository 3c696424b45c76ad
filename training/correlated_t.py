"""How probable is it that A is better, that B is, or that it makes no odds? The Bayesian correlated t test
(Benavoli, Corani, Demšar and Zaffalon 2017, JMLR 18(77), section 3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from training.fold_statistics import corrected_error
from training.paired_tests import Pair, refuse_single_samples


@dataclass(frozen=True)
class Posterior:
    """What is believed of the mean difference first - second: a Student t, and its share on each side of a
    region of practical equivalence, -region to region. NaN where it cannot be computed; the reading says why.

    `verdict` is a name, "equivalent", or None where none of the three reaches the confidence.
    """

    name: str  # in COMPARISONS
    count: int
    left_out: int
    location: float  # the mean difference
    scale: float
    degrees: int
    region: float  # in the score's unit: 0.01 is one percentage point
    first_better: float
    equivalent: float
    second_better: float
    verdict: str | None
    reading: str
    warnings: tuple[str, ...]

    def density(self, differences: np.ndarray) -> np.ndarray:
        """Of the posterior at each of the differences, for a chart."""
        from scipy import stats

        return np.asarray(stats.t.pdf(differences, self.degrees, self.location, self.scale))


def posterior_shares(
    differences: np.ndarray, test_train_ratio: float, region: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P(below -region), P(within), P(above region) of the mean difference, over the last axis (J values).

    Scale^2 = (1/J + rho/(1-rho)) s^2, and rho/(1-rho) is n_test/n_train: the corrected test's own error.
    """
    from scipy import stats

    error = corrected_error(differences, test_train_ratio)
    belief = stats.t(
        differences.shape[-1] - 1, differences.mean(axis=-1), np.where(error == 0, np.nan, error)
    )
    below, above = belief.cdf(-region), belief.sf(region)
    return np.asarray(below), np.asarray(np.maximum(0.0, 1 - below - above)), np.asarray(above)


def compare_bayesian(pair: Pair, region: float = 0.01) -> Posterior:
    """Three probabilities that add up to 1. `region`: differences this small would change no decision.

    ValueError for a negative region.
    """
    if not 0 <= region < math.inf:
        raise ValueError(
            f"region is {region}; it must be 0 or more, in the score's unit: 0.01 is one percentage point of "
            "accuracy"
        )
    refusal = refuse_single_samples(pair.resampling)
    ratio = math.nan if refusal else pair.resampling.test_train_ratio
    below, equivalent, above = (float(share) for share in posterior_shares(pair.differences, ratio, region))
    first, second = (above, below) if pair.measure.higher_is_better else (below, above)
    named = {pair.names[0]: first, "equivalent": equivalent, pair.names[1]: second}
    verdict = next((name for name, share in named.items() if share >= pair.confidence), None)
    if not refusal and math.isnan(equivalent):
        refusal = "The differences do not vary, so how much chance moves them cannot be estimated."
    return Posterior(
        name="bayesian_correlated_t",
        count=len(pair.differences),
        left_out=int(pair.missing.sum()),
        location=float(pair.differences.mean()),
        scale=math.nan if refusal else float(corrected_error(pair.differences, ratio)),
        degrees=len(pair.differences) - 1,
        region=region,
        first_better=first,
        equivalent=equivalent,
        second_better=second,
        verdict=verdict,
        reading=f"No verdict. {refusal}"
        if refusal
        else _reading(pair, region, (first, equivalent, second), verdict),
        warnings=pair.warnings + ((refusal,) if refusal else ()),
    )


def _reading(pair: Pair, region: float, shares: tuple[float, float, float], verdict: str | None) -> str:
    first, equivalent, second = (f"{100 * share:.1f}%" for share in shares)
    width = pair.measure.show_difference(region)
    odds = (
        f"{pair.names[0]} is better by more than {width} with probability {first}, {pair.names[1]} with "
        f"{second}, and they are closer than that with {equivalent}"
    )
    if verdict is None:
        return f"{odds}: none reaches {100 * pair.confidence:g}%, so more folds or samples are needed to say."
    if verdict == "equivalent":
        return f"{odds}: for practical purposes they are equally good."
    return f"{odds}: {verdict} is better, and by enough to matter."
