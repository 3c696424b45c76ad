"""What a point of a loss landscape costs: ours beside the paper's procedure and the package loss-landscapes.

    python benchmarks/landscape.py [--rounds 3] [--only mlp,workers,accuracy,resnet,gpu]

mlp: a plane of 25 x 25 points of the MLP 784-200-200-10 on 2,000 samples, processor time per point, one
    thread. Bars: at most a fifth of the package loss-landscapes 3.0.6 (in requirements-dev.txt), and at most
    an eighth of the paper's procedure: weights written into the network, then batches of 128 out of a
    DataLoader over a TensorDataset.
workers: the same plane by the clock, two worker threads against one. Bar: at least 1.6 times as fast.
accuracy: losses against a float64 reference, along rows of 25 points and at single ones, which are computed
    in two ways. Bars: 1e-6 relative, and four digits of small ones.
resnet: ResNet-20 on 250 pictures of 3x32x32, processor time per point. Bars: at least 1.35 times as fast as
    the procedure in batches of 128; the multiplications at 90% at least of the rate of a plain matrix
    product in the same run; and in bfloat16, where the processor has it, at least 2.3 times, within 2e-3.
gpu: where there is one, both networks again by the clock: all points of a row as one pass against the
    procedure on that device. Bar: losses agree to 1e-3, since convolutions round to TF32 there.

Networks have random weights and a few steps of training; the samples are random numbers, since their values
change nothing of the time. In every round each way takes its turn, and ratios are of one round; their median
counts. Exits 0 where all bars hold, 1 where one does not.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before torch is imported

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from models.zoo import build_model  # noqa: E402
from training.directions import random_plane, weights_of  # noqa: E402
from training.landscape_batched import BatchedLosses  # noqa: E402
from training.landscape_chain import ChainLosses  # noqa: E402
from training.landscape_grid import Grid, Losses, compute  # noqa: E402
from training.landscape_modules import FoldedLosses  # noqa: E402
from training.landscape_preview import PreviewLosses  # noqa: E402
from training.landscape_scores import Samples, Score  # noqa: E402

PACKAGE_BAR, PROCEDURE_BAR, WORKERS_BAR = 5.0, 8.0, 1.6
RESNET_BAR, RATE_BAR, BF16_BAR, BF16_ERROR = 1.35, 0.9, 2.3, 2e-3
AGREEMENT, SMALL_AGREEMENT, GPU_AGREEMENT = 1e-6, 1e-4, 1e-3
BATCH = 128
SIDE = 25
PARTS = ("mlp", "workers", "accuracy", "resnet", "gpu")
SCORE = Score("cross_entropy")

Plane = tuple[dict[str, Tensor], ...]


class Case:
    """A network a little trained, samples, and a plane through it."""

    def __init__(self, model: str, shape: tuple[int, ...], settings: dict[str, int], count: int) -> None:
        torch.manual_seed(0)
        self.network = build_model(model, shape, 10, settings)
        self.inputs, self.targets = torch.randn(count, *shape), torch.randint(10, (count,))
        optimizer = torch.optim.Adam(self.network.parameters(), 1e-3)
        for _ in range(10):
            optimizer.zero_grad()
            nn.functional.cross_entropy(self.network(self.inputs[:200]), self.targets[:200]).backward()
            optimizer.step()
        self.network.eval()
        self.plane: Plane = (
            weights_of(self.network), *random_plane(weights_of(self.network), "filter", True, True, 0)
        )  # fmt: skip
        self.samples = {"test": Samples(self.inputs, self.targets)}

    def to(self, device: torch.device) -> Case:
        """The same on another device."""
        moved = copy.copy(self)
        moved.network = copy.deepcopy(self.network).to(device)
        moved.inputs, moved.targets = self.inputs.to(device), self.targets.to(device)
        moved.plane = tuple({name: own.to(device) for name, own in part.items()} for part in self.plane)
        moved.samples = {"test": Samples(moved.inputs, moved.targets)}
        return moved

    def grid(self) -> Grid:
        return Grid((-1.0, 1.0), (-1.0, 1.0), {"test": len(self.targets)}, SIDE)

    def chain(self) -> ChainLosses:
        return ChainLosses(self.network, self.plane, self.samples, SCORE, points=SIDE**2)


def procedure(case: Case, places: list[tuple[float, float]]) -> list[float]:
    """Mean losses as the paper's code finds them, except that the data is ready in memory."""
    network = copy.deepcopy(case.network)
    loader = DataLoader(TensorDataset(case.inputs, case.targets), batch_size=BATCH)
    found = []
    with torch.no_grad():
        for a, b in places:
            for name, own in network.named_parameters():
                own.copy_(case.plane[0][name] + a * case.plane[1][name] + b * case.plane[2][name])
            total, right = 0.0, 0
            for inputs, targets in loader:
                outputs = network(inputs)
                total += nn.functional.cross_entropy(outputs, targets, reduction="sum").item()
                right += (outputs.argmax(dim=1) == targets).sum().item()
            found.append(total / len(case.targets))
    return found


def package(case: Case, side: int) -> None:
    """The package's own plane, on the whole data at once."""
    import loss_landscapes
    from loss_landscapes.metrics import Loss

    metric = Loss(nn.functional.cross_entropy, case.inputs, case.targets)
    with torch.no_grad():
        loss_landscapes.random_plane(case.network, metric, 1, side, "filter", deepcopy_model=True)


def ours(case: Case, make: Callable[[int], Losses], workers: int, level: int = SIDE) -> Grid:
    """The plane of a level and of the ones before it."""
    grid = case.grid()
    for each in grid.levels:
        if each <= level:
            compute(grid, each, make, workers, lambda: False)
    return grid


def processor(work: Callable[[], object]) -> float:
    """Seconds of processor time, of all threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def clock(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def verdict(name: str, figure: float, bar: float) -> bool:
    holds = figure >= bar
    print(f"  {name}: {figure:.2f} (bar: at least {bar:g}){'' if holds else '   MISSED'}")
    return holds


def mlp_case() -> Case:
    return Case("mlp", (1, 28, 28), {"hidden_layers": 2, "hidden_width": 200}, 2000)


def mlp(options: argparse.Namespace) -> bool:
    case = mlp_case()
    some = [(a / 10, b / 10) for a in range(-4, 4) for b in range(-4, 4)]

    def chain() -> None:
        losses = case.chain()  # one for all levels, as the product has it
        ours(case, lambda number: losses, 1)

    rounds: dict[str, list[float]] = {"ours": [], "loss-landscapes": [], "procedure": []}
    try:
        import loss_landscapes  # noqa: F401
    except ImportError:
        print("  the package loss-landscapes is missing: pip install -r requirements-dev.txt")
        return False
    package(case, 4), procedure(case, some[:4]), chain()
    for _ in range(options.rounds):
        rounds["ours"].append(processor(chain) / SIDE**2)
        rounds["loss-landscapes"].append(processor(lambda: package(case, 12)) / 144)
        rounds["procedure"].append(processor(lambda: procedure(case, some)) / len(some))
    for name, found in rounds.items():
        print(f"  {name:<16} {1000 * statistics.median(found):7.2f} ms of processor time per point")
    held = True
    for name, bar in (("loss-landscapes", PACKAGE_BAR), ("procedure", PROCEDURE_BAR)):
        ratios = [other / own for other, own in zip(rounds[name], rounds["ours"], strict=True)]
        held &= verdict(f"times cheaper than {name}", statistics.median(ratios), bar)
    return held


def workers(options: argparse.Namespace) -> bool:
    case = mlp_case()
    losses = case.chain()
    ours(case, lambda number: losses, 2)
    ratios = []
    for _ in range(options.rounds):
        one, two = (clock(lambda count=count: ours(case, lambda number: losses, count)) for count in (1, 2))
        ratios.append(one / two)
        print(f"  one worker {one:.2f} s, two {two:.2f} s")
    return verdict("two workers against one, by the clock", statistics.median(ratios), WORKERS_BAR)


def accuracy(options: argparse.Namespace) -> bool:
    case = mlp_case()
    sharp = copy.deepcopy(case)  # sure of its answers, and right: losses of 1e-9
    with torch.no_grad():
        outputs = written(sharp, 0.0, 0.0)(sharp.inputs.double())
        two = outputs.topk(2).values
        sure = (two[:, 0] - two[:, 1]).argsort(descending=True)[:500]
        scale = float(18 / (two[sure, 0] - two[sure, 1]).min())
        for name in ("output.weight", "output.bias"):
            sharp.plane[0][name].mul_(scale)
    sharp.inputs, sharp.targets = sharp.inputs[sure], outputs[sure].argmax(dim=1)
    sharp.samples = {"test": Samples(sharp.inputs, sharp.targets)}
    held = True
    rows = [
        (a, torch.linspace(-reach, reach, SIDE).tolist()) for a, reach in ((0.0, 1), (-0.6, 1), (0.01, 0.1))
    ]
    rows += [(a, [b]) for a, b in ((0.0, 0.0), (0.01, -0.02), (0.1, -0.05), (-0.6, 0.7))]
    for name, own, bar in (("losses", case, AGREEMENT), ("small losses", sharp, SMALL_AGREEMENT)):
        losses = ChainLosses(own.network, own.plane, own.samples, SCORE)
        assert losses.flips is not None  # so that rows of 25 points are not computed as single ones are
        worst, seen = 0.0, []
        for a, row in rows:
            found = (losses.row(a, row)["test"][:, 0] / len(own.targets)).tolist()
            with torch.no_grad():
                true = [
                    float(nn.functional.cross_entropy(written(own, a, b)(own.inputs.double()), own.targets))
                    for b in row
                ]
            worst, seen = max(worst, *_off(true, found)), [*seen, *true]
        print(f"  {name} from {min(seen):.3g} to {max(seen):.3g}: off by {worst:.1e} (bar: {bar:g})")
        held &= worst <= bar
    return held


def written(case: Case, a: float, b: float) -> nn.Module:
    """The network of a point in float64."""
    network = copy.deepcopy(case.network).double()
    with torch.no_grad():
        for name, own in network.named_parameters():
            parts = [part[name].double() for part in case.plane]
            own.copy_(parts[0] + a * parts[1] + b * parts[2])
    return network


def resnet_case() -> Case:
    return Case("resnet20", (3, 32, 32), {}, 250)


def resnet(options: argparse.Namespace) -> bool:
    case = resnet_case()
    places = [(0.1 * step, -0.1 * step) for step in range(3)]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        case.network(case.inputs)
    flops = float(counter.get_total_flops())
    has_bf16 = any(word in flags() for word in ("avx512_bf16", "amx_bf16", "bf16"))
    exact, preview = (
        kind(case.network, case.plane, case.samples, SCORE) for kind in (FoldedLosses, PreviewLosses)
    )

    def points(losses: FoldedLosses) -> list[float]:
        return [float(losses.row(a, [b])["test"][0, 0]) / len(case.targets) for a, b in places]

    square = torch.randn(1024, 1024)
    procedure(case, places[:1]), points(exact), points(preview), square @ square
    ratios, rates, halves = [], [], []
    for _ in range(options.rounds):
        slow = processor(lambda: procedure(case, places)) / len(places)
        own = processor(lambda: points(exact)) / len(places)
        product = min(processor(lambda: [square @ square for _ in range(20)]) / 20 for _ in range(3))
        ratios.append(slow / own)
        rates.append((flops / own) / (2 * 1024**3 / product))
        line = f"  procedure {1000 * slow:.0f} ms, ours {1000 * own:.0f} ms a point"
        if has_bf16:
            half = processor(lambda: points(preview)) / len(places)
            halves.append(slow / half)
            line += f", in bfloat16 {1000 * half:.0f} ms"
        print(line)
    held = verdict("times faster than the procedure", statistics.median(ratios), RESNET_BAR)
    held &= verdict("of a matrix product's rate", statistics.median(rates), RATE_BAR)
    truth, found = procedure(case, places), points(exact)
    print(f"  losses agree with the procedure's to {max(_off(truth, found)):.1e}")
    if has_bf16:
        held &= verdict("times faster in bfloat16", statistics.median(halves), BF16_BAR)
        error = max(_off(truth, points(preview)))
        print(f"  bfloat16 is off by {error:.1e} (bar: {BF16_ERROR:g})")
        held &= error <= BF16_ERROR
    else:
        print("  this processor has no bfloat16: not measured")
    return held


def gpu(options: argparse.Namespace) -> bool:
    if not torch.cuda.is_available():
        print("  there is no GPU here: not measured")
        return True
    device = torch.device("cuda")
    print(f"  {torch.cuda.get_device_name(device)}")
    return rows_at_once(options, device, SIDE)


def rows_at_once(options: argparse.Namespace, device: torch.device, side: int) -> bool:
    """Rows of so many points in one pass each, as the product computes them on an accelerator."""
    shares = [-1 + 2 * place / (side - 1) for place in range(side)]
    row = [(0.3, share) for share in shares]
    held = True
    for case, kind in ((mlp_case(), chain_of_rows), (resnet_case(), modules_of_rows)):
        own = case.to(device)
        losses = kind(own)
        # Both end with numbers on the processor, so that the clock has waited for the device
        ways = (lambda own=own: procedure(own, row), lambda losses=losses: losses.row(0.3, shares)["test"])
        truth, found = (way() for way in ways)
        worst = max(_off(truth, (found[:, 0] / len(own.targets)).tolist()))
        took = [[clock(way) for way in ways] for _ in range(options.rounds)]
        ratio = statistics.median(slow / fast for slow, fast in took)
        each = 1000 * statistics.median(fast for _, fast in took) / side
        print(
            f"  {kind.__doc__}: {ratio:.1f} times as fast as the procedure, {each:.2f} ms a point; ", end=""
        )
        print(f"losses agree to {worst:.1e} (bar: {GPU_AGREEMENT:g})")
        held &= worst <= GPU_AGREEMENT
    return held


def chain_of_rows(case: Case) -> Losses:
    """MLP 784-200-200-10, 2,000 samples"""
    return ChainLosses(case.network, case.plane, case.samples, SCORE, together=True)


def modules_of_rows(case: Case) -> Losses:
    """ResNet-20, 250 pictures"""
    return BatchedLosses(case.network, case.plane, case.samples, SCORE)


def _off(truth: list[float], found: list[float]) -> Iterator[float]:
    return (abs(a - b) / abs(a) for a, b in zip(truth, found, strict=True))


def flags() -> list[str]:
    """What the processor says it can, on Linux."""
    path = Path("/proc/cpuinfo")
    text = path.read_text() if path.is_file() else ""
    return next((line.split() for line in text.splitlines() if line.startswith(("flags", "Features"))), [])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    options = parser.parse_args()
    chosen = [part for part in options.only.split(",") if part]
    if not chosen or set(chosen) - set(PARTS):
        parser.error(f"--only is {options.only!r}; name some of {', '.join(PARTS)}")
    torch.set_num_threads(1)
    held = True
    functions = dict(zip(PARTS, (mlp, workers, accuracy, resnet, gpu), strict=True))
    for part in chosen:
        print(f"{part}:", flush=True)
        held &= functions[part](options)
    print("the bars hold" if held else "a bar does not hold")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
