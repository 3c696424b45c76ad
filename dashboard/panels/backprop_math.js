// The mathematics of a graph of numbers: forward, local derivatives and back. A row for each row of
// models/operations.py; a browser test holds every one to torch.autograd. Nothing here knows of the page.

const sigmoid = a => (a < 0 ? Math.exp(a) / (1 + Math.exp(a)) : 1 / (1 + Math.exp(-a)))
const log100 = a => Math.max(Math.log(a), -100) // as PyTorch's cross-entropy does

// name: [the value of its arguments, the derivative along each from the value and the arguments]
const OPERATIONS = {
  add: [(a, b) => a + b, () => [1, 1]],
  subtract: [(a, b) => a - b, () => [1, -1]],
  multiply: [(a, b) => a * b, (v, a, b) => [b, a]],
  divide: [(a, b) => a / b, (v, a, b) => [1 / b, -a / (b * b)]],
  power: [(a, b) => a ** b, (v, a, b) => [b === 0 ? 0 : b * a ** (b - 1), v * Math.log(a)]],
  negate: [a => -a, () => [-1]],
  exp: [Math.exp, v => [v]],
  log: [Math.log, (v, a) => [1 / a]],
  sqrt: [Math.sqrt, v => [1 / (2 * v)]],
  sin: [Math.sin, (v, a) => [Math.cos(a)]],
  cos: [Math.cos, (v, a) => [-Math.sin(a)]],
  tanh: [Math.tanh, v => [1 - v * v]],
  sigmoid: [sigmoid, v => [v * (1 - v)]],
  relu: [a => Math.max(0, a), (v, a) => [a > 0 ? 1 : 0]],
  weighted: [
    (...all) => {
      let sum = all.at(-1)
      for (let place = 0; place + 1 < all.length; place += 2) sum += all[place] * all[place + 1]
      return sum
    },
    (v, ...all) => all.map((_, place) => (place === all.length - 1 ? 1 : all[place % 2 ? place - 1 : place + 1])),
  ],
  cross_entropy: [
    (p, y) => -(y * log100(p) + (1 - y) * log100(1 - p)),
    (v, p, y) => [(p - y) / Math.max(p * (1 - p), 1e-12), NaN],
  ],
  squared_error: [(a, b) => (a - b) ** 2, (v, a, b) => [2 * (a - b), NaN]],
}

// Values of all nodes, the local derivatives of each along its parents (null: no gradient goes there), and
// the places of the operations in order.
function forward(nodes) {
  const values = []
  const slopes = []
  const order = []
  nodes.forEach((node, place) => {
    if (!node.operation) {
      values.push(node.value)
      slopes.push([])
      return
    }
    const [compute, derive] = OPERATIONS[node.operation]
    const given = node.parents.map(parent => values[parent])
    values.push(compute(...given))
    const derived = derive(values[place], ...given)
    slopes.push(node.parents.map((parent, at) => (nodes[parent].learns ? derived[at] : null)))
    order.push(place)
  })
  return { values, slopes, order }
}

// Gradients after the result's own and `done` operations of the way back; null where none has come yet.
function backward(nodes, { slopes, order }, done) {
  const gradients = nodes.map(() => null)
  gradients[nodes.length - 1] = 1
  for (const place of [...order].reverse().slice(0, done)) {
    nodes[place].parents.forEach((parent, at) => {
      const slope = slopes[place][at]
      if (slope !== null) gradients[parent] = (gradients[parent] ?? 0) + gradients[place] * slope
    })
  }
  return gradients
}

// Who takes a node's value: [place of the operation, which of its arguments].
function childrenOf(nodes, place) {
  const found = []
  nodes.forEach((node, child) => node.parents.forEach((parent, at) => parent === place && found.push([child, at])))
  return found
}
