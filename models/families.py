"""Families of networks: who came after whom, and what each paper added.

The table is a tree's nodes with their edges: `parents` are the families that a paper started from. A row of
MODELS names its family.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.catalog import Catalog


@dataclass(frozen=True)
class Family:
    """A row of FAMILIES. `block` is the piece that the network repeats, as ways side by side between one
    beginning and one end: each way is a row of layers, from input to output, and an empty one is a shortcut.
    `joined` says what happens where ways meet.
    """

    name: str
    title: str
    year: int
    adds: str  # what was new, in a sentence
    source: str
    parents: tuple[str, ...]
    block: tuple[tuple[str, ...], ...]
    joined: str = ""


FAMILIES: Catalog[Family] = Catalog(
    "family",
    [
        Family(
            name="linear",
            title="Linear model",
            year=1809,
            adds="A weighted sum of the inputs, fitted to data.",
            source="Gauss 1809",
            parents=(),
            block=(("linear",),),
        ),
        Family(
            name="perceptron",
            title="Perceptron",
            year=1958,
            adds="A rule by which a machine learns the weights from its mistakes.",
            source="Rosenblatt 1958, doi:10.1037/h0042519",
            parents=("linear",),
            block=(("fixed random units", "threshold", "linear"),),
        ),
        Family(
            name="mlp",
            title="Multilayer perceptron",
            year=1986,
            adds="Hidden layers that learn too, by backpropagation.",
            source="Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0",
            parents=("perceptron",),
            block=(("linear", "activation"),),
        ),
        Family(
            name="lenet",
            title="LeNet-5",
            year=1998,
            adds="Convolutions, trained end to end: the same small weights at every place, then pooling.",
            source="LeCun, Bottou, Bengio and Haffner 1998, doi:10.1109/5.726791",
            parents=("mlp",),
            block=(("5x5 convolution", "tanh", "2x2 mean"),),
        ),
        Family(
            name="alexnet",
            title="AlexNet",
            year=2012,
            adds="ReLU, dropout, augmentation and graphics cards: deep convolutions on a million pictures.",
            source="Krizhevsky, Sutskever and Hinton 2012, https://papers.nips.cc/paper/4824",
            parents=("lenet",),
            block=(("5x5 convolution", "ReLU", "3x3 maximum"),),
        ),
        Family(
            name="vgg",
            title="VGG",
            year=2014,
            adds="Depth from 3x3 convolutions alone: two see what one of 5x5 does, with fewer weights.",
            source="Simonyan and Zisserman 2014, arXiv:1409.1556",
            parents=("alexnet",),
            block=(("3x3 convolution", "ReLU", "3x3 convolution", "ReLU", "2x2 maximum"),),
        ),
        Family(
            name="inception",
            title="Inception (GoogLeNet)",
            year=2014,
            adds="Kernels of several sizes side by side, and 1x1 convolutions that make them affordable.",
            source="Szegedy et al. 2014, arXiv:1409.4842",
            parents=("alexnet",),
            block=(
                ("1x1 convolution",),
                ("1x1 convolution", "3x3 convolution"),
                ("1x1 convolution", "5x5 convolution"),
                ("3x3 maximum", "1x1 convolution"),
            ),
            joined="side by side",
        ),
        Family(
            name="resnet",
            title="ResNet",
            year=2015,
            adds="Skip connections: a block learns what to add to its input, and the gradient passes it.",
            source="He, Zhang, Ren and Sun 2015, arXiv:1512.03385",
            parents=("vgg",),
            block=(("3x3 convolution", "norm", "ReLU", "3x3 convolution", "norm"), ()),
            joined="sum, ReLU",
        ),
        Family(
            name="squeezenet",
            title="SqueezeNet",
            year=2016,
            adds="Squeeze to few channels by 1x1 before every 3x3: AlexNet's score with a fiftieth of its "
            "weights.",
            source="Iandola et al. 2016, arXiv:1602.07360",
            parents=("inception",),
            block=(
                ("1x1, few channels", "1x1 convolution"),
                ("the same", "3x3 convolution"),
            ),
            joined="side by side",
        ),
        Family(
            name="densenet",
            title="DenseNet",
            year=2016,
            adds="Every layer sees all layers before it: features are used again, not learned again.",
            source="Huang, Liu, van der Maaten and Weinberger 2016, arXiv:1608.06993",
            parents=("resnet",),
            block=(("norm", "ReLU", "1x1 convolution", "norm", "ReLU", "3x3, k channels"), ()),
            joined="side by side",
        ),
        Family(
            name="mobilenet_v1",
            title="MobileNet",
            year=2017,
            adds="Depthwise separable convolutions: space and channels one after the other, an eighth of the "
            "work.",
            source="Howard et al. 2017, arXiv:1704.04861",
            parents=("vgg",),
            block=(("3x3 depthwise", "norm", "ReLU", "1x1 convolution", "norm", "ReLU"),),
        ),
        Family(
            name="senet",
            title="SENet",
            year=2017,
            adds="Channel attention: what the whole picture says turns channels up and down.",
            source="Hu, Shen and Sun 2017, arXiv:1709.01507",
            parents=("resnet",),
            block=(
                ("two 3x3 convolutions",),
                ("the same", "mean", "1x1, C/r", "ReLU", "1x1, C", "sigmoid"),
            ),
            joined="product, + input, ReLU",
        ),
        Family(
            name="mobilenet_v2",
            title="MobileNet v2",
            year=2018,
            adds="Inverted residuals: wide inside, narrow where the shortcut joins, and no activation there.",
            source="Sandler et al. 2018, arXiv:1801.04381",
            parents=("mobilenet_v1", "resnet"),
            block=(("1x1, 6 times wider", "ReLU6", "3x3 depthwise", "ReLU6", "1x1, narrow"), ()),
            joined="sum",
        ),
        Family(
            name="shufflenet_v2",
            title="ShuffleNet v2",
            year=2018,
            adds="Half of the channels rest, and a shuffle mixes the halves: made for measured time.",
            source="Ma, Zhang, Zheng and Sun 2018, arXiv:1807.11164",
            parents=("mobilenet_v1", "densenet"),
            block=(
                ("half the channels",),
                ("other half", "1x1 convolution", "ReLU", "3x3 depthwise", "1x1 convolution", "ReLU"),
            ),
            joined="side by side, shuffle",
        ),
        Family(
            name="mobilenet_v3",
            title="MobileNet v3",
            year=2019,
            adds="Channel attention and hard swish in v2's blocks, arranged by a search on a phone's clock.",
            source="Howard et al. 2019, arXiv:1905.02244",
            parents=("mobilenet_v2", "senet"),
            block=(
                ("1x1, wider", "hard swish", "5x5 depthwise", "hard swish", "attention", "1x1, narrow"),
                (),
            ),
            joined="sum",
        ),
        Family(
            name="convnext",
            title="ConvNeXt",
            year=2022,
            adds="A ResNet with a transformer's habits: 7x7 depthwise, layer norm, GELU, one each a block.",
            source="Liu et al. 2022, arXiv:2201.03545",
            parents=("resnet", "mobilenet_v2"),
            block=(("7x7 depthwise", "layer norm", "1x1, 4 times wider", "GELU", "1x1, back", "gamma"), ()),
            joined="sum",
        ),
    ],
)
