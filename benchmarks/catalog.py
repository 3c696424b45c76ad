"""A thousand runs listed: our catalog, cold and warm, beside opening each run's Parquet for its last values.

    python benchmarks/catalog.py [--runs 1000]

The bar: cold, in a fresh process, within 1 second. Exits 0 where it holds, 1 where not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

BAR_SECONDS = 1.0
REPEATS = 5  # fresh processes; the median is compared with the bar
STEPS = 50  # logged per run: few, since a list must not depend on how long runs are

OURS = """
import json, sys, time
started = time.perf_counter()
from logs.catalog import RunCatalog
catalog = RunCatalog(sys.argv[1])
rows = catalog.rows()
cold = time.perf_counter() - started
again = time.perf_counter()
catalog.rows()
warm = time.perf_counter() - again
assert all(row.broken is None and row.last("loss", "train") < 1 for row in rows)  # NaN is not below 1
print(json.dumps({"runs": len(rows), "cold": cold, "warm": warm}))
"""

NAIVE = """
import json, sys, time
started = time.perf_counter()
from pathlib import Path
import pyarrow.parquet as parquet
rows = []
for run in sorted(Path(sys.argv[1]).iterdir()):
    info = json.loads((run / "run.json").read_bytes())
    last = {}
    for part in sorted((run / "scalars").glob("*.parquet")):
        table = parquet.read_table(part, columns=["step", "split", "metric", "value"]).sort_by("step")
        columns = (table.column(name).to_pylist() for name in ("split", "metric", "value"))
        last.update({(split, metric): value for split, metric, value in zip(*columns)})
    assert last
    rows.append((info["id"], last))
print(json.dumps({"runs": len(rows), "cold": time.perf_counter() - started}))
"""


def make_runs(runs: Path, count: int) -> None:
    """Finished runs, each written by RunWriter: run.json, status.json, one compacted part."""
    from logs.writer import RunWriter

    config = {f"setting_{number}": number for number in range(30)}
    for number in range(count):
        with RunWriter.create(runs, model="mlp", dataset="digits", config=config, seed=number) as run:
            for step in range(STEPS):
                run.log(
                    step, {"loss": 1 / (step + 1), "accuracy": step / STEPS}, split="train", epoch=step / 10
                )
            run.log(STEPS, {"loss": 0.1, "accuracy": 0.9}, split="validation", epoch=STEPS / 10)
        if sys.stderr.isatty():
            print(f"\rmaking runs: {number + 1} of {count}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)


def measure(code: str, runs: Path) -> dict[str, float]:
    """What `code` prints as JSON, in a process that has imported nothing yet."""
    result = subprocess.run(
        [sys.executable, "-c", code, str(runs)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise SystemExit(f"the measured process failed:\n{result.stderr}")
    found: dict[str, float] = json.loads(result.stdout)
    return found


def main() -> int:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--runs", type=int, default=1000, metavar="COUNT", help="how many runs are made")
    count = arguments.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="descent-catalog-") as folder:
        runs = Path(folder)
        started = time.perf_counter()
        make_runs(runs, count)
        made = time.perf_counter() - started
        ours = [measure(OURS, runs) for _ in range(REPEATS)]
        naive = [measure(NAIVE, runs) for _ in range(REPEATS)]
    cold = statistics.median(row["cold"] for row in ours)
    warm = statistics.median(row["warm"] for row in ours)
    baseline = statistics.median(row["cold"] for row in naive)
    assert {row["runs"] for row in ours + naive} == {count}
    print(f"{count:,} finished runs of {STEPS * 2 + 2} values, made in {made:.1f} s; medians of {REPEATS}")
    print(f"{'':34}{'seconds':>9}")
    print(f"{'catalog, cold (imports included)':34}{cold:9.3f}   bar {BAR_SECONDS:.1f}")
    print(f"{'catalog, warm':34}{warm:9.3f}")
    print(f"{'each Parquet opened, cold':34}{baseline:9.3f}   {baseline / cold:.1f}x the catalog")
    held = cold <= BAR_SECONDS
    print("the bar holds" if held else "THE BAR DOES NOT HOLD")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
