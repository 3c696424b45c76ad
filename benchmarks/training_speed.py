"""How fast a whole training is: ours, with all its logging and Visdom on, beside the two usual loops.

    python benchmarks/training_speed.py [--data DIR] [--optimizer adam] [--rounds 6]

The network is the MLP 784-200-200-10, the batch 200, the data 60,000 images of Fashion-MNIST (or, where there
are none, random images in the same files, which it says). One thread each. In every round each loop takes its
turn, and ours is compared with its neighbours of the same round: the medians of those ratios count, since the
machine's own speed drifts from round to round. Epochs are of 60,000 images for all.

| loop | what it does |
|---|---|
| item by item | torchvision's Dataset with ToTensor and Normalize, through a DataLoader, and nothing else |
| TensorDataset | the same images as one normalised float tensor, through a DataLoader, and nothing else |
| ours | everything: metrics, norms, histograms, pictures, evaluation, checkpoints, the test, streaming |
| ours, silent | the same without logging and streaming |

Bars: at least 7 times the first and at least 1.2 times the second; logging and streaming cost under 3% by the
clock, as the median over pairs of trainings with and without them, one right after the other in turned order
(the processor time of all threads is printed too). Exits 0 where all hold, 1 where not.
"""

from __future__ import annotations

import argparse
import gzip
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before torch is imported

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, Subset, TensorDataset  # noqa: E402

from logs.visdom_process import VisdomProcess  # noqa: E402
from logs.visdom_server import server_is_up  # noqa: E402
from logs.writer import RunWriter  # noqa: E402
from models.zoo import build_model  # noqa: E402
from training.config import RunConfig  # noqa: E402
from training.console import Console  # noqa: E402
from training.data import Data, load_data  # noqa: E402
from training.loop import Trainer  # noqa: E402
from training.observe import Observer  # noqa: E402
from training.optimizers import OPTIMIZERS  # noqa: E402
from training.randomness import seed_everything  # noqa: E402

IMAGES = 60_000
SOME = 20_000  # images of a turn of the slowest loop, whose speed does not change within an epoch
BATCH = 200
BARS = {"item by item": 7.0, "TensorDataset": 1.2}
COST_BAR = 3.0  # percent
CPU = torch.device("cpu")


class Rate(NamedTuple):
    """Images per second of the clock, and per second of this process's processors (of all its threads)."""

    clock: float
    processor: float


class SilentObserver(Observer):
    """Measures on the validation and test data, as a training must, and logs nothing."""

    def after_step(self, *_: Any, **__: Any) -> None:
        pass

    def after_epoch(
        self, step: int, epoch: int, outputs: torch.Tensor, targets: torch.Tensor
    ) -> dict[str, float]:
        return self.scores(outputs, targets)

    def at_the_end(
        self, step: int, epoch: int, outputs: torch.Tensor, targets: torch.Tensor
    ) -> dict[str, float]:
        return self.scores(outputs, targets)


class Quiet(Console):
    def say(self, line: str) -> None:
        pass


def usual_loop(batches: DataLoader[Any], optimizer: str, rate: float) -> None:
    """One epoch, or as many of its batches as there are, as tutorials write it."""
    torch.manual_seed(0)
    network = build_model("mlp", (1, 28, 28), 10, {"hidden_width": 200})
    made = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer](network.parameters(), lr=rate)
    loss_function = nn.CrossEntropyLoss()
    network.train()
    for inputs, targets in batches:
        made.zero_grad()
        loss = loss_function(network(inputs), targets)
        loss.backward()
        made.step()


def ours(config: RunConfig, data: Data, runs: Path, server: str | None) -> Rate:
    """A whole training: validation, test, checkpoints and the end of the run included."""
    run = RunWriter.create(runs, model="mlp", dataset="fashion_mnist", config=config.to_dict())
    stream = VisdomProcess(run.directory, server, say=lambda _: None).start() if server else None
    seed_everything(config.seed, CPU)
    with Quiet() as console:
        trainer = Trainer(config, data, run, CPU, console)
        if server is None:
            trainer.observer.__class__ = SilentObserver

        def whole() -> None:
            trainer.fit()
            run.finish()

        rate = timed(config.epochs * len(data.train), whole)
    if stream is not None:
        stream.close(timeout=10)
    return rate


def timed(images: int, loop: Callable[[], None]) -> Rate:
    start, processor = time.perf_counter(), time.process_time()
    loop()
    return Rate(images / (time.perf_counter() - start), images / (time.process_time() - processor))


def data_folder(given: Path | None, scratch: Path) -> tuple[Path, str]:
    """The folder of Fashion-MNIST and what to call it; random images in its format where there is none."""
    folder = given or (Path(os.environ["DESCENT_DATA"]) if os.environ.get("DESCENT_DATA") else None)
    if folder is not None and (folder / "FashionMNIST" / "raw").is_dir():
        return folder, "Fashion-MNIST"
    raw = scratch / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, count in (("train", IMAGES), ("t10k", 10_000)):
        for kind, shape, top in (("images-idx3", (count, 28, 28), 256), ("labels-idx1", (count,), 10)):
            values = random.integers(0, top, shape, np.uint8)
            header = np.array([0x800 + len(shape), *shape], ">i4").tobytes()
            path = raw / f"{part}-{kind}-ubyte"
            path.write_bytes(header + values.tobytes())
            with gzip.open(f"{path}.gz", "wb", compresslevel=1) as packed:
                packed.write(header + values.tobytes())
    return scratch, "random images (no Fashion-MNIST found; name its folder with --data)"


@contextmanager
def visdom(scratch: Path) -> Iterator[str]:
    """A real Visdom server in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "logs.visdom_server",
        "--port",
        str(port),
        "--env-path",
        str(scratch / "visdom"),
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=REPOSITORY, **quiet)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while not server_is_up(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the Visdom server did not start; try `python -m logs.visdom_server`")
            time.sleep(0.2)
        time.sleep(3)  # it fetches its page in the background
        yield address
    finally:
        process.terminate()
        process.wait()


def usual_loops(folder: Path, data: Data, optimizer: str, rate: float) -> dict[str, Callable[[], Rate]]:
    """Each runs an epoch, or a third of one, and says its images per second."""
    from torchvision import transforms
    from torchvision.datasets import FashionMNIST

    normalise = transforms.Compose([transforms.ToTensor(), transforms.Normalize(data.mean, data.std)])
    some = Subset(FashionMNIST(str(folder), train=True, transform=normalise), range(SOME))
    items = DataLoader(some, batch_size=BATCH, shuffle=True)
    raw = FashionMNIST(str(folder), train=True)
    floats = (raw.data[:, None].float() / 255 - data.mean[0]) / data.std[0]
    tensors = DataLoader(TensorDataset(floats, raw.targets), batch_size=BATCH, shuffle=True)
    return {
        "item by item": lambda: timed(SOME, lambda: usual_loop(items, optimizer, rate)),
        "TensorDataset": lambda: timed(IMAGES, lambda: usual_loop(tensors, optimizer, rate)),
    }


Measured = tuple[dict[str, list[Rate]], list[tuple[Rate, Rate]], str]  # rounds, pairs, what the data is


def measure(options: argparse.Namespace, scratch: Path) -> Measured:
    folder, what = data_folder(options.data, scratch)
    config = RunConfig(
        dataset="fashion_mnist",
        batch_size=BATCH,
        validation_share=0.01,
        optimizer=options.optimizer,
        epochs=options.epochs,
        device="cpu",
    ).replace(hidden_width=200)
    data = load_data(config, CPU, folder)
    rates: dict[str, list[Rate]] = {}
    with visdom(scratch) as server:
        loops = usual_loops(
            folder, data, options.optimizer, OPTIMIZERS[options.optimizer].default_learning_rate
        )
        loops["ours"] = lambda: ours(config, data, scratch / "runs", server)

        def silent() -> Rate:
            return ours(config, data, scratch / "runs", None)

        ours(config.replace(epochs=1), data, scratch / "runs", server)  # imports and first allocations
        for turn in range(options.rounds):
            print(f"round {turn + 1} of {options.rounds}: ", end="", flush=True)
            for name in list(loops) if turn % 2 == 0 else reversed(loops):
                rates.setdefault(name, []).append(loops[name]())
                print(f"{name} {rates[name][-1].clock / IMAGES:.3f}  ", end="", flush=True)
            print()
        pairs = []
        for turn in range(options.pairs):
            both = [loops["ours"], silent] if turn % 2 == 0 else [silent, loops["ours"]]
            first, second = both[0](), both[1]()
            pairs.append((first, second) if turn % 2 == 0 else (second, first))
    return rates, pairs, what


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, help="folder that holds FashionMNIST/raw (default: $DESCENT_DATA)"
    )
    parser.add_argument("--optimizer", choices=("sgd", "adam"), default="sgd")
    parser.add_argument("--epochs", type=int, default=5, help="of each of our trainings")
    parser.add_argument("--pairs", type=int, default=12, help="of trainings with and without logging")
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        rates, pairs, what = measure(options, Path(scratch))
    print(f"\n{what}, 784-200-200-10, batch {BATCH}, {options.optimizer}, one thread")
    print(f"medians of {options.rounds} rounds")
    print(f"{'loop':<16}{'epochs/s':>10}{'ms per 1,000':>14}{'ours is':>10}{'bar':>8}")
    held = True
    for name, turns in rates.items():
        rate = statistics.median(turn.clock for turn in turns)
        sides = zip(rates["ours"], turns, strict=True)
        ratio, bar = statistics.median(own.clock / other.clock for own, other in sides), BARS.get(name)
        held &= bar is None or ratio >= bar
        shown = f"{bar:>7}x" if bar else ""
        print(f"{name:<16}{rate / IMAGES:>10.3f}{1e6 / rate:>14.1f}{ratio:>9.2f}x{shown}")
    cost = 100 * (statistics.median(silent.clock / full.clock for full, silent in pairs) - 1)
    of_processor = 100 * (statistics.median(silent.processor / full.processor for full, silent in pairs) - 1)
    held &= cost < COST_BAR
    print(
        f"logging and streaming cost {cost:.1f}% (median of {len(pairs)} pairs; bar: under {COST_BAR:.0f}%)"
    )
    print(f"of the processor time of all threads {of_processor:.1f}%")
    print("the bars hold" if held else "a bar does not hold")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
