r"""The updates of many small networks, as one function that numba makes machine code of.

A step of a small network is some microseconds of arithmetic, between calls of PyTorch that take as long
each. Here the whole of it - gathering the batch, forward, loss, backward, update - is one piece of machine
code, and one network does all steps of a block before the next one begins, so that its weights stay in the
processor's cache. The products are BLAS's. Another function judges the networks at an epoch's end.

For a layer Y = relu(W X + b) * mask, samples last, with D the slope of the loss at Y:

    dW = D X^T,    db = sum of D over the samples,    slope at X = W^T D.

OpenBLAS multiplies such small matrices at half its speed where the second one is transposed, so what is small
enough is copied so that it isn't.

`training.compiled_steps` calls it. It imports numba, which takes a quarter of a second, so it is imported
where that pays.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

import numba
import numpy as np

# Sums may be reordered, and multiplied by reciprocals, but a NaN must stay one: it ends a training
FAST = {"contract", "reassoc", "arcp", "nsz"}
INPUTS, OUTPUTS, WEIGHT, BIAS, RELU, MASK = range(6)  # columns of `layers`; where there is none of it, -1
SMOOTHING, L1, LONGEST, DECAY, FIRST, SECOND, EPSILON = range(7)  # columns of `settings`
CROSS_ENTROPY, BINARY_CROSS_ENTROPY, SQUARED = range(3)
# exp(r) by its series up to r^7 / 7!, which is exact to float32 for |r| < log(2) / 2
C2, C3, C4, C5, C6, C7 = (np.float32(1 / math.factorial(k)) for k in range(2, 8))
PER_BIT, HALF, LOWEST = np.float32(1 / math.log(2)), np.float32(0.5), np.float32(-87.0)
BIT = np.float32(0.693359375)  # log 2, of so few digits that a product with a small whole number is exact ...
BIT_OFF = np.float32(BIT - math.log(2))  # ... and what it is too large by
SGD, MOMENTUM, NESTEROV, ADAM, ADAMW = range(5)
# What is worth a copy, as measured: a matrix with so many rows at most, whose columns are read one by one ...
ROWS = 128
LINES = 32  # ... for a product with so many rows at least, which take longer than the copy
NARROW = 8  # and a product of few rows and so many times more columns is rather turned itself


def transpose(
    matrix: Any,  # float32 [rows, columns]
    into: Any,  # float32 [columns, rows]
) -> None:
    """Copies what lies row after row to column after column."""
    for column in range(matrix.shape[1]):
        line = into[column]
        for row in range(matrix.shape[0]):
            line[row] = matrix[row, column]


def add_bias(
    y: Any,  # float32 [units, samples]
    own: Any,  # float32 [numbers]: a network's weights
    begin: int,  # of the biases in them; -1 where there are none
    relu: int,
) -> None:
    """What follows a layer's product, in place."""
    zero = np.float32(0.0)
    for unit in range(y.shape[0]):
        line = y[unit]
        bias = own[begin + unit] if begin >= 0 else zero
        if relu:
            for sample in range(y.shape[1]):
                z = line[sample] + bias
                line[sample] = zero if z <= zero else z
        else:
            for sample in range(y.shape[1]):
                line[sample] += bias


def exponentials(
    y: Any,  # float32 [classes, samples]
    powers: Any,  # float32 [classes, samples]: exp(y - top) of each class ...
    top: Any,  # float32 [samples or more]: the largest output ...
    best: Any,  # int32 [samples or more]: ... its class, the first of equal ones ...
    total: Any,  # float32 [samples or more]: ... and the sum of `powers`
    bits: Any,  # int32 [samples or more], to write in
) -> None:
    """What a softmax is made of."""
    zero, one = np.float32(0.0), np.float32(1.0)
    classes, size = y.shape
    scales = bits.view(np.float32)  # 2^k
    for sample in range(size):
        top[sample], best[sample], total[sample] = y[0, sample], np.int32(0), zero
    for unit in range(1, classes):
        for sample in range(size):
            larger = y[unit, sample] > top[sample]
            top[sample] = y[unit, sample] if larger else top[sample]
            best[sample] = np.int32(unit) if larger else best[sample]
    for unit in range(classes):
        for sample in range(size):  # exp(z) = 2^k exp(r), so that the processor does 16 at once
            z = y[unit, sample] - top[sample]
            z = LOWEST if z < LOWEST else z
            k = np.int32(z * PER_BIT - HALF)
            r = (z - np.float32(k) * BIT) + np.float32(k) * BIT_OFF
            p = one + r * (one + r * (C2 + r * (C3 + r * (C4 + r * (C5 + r * (C6 + r * C7))))))
            bits[sample] = (k + np.int32(127)) << np.int32(23)
            powers[unit, sample] = p
        for sample in range(size):
            powers[unit, sample] *= scales[sample]
            total[sample] += powers[unit, sample]


def train(
    rows: Any,  # int64 [members]: of the tensors below that have a row for each network
    layers: Any,  # int64 [layers, 6]
    loss: int,
    optimizer: int,
    settings: Any,  # float64 [members, 7]; FIRST and SECOND: momentum and dampening, or Adam's betas
    rates: Any,  # float64 [steps, members]: learning rates
    updates: Any,  # int64 [members]: made before
    bank: Any,  # float32 [samples, features]
    scale: Any,  # float32 [members, features]: of what is in the bank ...
    shift: Any,  # ... the same, added to it
    order: Any,  # int64 [members, samples]: which of its samples each takes in this epoch, one after another
    begun: int,  # of these, before the first step
    batch: int,  # samples of a whole step
    sizes: Any,  # int64 [steps, members]: of these, those that there are
    starts: Any,  # int64 [members]: where each one's samples begin in the next three
    places: Any,  # int64 [samples]: of a sample's inputs in the bank
    classes: Any,  # int64 [samples]
    wanted: Any,  # float32, the same of a regression
    masks: Any,  # float32 [steps, members, numbers, batch]: dropout's
    matrices: Any,  # bool [numbers]: what L1 pulls on
    weights: Any,  # float32 [networks, numbers]
    first: Any,  # float32 [networks, numbers]: what the optimizer remembers
    second: Any,  # the same
    gradients: Any,  # float32 [networks, numbers]: those of the last step, after clipping
    norms: Any,  # float32 [networks]: of the last step's gradients, before clipping
    losses: Any,  # float32 [steps, members]: the mean over each batch
    shares: Any,  # float32 [steps, members]: the share of samples whose class has the largest output
    said: Any,  # float32 [steps, members, batch, outputs], before each update; of no step if nobody asks
) -> None:
    """Trains members for some steps, in place."""
    zero, one = np.float32(0.0), np.float32(1.0)
    depth, steps = len(layers), len(rates)
    ends = layers[depth - 1, OUTPUTS]
    widest = ends
    for layer in range(depth):
        widest = max(widest, layers[layer, INPUTS])
    inputs = np.empty(batch * layers[0, INPUTS], np.float32)
    chosen = np.empty(batch, np.int64)  # of a step, as they are counted in `places` and `classes`
    hidden = np.empty((depth, widest * batch), np.float32)
    slopes = np.empty((2, widest * batch), np.float32)
    turned = np.empty(widest * batch, np.float32)
    narrow = np.empty(widest * (widest // NARROW), np.float32)
    bits = np.empty(batch, np.int32)
    top, best, total = np.empty(batch, np.float32), np.empty(batch, np.int32), np.empty(batch, np.float32)
    for member in range(len(rows)):
        row = rows[member]
        own, gradient, m, v = weights[row], gradients[row], first[row], second[row]
        smoothing, decay = np.float32(settings[member, SMOOTHING]), np.float32(settings[member, DECAY])
        pull, longest = np.float32(settings[member, L1]), settings[member, LONGEST]
        times, plus = scale[member], shift[member]
        for step in range(steps):
            size = sizes[step, member]
            share = one / np.float32(size)
            x = inputs[: size * layers[0, INPUTS]].reshape(size, layers[0, INPUTS])
            for sample in range(size):
                chosen[sample] = starts[member] + order[member, begun + step * batch + sample]
                source = bank[places[chosen[sample]]]
                for i in range(len(source)):
                    x[sample, i] = source[i] * times[i] + plus[i]

            # Forward
            for layer in range(depth):
                below, units = layers[layer, INPUTS], layers[layer, OUTPUTS]
                begin = layers[layer, WEIGHT]
                w = own[begin : begin + units * below].reshape(units, below)
                y = hidden[layer, : units * size].reshape(units, size)
                if layer == 0 and units >= LINES and size <= ROWS:
                    samples_last = turned[: below * size].reshape(below, size)
                    transpose(x, samples_last)
                    np.dot(w, samples_last, y)
                elif layer == 0:
                    np.dot(w, x.T, y)
                else:
                    np.dot(w, hidden[layer - 1, : below * size].reshape(below, size), y)
                add_bias(y, own, layers[layer, BIAS], layers[layer, RELU])
                mask = layers[layer, MASK]
                if mask >= 0:
                    for unit in range(units):
                        for sample in range(size):
                            y[unit, sample] *= masks[step, member, mask + unit, sample]

            # The loss, and its slope at the outputs
            y = hidden[depth - 1, : ends * size].reshape(ends, size)
            d = slopes[0, : ends * size].reshape(ends, size)
            mean, hits = 0.0, 0
            if loss == CROSS_ENTROPY:
                exponentials(y, d, top, best, total, bits)
                even = smoothing / np.float32(ends)
                for sample in range(size):
                    right = y[classes[chosen[sample]], sample]
                    meant = (one - smoothing) * right
                    if smoothing > zero:
                        for unit in range(ends):
                            meant += even * y[unit, sample]
                    mean += math.log(total[sample]) + top[sample] - meant
                    total[sample] = share / total[sample]
                    hits += best[sample] == classes[chosen[sample]]
                for unit in range(ends):
                    for sample in range(size):
                        d[unit, sample] = d[unit, sample] * total[sample] - even * share
                for sample in range(size):
                    d[classes[chosen[sample]], sample] -= (one - smoothing) * share
            elif loss == BINARY_CROSS_ENTROPY:
                for sample in range(size):
                    z = y[0, sample]
                    q = np.float32(classes[chosen[sample]]) * (one - smoothing)
                    q += smoothing / np.float32(2.0)
                    hits += (z > zero) == (classes[chosen[sample]] > 0)
                    small = math.exp(-abs(z))
                    mean += max(z, zero) - z * q + math.log1p(small)
                    d[0, sample] = ((one if z >= zero else small) / (one + small) - q) * share
            else:
                for sample in range(size):
                    off = y[0, sample] - wanted[chosen[sample]]
                    mean += off * off
                    d[0, sample] = np.float32(2.0) * off * share
            losses[step, member], shares[step, member] = mean * share, hits * share
            if len(said) > 0:
                for sample in range(size):
                    for unit in range(ends):
                        said[step, member, sample, unit] = y[unit, sample]

            # Backward
            here = 0
            for layer in range(depth - 1, -1, -1):
                below, units = layers[layer, INPUTS], layers[layer, OUTPUTS]
                begin, bias = layers[layer, WEIGHT], layers[layer, BIAS]
                w = own[begin : begin + units * below].reshape(units, below)
                dw = gradient[begin : begin + units * below].reshape(units, below)
                d = slopes[here, : units * size].reshape(units, size)
                if layer < depth - 1:
                    y = hidden[layer, : units * size].reshape(units, size)
                    mask = layers[layer, MASK]
                    for unit in range(units):
                        line, above = d[unit], y[unit]
                        if mask >= 0:
                            for sample in range(size):
                                line[sample] *= masks[step, member, mask + unit, sample]
                        if layers[layer, RELU]:
                            for sample in range(size):
                                line[sample] = zero if above[sample] <= zero else line[sample]
                if bias >= 0:
                    for unit in range(units):
                        line, slope = d[unit], zero
                        for sample in range(size):
                            slope += line[sample]
                        gradient[bias + unit] = slope
                if layer == 0:
                    np.dot(d, x, dw)
                else:
                    y = hidden[layer - 1, : below * size].reshape(below, size)
                    if NARROW * units <= below:
                        samples_first = turned[: size * units].reshape(size, units)
                        transpose(d, samples_first)
                        product = narrow[: below * units].reshape(below, units)
                        np.dot(y, samples_first, product)
                        transpose(product, dw)
                    elif units >= LINES and below <= ROWS:
                        samples_first = turned[: size * below].reshape(size, below)
                        transpose(y, samples_first)
                        np.dot(d, samples_first, dw)
                    else:
                        np.dot(d, y.T, dw)
                    here = 1 - here
                    np.dot(w.T, d, slopes[here, : below * size].reshape(below, size))

            # What pulls on the gradient, and how long it may be
            if pull != zero:
                for i in range(len(own)):
                    if matrices[i]:
                        gradient[i] += pull * np.sign(own[i])
            if step == steps - 1 or longest < np.inf:
                squares = 0.0
                for i in range(len(own)):
                    squares += gradient[i] * gradient[i]
                norms[row] = math.sqrt(squares)
                factor = longest / (math.sqrt(squares) + 1e-6)
                if factor < 1.0:
                    for i in range(len(own)):
                        gradient[i] *= np.float32(factor)

            # The update
            rate, number = rates[step, member], updates[member] + step + 1
            a, b = settings[member, FIRST], settings[member, SECOND]
            if optimizer in (ADAM, ADAMW):
                kept = np.float32(1.0 - rate * decay) if optimizer == ADAMW else one
                added = zero if optimizer == ADAMW else decay
                stride = np.float32(rate / (1.0 - a**number))
                root = np.float32(1.0 / math.sqrt(1.0 - b**number))
                epsilon = np.float32(settings[member, EPSILON])
                new, old, fresh = np.float32(1.0 - a), np.float32(b), np.float32(1.0 - b)
                for i in range(len(own)):
                    g = gradient[i] + added * own[i]
                    m[i] += (g - m[i]) * new
                    v[i] = v[i] * old + g * g * fresh
                    own[i] = own[i] * kept - stride * m[i] / (math.sqrt(v[i]) * root + epsilon)
            elif optimizer == SGD:
                pace = np.float32(rate)
                for i in range(len(own)):
                    own[i] -= pace * (gradient[i] + decay * own[i])
            else:
                pace, momentum = np.float32(rate), np.float32(a)
                # torch takes the first gradient whole, whatever the dampening
                taken = one if number == 1 else np.float32(1.0 - b)
                for i in range(len(own)):
                    g = gradient[i] + decay * own[i]
                    m[i] = m[i] * momentum + g * taken
                    own[i] -= pace * (g + momentum * m[i] if optimizer == NESTEROV else m[i])


def judge(
    rows: Any,  # int64 [members]: of `weights`
    layers: Any,  # int64 [layers, 6]
    loss: int,
    weights: Any,  # float32 [networks, numbers]
    inputs: Any,  # float32 [members, features, samples]
    classes: Any,  # int64 [members, samples]
    wanted: Any,  # float32 [members, samples], of a regression
    losses: Any,  # float32 [members]: the mean over the samples
    shares: Any,  # float32 [members]: the share of samples whose class has the largest output
    said: Any,  # float32 [members, samples, outputs]
) -> None:
    """What networks say of samples, without dropout, and how good that is."""
    depth, size = len(layers), inputs.shape[2]
    ends = layers[depth - 1, OUTPUTS]
    widest = ends
    for layer in range(depth):
        widest = max(widest, layers[layer, INPUTS])
    hidden = np.empty((2, widest * size), np.float32)
    powers, bits = np.empty((ends, size), np.float32), np.empty(size, np.int32)
    top, best, total = np.empty(size, np.float32), np.empty(size, np.int32), np.empty(size, np.float32)
    for member in range(len(rows)):
        own = weights[rows[member]]
        x = inputs[member]
        for layer in range(depth):
            below, units, begin = layers[layer, INPUTS], layers[layer, OUTPUTS], layers[layer, WEIGHT]
            y = hidden[layer % 2, : units * size].reshape(units, size)
            np.dot(own[begin : begin + units * below].reshape(units, below), x, y)
            add_bias(y, own, layers[layer, BIAS], layers[layer, RELU])
            x = y
        sums, hits = 0.0, 0
        if loss == CROSS_ENTROPY:
            exponentials(x, powers, top, best, total, bits)
            for sample in range(size):
                sums += math.log(total[sample]) + top[sample] - x[classes[member, sample], sample]
                hits += best[sample] == classes[member, sample]
        elif loss == BINARY_CROSS_ENTROPY:
            for sample in range(size):
                z = x[0, sample]
                hits += (z > 0) == (classes[member, sample] > 0)
                sums += max(z, np.float32(0.0)) - z * classes[member, sample] + math.log1p(math.exp(-abs(z)))
        else:
            for sample in range(size):
                sums += (x[0, sample] - wanted[member, sample]) ** 2
        losses[member], shares[member] = sums / size, hits / size
        transpose(x, said[member])


# numba compiles what is inside of what tests put around functions to check types
_quick = numba.njit(fastmath=FAST, error_model="numpy")
transpose, add_bias, exponentials = (
    _quick(inspect.unwrap(each)) for each in (transpose, add_bias, exponentials)
)
_kept = numba.njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
compiled_train, compiled_judge = _kept(inspect.unwrap(train)), _kept(inspect.unwrap(judge))
