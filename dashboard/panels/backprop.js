// A graph of numbers, forward and back step by step. backprop_math.js stands above in one module.

const SVG = "http://www.w3.org/2000/svg"
const boards = new WeakMap()
const PACE = 900 // milliseconds a step while it plays
const SIZE = { width: 78, height: 58, row: 92, top: 14, gap: 46 }
const UPRIGHT = { layer: 106, most: 200, least: 94 } // pixels from layer to layer, and between neighbours

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".descent-backprop")
  if (!root || !data) return
  const board = boards.get(root) ?? create(root)
  boards.set(root, board)
  board.data = data
  board.tell = setStateValue
  if (data.given !== board.given) {
    board.given = data.given
    clearTimeout(board.telling) // of the graph before
    board.nodes = data.nodes.map(node => ({ ...node }))
    board.chosen = null
    board.step = data.step < 0 ? lastStep(board) : Math.min(data.step, lastStep(board))
    build(board)
  }
  draw(board)
  return () => {
    clearInterval(board.timer)
    clearTimeout(board.telling)
    board.observer.disconnect()
    boards.delete(root)
  }
}

function create(root) {
  const board = { root, chosen: null }
  root.replaceChildren()
  board.bar = make(root, "div", "bar")
  board.svg = document.createElementNS(SVG, "svg")
  make(root, "div", "picture").append(board.svg) // it scrolls where no way of drawing it fits
  const below = make(root, "div", "below")
  board.rule = make(below, "section", "rule")
  board.numbers = make(below, "section", "numbers")
  board.width = 0
  board.observer = new ResizeObserver(() => {
    if (board.data && root.clientWidth !== board.width) draw(board)
  })
  board.observer.observe(root)
  return board
}

function make(parent, name, className = "", text = "") {
  const made = document.createElement(name)
  if (className) made.className = className
  if (text) made.textContent = text
  parent.append(made)
  return made
}

function shape(parent, name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  if (text !== null) made.textContent = text
  parent.append(made)
  return made
}

// ---- steps: one an operation forward, one for the result's own gradient, one an operation back

const operations = board => board.nodes.filter(node => node.operation).length
const lastStep = board => 2 * operations(board) + 1

function moment(board) {
  const ahead = forward(board.nodes)
  const count = ahead.order.length
  const back = board.step - count - 1
  const gradients = back >= 0 ? backward(board.nodes, ahead, back) : board.nodes.map(() => null)
  const known = new Set(ahead.order.slice(0, board.step))
  const reversed = [...ahead.order].reverse()
  const active = board.step === 0 ? null
    : board.step <= count ? ahead.order[board.step - 1]
    : back === 0 ? board.nodes.length - 1 : reversed[back - 1]
  return { ...ahead, gradients, known, active, back, pushed: new Set(reversed.slice(0, Math.max(0, back))) }
}

function go(board, step) {
  board.step = Math.min(lastStep(board), Math.max(0, step))
  board.chosen = null
  if (board.step === lastStep(board)) rest(board)
  draw(board)
}

function rest(board) {
  clearInterval(board.timer)
  board.timer = null
  later(board)
}

function build(board) {
  const { words } = board.data
  board.bar.replaceChildren()
  const button = (text, name, press) => {
    const made = make(board.bar, "button", "", text)
    made.type = "button"
    made.title = name
    made.setAttribute("aria-label", name)
    made.addEventListener("click", press)
    return made
  }
  const jump = step => () => {
    rest(board)
    go(board, step())
  }
  button("«", words.first, jump(() => 0))
  button("‹", words.back, jump(() => board.step - 1))
  board.play = button("▶", words.play, () => {
    if (board.timer) rest(board)
    else {
      if (board.step === lastStep(board)) go(board, 0)
      board.timer = setInterval(() => go(board, board.step + 1), PACE)
    }
    draw(board)
  })
  button("›", words.forward, jump(() => board.step + 1))
  button("»", words.last, jump(() => lastStep(board)))
  board.slider = make(board.bar, "input")
  Object.assign(board.slider, { type: "range", min: 0, max: lastStep(board), step: 1 })
  board.slider.setAttribute("aria-label", words.step)
  board.slider.addEventListener("input", () => go(board, Number(board.slider.value)))
  board.slider.addEventListener("change", () => later(board))
  board.count = make(board.bar, "span", "count")
  buildNumbers(board)
}

function buildNumbers(board) {
  const { words } = board.data
  board.numbers.replaceChildren()
  make(board.numbers, "b", "", words.numbers)
  const grid = make(board.numbers, "div", "fields")
  board.fields = []
  board.nodes.forEach((node, place) => {
    if (node.operation || node.kind === "constant") return
    const label = make(grid, "label", node.kind)
    make(label, "span", "", node.name)
    const field = make(label, "input")
    Object.assign(field, { type: "number", step: "0.1" })
    field.setAttribute("aria-label", words.value.replace("{name}", node.name))
    field.addEventListener("input", () => {
      const typed = Number(field.value)
      const fits = field.value.trim() !== "" && Number.isFinite(typed) && Math.abs(typed) <= 1e6
      field.classList.toggle("wrong", !fits)
      if (!fits) return
      node.value = typed
      draw(board)
      later(board)
    })
    field.addEventListener("focus", () => choose(board, place))
    board.fields.push({ node, field, slope: make(label, "i") })
  })
  if (!board.nodes.some(node => node.kind === "weight")) return
  const line = make(board.numbers, "div", "descend")
  const button = make(line, "button", "", words.descend)
  button.type = "button"
  make(line, "span", "", "η")
  const rate = make(line, "input")
  Object.assign(rate, { type: "number", step: "0.05", min: 0, max: 10, value: board.rate ?? 0.1 })
  rate.setAttribute("aria-label", words.rate)
  rate.addEventListener("input", () => (board.rate = Number(rate.value)))
  button.addEventListener("click", () => {
    const gradients = backward(board.nodes, forward(board.nodes), operations(board))
    const moved = board.nodes.filter(node => node.kind === "weight")
    const next = moved.map(node => node.value - Number(rate.value) * (gradients[board.nodes.indexOf(node)] ?? 0))
    if (!next.every(value => Number.isFinite(value) && Math.abs(value) <= 1e6)) return
    moved.forEach((node, place) => (node.value = Number(next[place].toPrecision(6))))
    draw(board)
    later(board)
  })
}

function later(board) {
  clearTimeout(board.telling)
  board.telling = setTimeout(() => {
    const values = board.nodes.filter(node => !node.operation && node.kind !== "constant").map(node => node.value)
    board.tell("told", JSON.stringify({ name: board.data.name, values, step: board.step === lastStep(board) ? -1 : board.step }))
  }, 350)
}

function choose(board, place) {
  board.chosen = place
  draw(board)
}

// ---- the picture

const short = number => {
  if (number === null) return ""
  if (!Number.isFinite(number)) return String(number).replace("Infinity", "∞").replace("-", "−")
  const size = Math.abs(number)
  const text = number !== 0 && (size < 1e-3 || size >= 1e5) ? number.toExponential(1) : String(Number(number.toPrecision(size < 1 ? 3 : 4)))
  return text.replace("-", "−")
}
const closed = number => (number < 0 ? `(${short(number)})` : short(number))

function draw(board) {
  const { svg, nodes, root, data } = board
  const now = moment(board)
  const [red, green, blue] = getComputedStyle(root).color.match(/[\d.]+/g).map(Number)
  root.style.colorScheme = red + green + blue > 384 ? "dark" : "light" // of the browser's own slider
  board.width = root.clientWidth
  const { width, height, at } = layout(board)
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
  svg.style.width = `${width}px`
  svg.style.height = `${height}px`
  svg.replaceChildren()
  const chosen = board.chosen ?? now.active
  const layers = { lines: shape(svg, "g"), labels: shape(svg, "g") } // no line crosses a label
  nodes.forEach((node, place) => node.operation && drawEdges(board, layers, now, node, place, at, chosen))
  nodes.forEach((node, place) => node.place && drawNode(board, now, node, place, at(node), chosen))
  board.slider.value = board.step
  board.play.textContent = board.timer ? "❚❚" : "▶"
  board.count.textContent = data.words.count.replace("{n}", board.step).replace("{of}", lastStep(board))
  for (const { node, field, slope } of board.fields) {
    if (field.getRootNode().activeElement !== field && (field.value === "" || Number(field.value) !== node.value)) field.value = node.value
    const gradient = now.gradients[nodes.indexOf(node)]
    slope.textContent = gradient === null ? "" : `∂ ${short(gradient)}`
  }
  explain(board, now, chosen)
  const full = backward(nodes, now, now.order.length)
  root.dataset.found = JSON.stringify({ values: now.values, slopes: now.slopes, gradients: full, step: board.step }, (_, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value))
}

// From left to right; where that is too wide for the page, from top to bottom.
function layout(board) {
  const places = board.nodes.filter(node => node.place).map(node => node.place)
  const columns = Math.max(...places.map(([column]) => column))
  const rows = Math.max(...places.map(([, row]) => row))
  const wide = (columns + 1) * (SIZE.width + SIZE.gap)
  board.upright = wide > board.width && (rows + 1) * UPRIGHT.least <= board.width
  if (board.upright) {
    const step = Math.min(UPRIGHT.most, board.width / (rows + 1))
    const left = (board.width - rows * step) / 2
    const at = ({ place: [column, row] }) => ({ x: left + row * step, y: SIZE.top + SIZE.height / 2 + column * UPRIGHT.layer })
    return { width: board.width, height: columns * UPRIGHT.layer + SIZE.height + 2 * SIZE.top, at }
  }
  const width = Math.max(board.width, wide)
  const gap = columns ? (width - SIZE.width - 8) / columns : 0
  const at = ({ place: [column, row] }) => ({ x: 4 + SIZE.width / 2 + column * gap, y: SIZE.top + (row + 0.5) * SIZE.row })
  return { width, height: (rows + 1) * SIZE.row + 2 * SIZE.top, at }
}

// Each drawn argument of an operation, with the weight that lies on its edge (weighted sums) or none.
function argumentsOf(nodes, node) {
  if (node.operation !== "weighted") return node.parents.map((parent, at) => ({ parent, at, weight: null }))
  const pairs = []
  for (let at = 0; at + 1 < node.parents.length; at += 2) pairs.push({ parent: node.parents[at], at, weight: node.parents[at + 1] })
  return pairs
}

function drawEdges(board, { lines, labels }, now, node, place, at, chosen) {
  const { nodes } = board
  const to = at(node)
  const reached = now.known.has(place)
  for (const { parent, at: which, weight } of argumentsOf(nodes, node)) {
    const from = at(nodes[parent])
    const slope = now.slopes[place][which]
    const pushed = now.pushed.has(place) && slope !== null
    const [over, down] = board.upright ? [0, SIZE.height / 2] : [SIZE.width / 2, 0]
    const [x1, y1, x2, y2] = [from.x + over, from.y + down, to.x - over, to.y - down]
    const marked = chosen === parent || chosen === place || chosen === weight
    const bend = board.upright ? `${x1} ${(y1 + y2) / 2} ${x2} ${(y1 + y2) / 2}` : `${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2}`
    const line = shape(lines, "path", {
      d: weight === null ? `M${x1} ${y1}C${bend} ${x2} ${y2}` : `M${x1} ${y1}L${x2} ${y2}`,
      class: `edge${reached ? " reached" : ""}${pushed ? " pushed" : ""}${marked ? " marked" : ""}`,
    })
    if (weight !== null) line.style.strokeWidth = 1 + Math.min(4, 2 * Math.abs(nodes[weight].value))
    const share = weight === null ? 0.5 : !board.upright ? 0.62 : which % 4 ? 0.76 : 0.48 // where two full layers' edges lie apart
    const [x, y] = [x1 + (x2 - x1) * share, y1 + (y2 - y1) * share]
    if (weight !== null) {
      const label = shape(labels, "text", { x, y: y + 4, class: `label weight${chosen === weight ? " chosen" : ""}` }, `${nodes[weight].name} ${short(nodes[weight].value)}`)
      label.addEventListener("click", () => choose(board, weight))
      const gradient = now.gradients[weight]
      const beside = board.upright ? { x, dy: 14 } : { dx: 6 } // below, where the labels of a layer stand side by side
      if (gradient !== null) shape(label, "tspan", { class: "gradient", ...beside }, `∂ ${short(gradient)}`)
    } else if (reached && slope !== null && (board.upright ? y2 - y1 : x2 - x1) > 26) {
      shape(labels, "text", { x, y: y - 4, class: "label local" }, `×${short(slope)}`)
      if (pushed) shape(labels, "text", { x, y: y + 12, class: "label gradient" }, short(now.gradients[place] * slope))
    }
  }
}

function drawNode(board, now, node, place, { x, y }, chosen) {
  const { data } = board
  const seen = !node.operation || now.known.has(place)
  const group = shape(board.svg, "g", {
    class: `node ${node.operation ? "operation" : node.kind}${chosen === place ? " chosen" : ""}${now.active === place ? " active" : ""}`,
    tabindex: "0",
    role: "button",
    "aria-label": data.words.node.replace("{name}", node.name),
    transform: `translate(${x - SIZE.width / 2} ${y - SIZE.height / 2})`,
  })
  shape(group, "rect", { width: SIZE.width, height: SIZE.height, rx: 9 })
  const symbol = node.operation ? data.symbols[node.operation] : ""
  const bias = node.operation === "weighted" ? ` + ${board.nodes[node.parents.at(-1)].name}` : ""
  const title = node.kind === "constant" || !symbol ? node.name : `${node.name} = ${symbol}${bias}`
  shape(group, "text", { x: SIZE.width / 2, y: 15, class: "title" }, title)
  if (seen) shape(group, "text", { x: SIZE.width / 2, y: 33, class: "value" }, short(now.values[place]))
  const gradient = now.gradients[place]
  if (gradient !== null) shape(group, "text", { x: SIZE.width / 2, y: 50, class: "gradient" }, `∂ ${short(gradient)}`)
  group.addEventListener("click", () => choose(board, place))
  group.addEventListener("keydown", event => {
    if (event.key !== "Enter" && event.key !== " ") return
    event.preventDefault()
    choose(board, place)
  })
}

// ---- in words: what the chosen node computes, and the chain rule at it

function explain(board, now, chosen) {
  const { nodes, rule, data } = board
  const { words } = data
  rule.replaceChildren()
  if (chosen === null) {
    make(rule, "p", "quiet", words.begin)
    return
  }
  const node = nodes[chosen]
  const result = nodes.at(-1).name
  make(rule, "b", "", `${words.at} ${node.name}`)
  if (node.operation && now.known.has(chosen)) make(rule, "p", "", `${node.name} = ${written(nodes, now, node)} = ${short(now.values[chosen])}`)
  if (!node.operation) make(rule, "p", "", `${node.name} = ${short(node.value)}`)
  if (node.operation && now.known.has(chosen)) {
    const local = node.parents.map((parent, at) => (now.slopes[chosen][at] === null ? null : `∂${node.name}/∂${nodes[parent].name} = ${rulesOf(board, node, at)}${short(now.slopes[chosen][at])}`))
    make(rule, "p", "quiet", local.filter(Boolean).join(" · "))
  }
  if (!node.learns) {
    make(rule, "p", "quiet", words.fixed)
    return
  }
  const gradient = now.gradients[chosen]
  if (now.back < 0) return
  if (chosen === nodes.length - 1) {
    make(rule, "p", "chain", `∂${result}/∂${result} = 1`)
    return
  }
  const children = childrenOf(nodes, chosen)
  const symbols = children.map(([child]) => `∂${result}/∂${nodes[child].name} · ∂${nodes[child].name}/∂${node.name}`)
  make(rule, "p", "chain", `∂${result}/∂${node.name} = ${symbols.join(" + ")}`)
  if (gradient === null || !children.every(([child]) => now.pushed.has(child))) {
    make(rule, "p", "quiet", words.not_yet)
    return
  }
  const numbers = children.map(([child, at]) => `${closed(now.gradients[child])} · ${closed(now.slopes[child][at])}`)
  make(rule, "p", "chain", `= ${numbers.join(" + ")} = ${short(gradient)}`)
}

// The rule of an operation with the names of its own arguments, in front of the number it gives.
function rulesOf(board, node, at) {
  if (node.operation === "weighted") return ""
  const said = board.data.rules[node.operation][at]
  if (!said || /^[−\d]+$/.test(said)) return ""
  const [a, b] = node.parents.map(parent => board.nodes[parent].name)
  const names = { a, b, v: node.name }
  return `${said.replace(/(?<![\p{L}\d])[abv](?![\p{L}\d])/gu, letter => names[letter])} = `
}

function written(nodes, now, node) {
  const given = node.parents.map(parent => closed(now.values[parent]))
  const signs = { add: "+", subtract: "−", multiply: "·", divide: "/", power: "^" }
  if (node.operation in signs) return `${given[0]} ${signs[node.operation]} ${given[1]}`
  if (node.operation === "negate") return `−${given[0]}`
  if (node.operation === "squared_error") return `(${given[0]} − ${given[1]})²`
  if (node.operation === "cross_entropy") return `−${given[1]}·ln ${given[0]} − (1 − ${given[1]})·ln(1 − ${given[0]})`
  if (node.operation === "weighted") {
    const pairs = []
    for (let at = 0; at + 1 < given.length; at += 2) pairs.push(`${given[at + 1]}·${given[at]}`)
    return `${pairs.join(" + ")} + ${given.at(-1)}`
  }
  return `${node.operation === "log" ? "ln" : node.operation}(${short(now.values[node.parents[0]])})`
}
