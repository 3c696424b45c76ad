// What a filmed network computes: the same numbers as training/film.py (a browser test holds them together).
// Nothing here knows of the page.

const SELU_SCALE = 1.0507009873554805
const SELU_ALPHA = 1.6732632423543772

// A row for each row of models/activations.py: settings -> the function of one number.
const FILM_ACTIVATIONS = {
  identity: () => x => x,
  step: () => x => Math.min(1, Math.max(0, Math.floor(x) + 1)),
  sigmoid: () => sigmoid,
  tanh: () => Math.tanh,
  relu: () => x => (x < 0 ? 0 : x), // so NaN stays NaN
  leaky_relu: ({ negative_slope }) => x => (x < 0 ? negative_slope * x : x),
  prelu: ({ slope }) => x => (x < 0 ? slope * x : x),
  elu: ({ alpha }) => x => (x < 0 ? alpha * Math.expm1(x) : x),
  selu: () => x => SELU_SCALE * (x < 0 ? SELU_ALPHA * Math.expm1(x) : x),
  gelu: () => x => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  silu: () => x => x * sigmoid(x),
  mish: () => x => x * Math.tanh(softplus(x)),
  softplus: ({ beta }) => x => softplus(beta * x) / beta,
  hardswish: () => x => (x * Math.min(6, Math.max(0, x + 3))) / 6,
}

// A row for each row of models/playground.py's features, of standardised coordinates.
const FILM_FEATURES = {
  x: x => x,
  y: (x, y) => y,
  x2: x => x * x,
  y2: (x, y) => y * y,
  xy: (x, y) => x * y,
  sin_x: x => Math.sin(x),
  sin_y: (x, y) => Math.sin(y),
}

function sigmoid(x) {
  return x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))
}

function softplus(x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
}

// The error function, to about 1e-15: its power series near 0 (Abramowitz and Stegun 1964, 7.1.6), and the
// continued fraction of its complement further out (7.1.14).
function erf(x) {
  const size = Math.abs(x)
  if (!(size < 6)) return size >= 6 ? Math.sign(x) : NaN
  if (size < 2.5) {
    let term = size
    let sum = size
    for (let n = 1; n < 60 && term > 1e-17 * sum; n++) {
      term *= (2 * size * size) / (2 * n + 1)
      sum += term
    }
    return (Math.sign(x) * 2 * Math.exp(-size * size) * sum) / Math.sqrt(Math.PI)
  }
  let fraction = 0
  for (let n = 40; n > 0; n--) fraction = n / 2 / (size + fraction)
  return Math.sign(x) * (1 - Math.exp(-size * size) / ((size + fraction) * Math.sqrt(Math.PI)))
}

// Where each tensor of a film lies among its numbers: name -> [first, shape].
function filmPlaces(about) {
  return Object.fromEntries(about.places.map(([name, first, shape]) => [name, { first, shape }]))
}

// The features of a square grid over what the film shows: row 0 has the lowest y. {count, signals}.
function gridOf(about, side) {
  const [[xLow, xHigh], [yLow, yHigh]] = about.range
  const x = new Float64Array(side * side)
  const y = new Float64Array(side * side)
  for (let row = 0, place = 0; row < side; row++) {
    for (let column = 0; column < side; column++, place++) {
      x[place] = xLow + ((xHigh - xLow) * column) / (side - 1)
      y[place] = yLow + ((yHigh - yLow) * row) / (side - 1)
    }
  }
  return featuresOf(about, x, y)
}

// The features of points in their own units, [features * points].
function featuresOf(about, x, y) {
  const count = x.length
  const values = new Float32Array(about.features.length * count)
  about.features.forEach((name, number) => {
    const compute = FILM_FEATURES[name]
    for (let place = 0; place < count; place++) {
      const sx = (x[place] - about.mean[0]) / about.scale[0]
      const sy = (y[place] - about.mean[1]) / about.scale[1]
      values[number * count + place] = compute(sx, sy)
    }
  })
  return { count, values }
}

// What every unit says at each point, layer after layer: the features, the hidden layers, the logits; each
// [units * points]. `numbers` are those of one network at one frame.
function layerOutputs(about, numbers, { count, values }) {
  const places = filmPlaces(about)
  const tensor = name => {
    const { first, shape } = places[name]
    return numbers.subarray(first, first + shape.reduce((product, length) => product * length, 1))
  }
  const signals = [values]
  about.layers.forEach((layer, number) => {
    const name = `layers.${number}`
    const before = signals[number]
    const sums = weighted(before, tensor(`${name}.weight`), tensor(`${name}.bias`), count)
    if (layer.normalised) rescale(sums, tensor(`${name}.scale`), tensor(`${name}.shift`), count)
    const settings = layer.activation === "prelu" ? { slope: tensor(`${name}.slope`)[0] } : layer.settings
    const compute = FILM_ACTIVATIONS[layer.activation](settings)
    for (let place = 0; place < sums.length; place++) sums[place] = compute(sums[place])
    if (layer.residual) for (let place = 0; place < sums.length; place++) sums[place] += before[place]
    signals.push(sums)
  })
  signals.push(weighted(signals.at(-1), tensor("output.weight"), tensor("output.bias"), count))
  return signals
}

function weighted(inputs, weight, bias, count) {
  const units = bias.length
  const fan = weight.length / units
  const sums = new Float32Array(units * count)
  for (let unit = 0; unit < units; unit++) {
    const row = sums.subarray(unit * count, (unit + 1) * count).fill(bias[unit])
    for (let input = 0; input < fan; input++) {
      const factor = weight[unit * fan + input]
      const from = input * count
      for (let place = 0; place < count; place++) row[place] += factor * inputs[from + place]
    }
  }
  return sums
}

function rescale(sums, scale, shift, count) {
  for (let unit = 0; unit < scale.length; unit++) {
    const row = sums.subarray(unit * count, (unit + 1) * count)
    for (let place = 0; place < count; place++) row[place] = row[place] * scale[unit] + shift[unit]
  }
}

// Probabilities of logits [outputs * points]: of one logit the second class's; else of each class.
function probabilitiesOf(logits, outputs, count) {
  const result = new Float32Array(logits.length)
  if (outputs === 1) {
    for (let place = 0; place < count; place++) result[place] = sigmoid(logits[place])
    return result
  }
  for (let place = 0; place < count; place++) {
    let most = -Infinity
    for (let unit = 0; unit < outputs; unit++) most = Math.max(most, logits[unit * count + place])
    let sum = 0
    for (let unit = 0; unit < outputs; unit++) sum += Math.exp(logits[unit * count + place] - most)
    for (let unit = 0; unit < outputs; unit++) {
      result[unit * count + place] = Math.exp(logits[unit * count + place] - most) / sum
    }
  }
  return result
}

// The numbers of one network at one frame.
function numbersOf(film, frame, seed) {
  const first = (frame * film.seeds + seed) * film.numbers
  return film.weights.subarray(first, first + film.numbers)
}

// The probabilities over a grid: of one seed, or their mean over the seeds that go on, and with it their
// standard deviation (of several classes: the largest of them).
function surfaceOf(film, frame, seed, grid) {
  const outputs = film.about.outputs
  const of = each => {
    const signals = layerOutputs(film.about, numbersOf(film, frame, each), grid)
    return probabilitiesOf(signals.at(-1), outputs, grid.count)
  }
  if (seed !== null) return { mean: of(seed), spread: null }
  const mean = new Float32Array(outputs * grid.count)
  const squares = new Float32Array(outputs * grid.count)
  let alive = 0
  for (let each = 0; each < film.seeds; each++) {
    if (Number.isNaN(numbersOf(film, frame, each)[0])) continue
    alive++
    const values = of(each)
    for (let place = 0; place < values.length; place++) {
      mean[place] += values[place]
      squares[place] += values[place] * values[place]
    }
  }
  const spread = new Float32Array(grid.count)
  for (let place = 0; place < mean.length; place++) {
    mean[place] /= alive
    const deviation = Math.sqrt(Math.max(0, squares[place] / alive - mean[place] * mean[place]))
    spread[place % grid.count] = Math.max(spread[place % grid.count], deviation)
  }
  return { mean, spread }
}
