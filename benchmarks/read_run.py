"""How fast a run is read: a million points of one metric, and one metric of ten million rows for a page.

    python benchmarks/read_run.py [--rows 10000000]

The bars: 1,000,000 points of one metric within 80 ms from a finished run (warm: the file is in the kernel's
memory, the reader is new); one metric out of a run of 10,000,000 rows, thinned to what a page draws with its
extremes kept, within 0.5 s of making the reader, in a process that has just started. Beside them the naive
way: the whole table through pandas. Exits 0 where both hold, 1 where not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

MILLION_MS, PAGE_SECONDS = 80.0, 0.5
REPEATS = 5  # fresh processes; their median counts
METRICS = ("loss", "accuracy", "learning_rate", "gradient_norm")
PAGE_POINTS = 2000
SPIKE = 1e6

OURS = """
import json, sys, time
begun = time.perf_counter()
from logs import RunReader
from logs.reader import RunReader
from logs.thinning import thin
imported = time.perf_counter()
curve = RunReader(sys.argv[1]).curve("loss", "train")
read = time.perf_counter()
kept = thin(curve.step, curve.value, int(sys.argv[2]))
thinned = time.perf_counter()
assert curve.value[kept].max() == float(sys.argv[3]), "the spike is lost"
warm = []
for _ in range(5):
    again = time.perf_counter()
    assert len(RunReader(sys.argv[1]).curve("loss", "train")) == len(curve)
    warm.append(time.perf_counter() - again)
print(json.dumps({"points": len(curve), "import": imported - begun, "cold": thinned - imported,
                  "read": read - imported, "thin": thinned - read, "warm": sorted(warm)[2]}))
"""

NAIVE = """
import json, sys, time
import pandas
begun = time.perf_counter()
table = pandas.read_parquet(sys.argv[1] + "/scalars")
curve = table[(table.metric == "loss") & (table.split == "train")]
print(json.dumps({"points": len(curve), "cold": time.perf_counter() - begun}))
"""


def make_run(runs: Path, rows: int, metrics: tuple[str, ...]) -> Path:
    """A finished run with `rows` rows over the metrics, as RunWriter leaves it; one value is a spike."""
    from logs import RunWriter
    from logs.curve import Curve
    from logs.parts import part_name, publish
    from logs.scalar_parts import write_curves

    run = RunWriter.create(runs, model="mlp", dataset="fashion_mnist", command=["benchmark"])
    count = rows // len(metrics)
    chance = np.random.default_rng(0)
    step = np.arange(count)
    moments = 1_790_000_000_000_000 + np.cumsum(chance.integers(900, 1100, count))
    curves = {}
    for metric in metrics:
        value = np.exp(-5 * step / count) + 0.05 * chance.random(count)
        value[count // 3] = SPIKE
        curves[metric, "train"] = Curve(step, step / 937.5, value, moments.astype("datetime64[us]"))
    publish(run.directory.scalars / part_name(0, 0), lambda path: write_curves(path, curves))
    run.finish()
    return run.directory.path


def measured(code: str, *arguments: object) -> dict[str, float]:
    """The median of each figure over fresh processes."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    found = []
    for _ in range(REPEATS):
        answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        found.append(json.loads(answer.stdout))
    return {figure: statistics.median(result[figure] for result in found) for figure in found[0]}


def verdict(holds: bool) -> str:
    return "holds" if holds else "DOES NOT HOLD"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the large run (default %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        million = measured(OURS, make_run(Path(folder), 1_000_000, METRICS[:1]), PAGE_POINTS, SPIKE)
        large_run = make_run(Path(folder), arguments.rows, METRICS)
        large = measured(OURS, large_run, PAGE_POINTS, SPIKE)
        naive = measured(NAIVE, large_run)
    warm = million["warm"] * 1e3
    million_holds, page_holds = warm <= MILLION_MS, large["cold"] <= PAGE_SECONDS
    print(
        f"{million['points']:,.0f} points of one metric, warm: {warm:.1f} ms   bar {MILLION_MS:g} ms   "
        f"{verdict(million_holds)}"
    )
    print(
        f"one metric ({large['points']:,.0f} points) of {arguments.rows:,} rows on the page: "
        f"{large['cold']:.3f} s (read {large['read']:.3f}, thinned {large['thin']:.3f})   "
        f"bar {PAGE_SECONDS:g} s   {verdict(page_holds)}"
    )
    print(
        f"    importing the reader took {large['import']:.3f} s before that; "
        f"pandas, whole table: {naive['cold']:.3f} s, {naive['cold'] / large['cold']:.1f}x ours"
    )
    return 0 if million_holds and page_holds else 1


if __name__ == "__main__":
    sys.exit(main())
