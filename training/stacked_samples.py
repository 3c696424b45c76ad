"""The samples of many members: each one's own, in its own order, gathered for all of them at once.

Several batches are gathered by one indexing, since at the size of small networks Python's time counts more
than the machine's.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from training.data import epoch_generator
from training.loop import batches_in
from training.members import Member, Rows
from training.parts import Normalisation

READY_BYTES = 128 * 2**20  # normalised pictures of all members are kept up to this size
BLOCK_BYTES = 16 * 2**20  # inputs gathered at a time
BLOCK_STEPS = 64
DROPOUT = 0xD809  # sets dropout's stream apart from the others that start from the run's seed


class Block(NamedTuple):
    """Steps that go together: of the same members, and with the same number of samples of each in every step
    unless uneven ones were asked for (`EpochOrder.blocks`).
    """

    first: int  # step of the epoch, from 0
    steps: int
    members: np.ndarray  # places in the stack
    sizes: np.ndarray  # [steps, members]: samples; shorter batches are filled up

    @property
    def size(self) -> int:
        """Samples of a batch, those that fill it up included."""
        return int(self.sizes.max())

    def groups(self) -> list[tuple[int, np.ndarray]]:
        """Each number of samples in a step, and the columns of `members` that have it."""
        sizes = self.sizes[0]
        return [(int(size), np.flatnonzero(sizes == size)) for size in np.unique(sizes)]

    def share(self, device: torch.device) -> Float[Tensor, "members batch"]:
        """What each sample counts in its member's loss; 0 for one that fills up."""
        sizes = self.sizes[0, :, None]
        return torch.from_numpy(((np.arange(self.size) < sizes) / sizes).astype(np.float32)).to(device)


class StackedSamples:
    """One split of all members. Tensors that members share are held once."""

    def __init__(
        self,
        parts: Sequence[Rows],
        normalise: Sequence[Normalisation | None],
        device: torch.device,
        at_once: bool = True,
    ) -> None:
        """`at_once`: normalised where there is room; else whoever makes it calls `normalise_now`, or
        `keep_as_floats`.
        """
        self.device = device
        self.lengths = np.array([len(part) for part in parts])
        self.normalise = list(normalise)
        distinct = {id(part.inputs): part.inputs for part in parts}
        starts = dict(zip(distinct, _starts([len(inputs) for inputs in distinct.values()]), strict=True))
        self.bank = (
            next(iter(distinct.values())) if len(distinct) == 1 else torch.cat(list(distinct.values()))
        )
        self.rows = torch.cat([part.rows + starts[id(part.inputs)] for part in parts])
        own = [part.targets[part.rows.to(part.targets.device)] for part in parts]
        self.targets = torch.cat(own).to(device)
        self.starts = np.array(_starts(self.lengths.tolist()))  # of each member in rows and targets
        self.everything: tuple[Tensor, Tensor] | None = None  # what was gathered of all members' samples
        if at_once:
            self.normalise_now()

    def normalise_now(self) -> None:
        """Where there is room, every member's samples as floats, so that an epoch is indexing only. Members
        of the same samples (a sweep's, of one seed) share them: what fits the cache is indexed sooner.
        """
        if all(each is None for each in self.normalise):
            return
        parts = list(zip(self.rows.split(self.lengths.tolist()), self.normalise, strict=True))
        distinct: list[tuple[Tensor, Normalisation | None]] = []
        shared = []  # the place in `distinct` of each member's
        for rows, each in parts:
            alike = (
                place
                for place, (other, by) in enumerate(distinct)
                if by is each and len(other) == len(rows) and torch.equal(other, rows)
            )
            if (place := next(alike, None)) is None:
                place = len(distinct)
                distinct.append((rows, each))
            shared.append(place)
        sizes = [len(rows) for rows, _ in distinct]
        if sum(sizes) * int(np.prod(self.bank.shape[1:])) * 4 > READY_BYTES:
            return
        ready = [
            _normalised(self.bank[rows.to(self.bank.device)].to(self.device), each) for rows, each in distinct
        ]
        self.bank = torch.cat(ready)
        starts = _starts(sizes)
        self.rows = torch.cat([torch.arange(starts[p], starts[p] + sizes[p]) for p in shared])
        self.normalise = [None] * len(self.lengths)

    def keep_as_floats(self) -> bool:
        """The samples that any member has as float32, each once and not normalised, which `factors` do. False
        where there is no room.
        """
        used, rows = torch.unique(self.rows, return_inverse=True)
        if len(used) * int(np.prod(self.bank.shape[1:])) * 4 > READY_BYTES:
            return False
        if len(used) < len(self.bank):
            self.bank, self.rows = self.bank[used], rows
        self.bank = self.bank.to(torch.float32)
        return True

    def factors(self) -> tuple[Float[Tensor, "members features"], Float[Tensor, "members features"]]:
        """What each member multiplies its inputs by, and adds to them."""
        shape = self.bank.shape[1:]
        scale, shift = torch.ones(len(self.normalise), *shape), torch.zeros(len(self.normalise), *shape)
        for place, each in enumerate(self.normalise):
            if each is not None:
                scale[place].mul_(each.scale)
                shift[place].add_(each.shift)
        return scale.flatten(1), shift.flatten(1)

    def gather(
        self, members: np.ndarray, places: Int64[Tensor, "steps members batch"]
    ) -> tuple[Float[Tensor, "steps members batch *shape"], Tensor]:
        """The inputs and targets of these places, which count each member's own samples from 0."""
        rows, targets = self.locate(members, places)
        chosen = self.bank.index_select(0, rows.flatten().to(self.bank.device)).to(self.device)
        return self._ready(chosen.view(*places.shape, *chosen.shape[1:]), members), targets

    def locate(
        self, members: np.ndarray, places: Int64[Tensor, "steps members batch"]
    ) -> tuple[Int64[Tensor, "steps members batch"], Tensor]:
        """Where in `bank` the inputs of these places lie, and their targets."""
        own = (places + torch.from_numpy(self.starts[members])[:, None]).flatten()
        targets = self.targets.index_select(0, own.to(self.device))
        rows = self.rows.index_select(0, own)
        return rows.view(places.shape), targets.view(*places.shape, *targets.shape[1:])

    def _ready(self, inputs: Tensor, members: np.ndarray) -> Tensor:
        chosen = [each for each in (self.normalise[m] for m in members.tolist()) if each is not None]
        if not chosen:
            return inputs
        shape = (len(chosen), 1, -1, 1, 1)  # members, batch, channels, height, width
        scale, shift = (
            torch.stack([torch.as_tensor(number, dtype=torch.float32, device=self.device) for number in both])
            for both in zip(*((each.scale, each.shift) for each in chosen), strict=True)
        )
        return inputs.to(torch.float32).mul_(scale.reshape(shape)).add_(shift.reshape(shape))

    def select(self, rows: np.ndarray) -> StackedSamples:
        """These members' samples, in the same tensors."""
        part = copy.copy(self)
        part.lengths, part.starts = self.lengths[rows], self.starts[rows]
        part.normalise = [self.normalise[row] for row in rows.tolist()]
        part.everything = None
        return part


class EpochOrder:
    """Which samples each member takes in each step of one epoch: those of the single run of its seed.
    `taken` [members, samples] counts each member's own from 0, whole batches one after the other.
    """

    def __init__(self, members: Sequence[Member], epoch: int) -> None:
        self.batch = members[0].config.batch_size
        lengths = np.array([len(member.train) for member in members])
        self.steps = np.array([batches_in(int(length), self.batch) for length in lengths])
        most = int(self.steps.max())
        counts = np.minimum(lengths, self.steps * self.batch)
        self.taken = np.zeros((len(members), most * self.batch), np.int64)
        alike: dict[tuple[int, int], list[int]] = {}  # folds of one size and seed have one order
        for place, (member, length) in enumerate(zip(members, lengths.tolist(), strict=True)):
            alike.setdefault((member.config.seed, length), []).append(place)
        for (seed, length), places in alike.items():
            order = torch.randperm(length, generator=epoch_generator(seed, epoch)).numpy()
            self.taken[places, : counts[places[0]]] = order[: counts[places[0]]]
        # Samples of each member in each step
        self.sizes = np.clip(counts - self.batch * np.arange(most)[:, None], 0, self.batch)

    def blocks(self, most: int, fill: bool, uneven: bool = False) -> Iterator[Block]:
        """The epoch in blocks of at most `most` steps.

        Where some members have fewer samples left than others, their batch is filled up with samples that
        count nothing. Without `fill`, for batch norm, which would count them, and where some have none left,
        such a step is shared out by size. `uneven`: a block may have steps of different sizes.
        """
        first = 0
        while first < len(self.sizes):
            sizes = self.sizes[first]
            ahead = self.sizes[first : first + most]
            alike = (ahead > 0 if uneven and sizes.all() else ahead == sizes).all(axis=1)
            steps = len(alike) if alike.all() else int(alike.argmin())
            if fill and sizes.all():
                yield Block(first, steps, np.arange(len(sizes)), ahead[:steps])
            else:
                for size in np.unique(sizes[sizes > 0]):
                    members = np.flatnonzero(sizes == size)
                    yield Block(first, steps, members, ahead[:steps, members])
            first += steps

    def of(self, block: Block) -> Int64[Tensor, "steps members batch"]:
        """The samples of a block, which count each member's own from 0."""
        places = torch.from_numpy(self.taken).view(len(self.taken), -1, self.batch)
        own = places[torch.from_numpy(block.members), block.first : block.first + block.steps, : block.size]
        return own.transpose(0, 1)


class DropoutMasks:
    """The masks of every dropout of every member, from a stream of each member's own."""

    def __init__(
        self,
        members: Sequence[Member],
        sites: dict[str, tuple[int, ...]],
        device: torch.device,
    ) -> None:
        self.sites, self.device = sites, device
        self.batch = members[0].config.batch_size
        self.rates = [float(member.config.model_settings.get("dropout", 0.0)) for member in members]
        self.streams = [torch.Generator().manual_seed(member.config.seed ^ DROPOUT) for member in members]

    def draw(self, block: Block) -> list[dict[str, Tensor]]:
        """The masks of each step of a block: 0 or 1 / (1 - p), [members, *shape, samples]."""
        every = self.drawn(block)
        if every is None:
            return [{}] * block.steps
        numbers = [int(np.prod(shape)) for shape in self.sites.values()]
        split = every[..., : block.size].to(self.device).split(numbers, dim=2)
        shaped = {
            f"{name}.mask": part.unflatten(2, shape)
            for (name, shape), part in zip(self.sites.items(), split, strict=True)
        }
        return [{name: masks[step] for name, masks in shaped.items()} for step in range(block.steps)]

    def drawn(self, block: Block) -> Float[Tensor, "steps members numbers batch"] | None:
        """The same as one tensor on the CPU, one site after the other and for whole batches; None without
        dropout.
        """
        numbers = sum(int(np.prod(shape)) for shape in self.sites.values())
        if not numbers:
            return None
        return torch.stack([self._of(m, block.steps, numbers) for m in block.members.tolist()], dim=1)

    def _of(self, member: int, steps: int, numbers: int) -> Float[Tensor, "steps numbers batch"]:
        """A step takes as many random numbers whatever its size and the block's: so a member has the same
        masks in any company. Drawn on the CPU: the same on every device.
        """
        rate = self.rates[member]
        if not rate:
            return torch.ones(steps, numbers, self.batch)
        drawn = torch.rand(steps, numbers, self.batch, generator=self.streams[member])
        return (drawn >= rate).to(torch.float32).div_(1 - rate)

    def select(self, rows: np.ndarray) -> DropoutMasks:
        part = copy.copy(self)
        part.rates = [self.rates[row] for row in rows.tolist()]
        part.streams = [self.streams[row] for row in rows.tolist()]
        return part


def steps_at_once(members: int, batch: int, input_shape: tuple[int, ...], masked: int) -> int:
    """Steps whose inputs and masks (`masked` numbers a sample) are made at a time."""
    step_bytes = 4 * members * batch * (int(np.prod(input_shape)) + masked)
    return int(np.clip(BLOCK_BYTES // step_bytes, 1, BLOCK_STEPS))


def _starts(lengths: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(lengths).tolist()][: len(lengths)]


def _normalised(inputs: Tensor, normalise: Normalisation | None) -> Tensor:
    return inputs if normalise is None else normalise(inputs)
