"""What every test shares: one torch thread, shapes checked, real data where it is, slow tests last."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two torch threads are slower than one on busy cores
os.environ.setdefault("MKL_NUM_THREADS", "1")

if importlib.util.find_spec("beartype") is not None:
    # From here on every jaxtyping shape in models/ and training/ is checked at each call.
    from jaxtyping import install_import_hook

    # An int may stand where a float is asked for (PEP 484's numeric tower), as for every Python function.
    checker = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
    install_import_hook(["models", "training"], checker)

if importlib.util.find_spec("hypothesis") is not None:
    from hypothesis import settings

    # How long an example takes is the machine's affair. The suite draws the same ones each time, so that what
    # fails was broken by the change at hand; `pytest --hypothesis-profile=search` draws new ones.
    settings.register_profile("descent", deadline=None, derandomize=True)
    settings.register_profile("search", deadline=None)
    settings.load_profile("descent")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, slow ones next, the browser's last: a broken sum is known in seconds.

    Each gets a second try. A test that starts processes, servers or a browser on a busy machine now and then
    loses a press or a second. What fails twice is broken; the summary names each that needed its second try,
    which is a flaw of the test or of the product to be mended.
    """

    def weight(item: pytest.Item) -> int:
        return 2 * bool(item.get_closest_marker("browser")) + bool(item.get_closest_marker("slow"))

    items.sort(key=weight)
    for item in items:
        item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def same_random_numbers() -> None:
    """Every test draws the same numbers from torch's global stream, whatever ran before it."""
    torch = sys.modules.get("torch")  # a test that needs no torch doesn't wait for its import
    if torch is not None:  # logs.visdom_server keeps it out with a None
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets named by DESCENT_DATA, or a skip with the reason."""
    named = os.environ.get("DESCENT_DATA")
    if not named:
        pytest.skip("DESCENT_DATA names no folder of real data sets")
    folder = Path(named).resolve()
    if not folder.is_dir():
        pytest.skip(f"DESCENT_DATA names {folder}, which is no folder")
    return folder


@pytest.fixture(scope="session")
def fashion_mnist(real_data: Path) -> Path:
    """The data root that holds FashionMNIST/raw, or a skip with the reason."""
    if not (real_data / "FashionMNIST" / "raw").is_dir():
        pytest.skip(f"{real_data} has no FashionMNIST/raw")
    return real_data


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """A page's script takes the place of `__main__`, which spawned processes read, some works round tiny
    numbers to 0, and a Visdom server keeps packages out with a None: the next test has none of it.
    """
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
    for name in [name for name, module in sys.modules.items() if module is None]:
        del sys.modules[name]
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_flush_denormal(False)
