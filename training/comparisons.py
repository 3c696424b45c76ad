"""The table of ways to compare two models on the same samples: what each takes, assumes and says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.catalog import Catalog
from training.correlated_t import compare_bayesian
from training.mcnemar import compare_predictions
from training.paired_tests import (
    compare_by_five_by_two_f,
    compare_by_five_by_two_t,
    compare_corrected,
    compare_naively,
    corrected_p,
    five_by_two_f_p,
    five_by_two_t_p,
    naive_p,
    refuse_other_than_five_by_two,
    refuse_single_samples,
)
from training.resampling import Resampling


@dataclass(frozen=True)
class Comparison:
    """A row of COMPARISONS.

    `compare` takes a Pair where `inputs` is "scores" and a PredictedPair where it is "predictions", and gives
    a frozen result with a `reading` and `warnings`. `refusal(resampling)` is why it cannot be made there, or
    nothing. `p_values(differences [..., J], resampling)` makes many tests at once; None where a row has none.
    """

    name: str
    title: str
    formula: str  # LaTeX: d_j is the difference in fold j of J = k r, s their standard deviation
    source: str
    assumes: str
    needs: str
    inputs: Literal["scores", "predictions"]
    compare: Callable[..., Any]
    refusal: Callable[[Resampling], str]
    p_values: Callable[[np.ndarray, Resampling], np.ndarray] | None = None
    sound: bool = True  # False: shown to learn from, never to decide by


COMPARISONS: Catalog[Comparison] = Catalog(
    "comparison",
    [
        Comparison(
            name="corrected_paired_t",
            title="Corrected paired t test",
            formula=r"t = \frac{\bar d}{\sqrt{\left(\frac{1}{J} + \frac{n_{test}}{n_{train}}\right) s^2}},"
            r"\quad J - 1 \text{ degrees of freedom}",
            source="Nadeau and Bengio 2003, doi:10.1023/A:1024068626366; for repeated k-fold Bouckaert and "
            "Frank 2004, doi:10.1007/978-3-540-24775-3_3",
            assumes="Differences are about normal, and any two folds are as alike as the share of samples "
            "they are tested on.",
            needs="The same folds for both models; 10 of them or more, better 10 x 10.",
            inputs="scores",
            compare=compare_corrected,
            refusal=refuse_single_samples,
            p_values=corrected_p,
        ),
        Comparison(
            name="bayesian_correlated_t",
            title="Bayesian correlated t test",
            formula=r"\mu \mid d \sim t_{J-1}\left(\bar d,\; \left(\frac{1}{J} + "
            r"\frac{\rho}{1 - \rho}\right) s^2\right), \quad \rho = \frac{n_{test}}{n_{test} + n_{train}}",
            source="Benavoli, Corani, Demšar and Zaffalon 2017, https://jmlr.org/papers/v18/16-305.html",
            assumes="As the corrected t test, and nothing known of the difference beforehand.",
            needs="The same folds for both models, and a difference too small to matter.",
            inputs="scores",
            compare=compare_bayesian,
            refusal=refuse_single_samples,
        ),
        Comparison(
            name="five_by_two_f",
            title="5x2cv F test",
            formula=r"F = \frac{\sum_{i=1}^5 \sum_{j=1}^2 d_{ij}^2}{2 \sum_{i=1}^5 s_i^2}, "
            r"\quad (10, 5) \text{ degrees of freedom}",
            source="Alpaydin 1999, doi:10.1162/089976699300016007",
            assumes="Differences are about normal, and independent between the halves and the repeats, which "
            "is nearly so.",
            needs="2 folds repeated 5 times: models trained on half of the samples.",
            inputs="scores",
            compare=compare_by_five_by_two_f,
            refusal=refuse_other_than_five_by_two,
            p_values=five_by_two_f_p,
        ),
        Comparison(
            name="five_by_two_t",
            title="5x2cv paired t test",
            formula=r"t = \frac{d_{11}}{\sqrt{\frac{1}{5} \sum_{i=1}^5 s_i^2}}, \quad 5 "
            r"\text{ degrees of freedom}",
            source="Dietterich 1998, doi:10.1162/089976698300017197",
            assumes="As the 5x2cv F test. The difference it judges is the first of ten, so the order of "
            "folds changes the answer.",
            needs="2 folds repeated 5 times: models trained on half of the samples.",
            inputs="scores",
            compare=compare_by_five_by_two_t,
            refusal=refuse_other_than_five_by_two,
            p_values=five_by_two_t_p,
        ),
        Comparison(
            name="mcnemar",
            title="McNemar's exact test",
            formula=r"p = \min\left(1,\; 2 \sum_{i=0}^{\min(b, c)} \binom{b + c}{i} 2^{-(b + c)}\right)",
            source="McNemar 1947, doi:10.1007/BF02295996; Dietterich 1998, doi:10.1162/089976698300017197",
            assumes="Samples are independent. It judges these trained networks: what other training samples "
            "or another seed would change is left out.",
            needs="Both models' out-of-fold predictions, one for each sample; b and c of them are right by "
            "one model alone, 6 together at least.",
            inputs="predictions",
            compare=compare_predictions,
            refusal=lambda resampling: "",
        ),
        Comparison(
            name="paired_t",
            title="Plain paired t test (too sure of itself)",
            formula=r"t = \frac{\bar d}{s / \sqrt{J}}, \quad J - 1 \text{ degrees of freedom}",
            source="Student 1908, doi:10.2307/2331554; why not on folds: Dietterich 1998, "
            "doi:10.1162/089976698300017197",
            assumes="Folds are independent draws, which they are not: any two share training samples.",
            needs="Nothing that would make it right: repeating the folds makes it worse.",
            inputs="scores",
            compare=compare_naively,
            refusal=refuse_single_samples,
            p_values=naive_p,
            sound=False,
        ),
    ],
)
