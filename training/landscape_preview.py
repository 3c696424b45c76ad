"""Losses of a convolutional network in bfloat16: more than twice as fast where the processor has it.

Rounded weights shift the outputs of all samples alike more than they scatter them: of a layer's output, by
the product of what the weights lost and the mean of its inputs. Before a point is computed, a few samples go
through the network, and each layer in its turn takes that shift into its bias (Nagel et al. 2019,
arXiv:1906.04721, section 4.2: bias correction, with means of real inputs).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from training.landscape_fusion import RectifiedConvolution, fuse_rectifiers
from training.landscape_modules import PICTURES, FoldedLosses, Plane, example_of, laid
from training.landscape_scores import Samples, Score

MEASURING = 8  # samples that the means are taken from: with 4 or 50 the losses are as near


class PreviewLosses(FoldedLosses):
    """`FoldedLosses` in bfloat16 after the folding."""

    pictures = 2 * PICTURES  # half as large each

    def __init__(
        self, network: nn.Module, plane: Plane, samples: Mapping[str, Samples], score: Score
    ) -> None:
        super().__init__(network, plane, samples, score)
        self.title += ", and computed in bfloat16: a preview"
        self.exact, self.network = self.network, _rounded(self.network)
        self.blocks = {
            split: [Samples(block.inputs.to(torch.bfloat16), block.targets) for block in own]
            for split, own in self.blocks.items()
        }
        self.few = next(iter(self.blocks.values()))[0].inputs[:MEASURING]  # samples are drawn: any will do
        self.run = fuse_rectifiers(self.network, laid(example_of(samples)).to(torch.bfloat16))
        self.layers = {
            own: Rounded(own, self.exact.get_submodule(name))
            for name, own in self.network.named_modules()
            if isinstance(own, nn.Conv2d | nn.Linear)
        }
        for module in self.run.modules():
            own = module.convolution if isinstance(module, RectifiedConvolution) else module
            if own in self.layers:
                module.register_forward_pre_hook(self.layers[own].measure)
            if isinstance(module, RectifiedConvolution):
                module.keep_bias()
        exact = dict(self.exact.named_parameters())  # biases that only the rounded one has are measured
        self.pairs = [(own, exact[name]) for name, own in self.network.named_parameters() if name in exact]

    def move(self, a: float, b: float) -> None:
        super().move(a, b)
        for own, exact in self.pairs:
            own.copy_(exact)
        for layer in self.layers.values():
            layer.begin()
        self.run(self.few)
        for layer in self.layers.values():
            layer.measuring = False


def _rounded(network: nn.Module) -> nn.Module:
    """A copy in bfloat16 whose layers have all a bias."""
    rounded = copy.deepcopy(network)
    for module in rounded.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is None:
            module.bias = nn.Parameter(module.weight.new_zeros(len(module.weight)), requires_grad=False)
    return rounded.to(torch.bfloat16)


class Rounded:
    """A layer in bfloat16 and the one that it is a copy of."""

    def __init__(self, own: nn.Module, exact: nn.Module) -> None:
        assert isinstance(own, nn.Conv2d | nn.Linear)
        assert isinstance(exact, nn.Conv2d | nn.Linear)
        self.own, self.exact = own, exact
        self.groups = own.groups if isinstance(own, nn.Conv2d) else 1
        self.measuring = False
        self.lost = torch.zeros(())

    def begin(self) -> None:
        """The weights are at a new point; the next inputs are the ones to measure."""
        lost = self.exact.weight - self.own.weight.float()
        if lost.dim() > 2:
            lost = lost.flatten(2).sum(2)  # over a kernel's places
        self.lost = lost.unflatten(0, (self.groups, -1))
        self.measuring = True

    def measure(self, module: nn.Module, given: tuple[Tensor, ...]) -> None:
        """Takes the shift of these inputs, [batch, channels, ...] or [..., features], into the bias."""
        if self.measuring:
            shift, bias = self.shift(given[0]), self.own.bias
            assert bias is not None
            bias.copy_(shift if self.exact.bias is None else shift + self.exact.bias)

    def shift(self, inputs: Tensor) -> Float[Tensor, "outputs"]:
        """How much larger the outputs would be on average with weights that nothing was taken from."""
        channel = 1 if isinstance(self.own, nn.Conv2d) else inputs.dim() - 1
        mean = inputs.float().mean([axis for axis in range(inputs.dim()) if axis != channel])
        shift = (self.lost @ mean.view(self.groups, -1, 1)).flatten()
        # Far out inputs overflow, with rounded weights and without: no reason for a hole in the picture
        return shift.nan_to_num(0.0, 0.0, 0.0)
