// What batch norm remembers, batch by batch: three panes over the batches, and a place among them that follows the
// pointer, the arrow keys, or plays. What has not come yet is faint. The sums of that batch are written out here; a
// browser test holds them to PyTorch.

const SVG = "http://www.w3.org/2000/svg"
const MARGIN = { left: 46, right: 14, top: 22, between: 36, bottom: 36 }
const PACE = 90 // milliseconds a batch while it plays
const boards = new WeakMap()

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".descent-running")
  if (!root || !data) return
  const board = boards.get(root) ?? newBoard(root)
  boards.set(root, board)
  // An answer may be older than the hand: what was told from here comes back late, and moves nothing.
  const echo = board.told.indexOf(data.at)
  if (echo >= 0) board.told.splice(0, echo + 1)
  else if (board.seen !== data.at) board.at = data.at
  board.seen = data.at
  board.data = data
  board.tell = setStateValue
  board.at = Math.min(data.batches, Math.max(1, board.at))
  draw(board)
  return () => {
    clearInterval(board.timer)
    board.observer.disconnect()
    boards.delete(root)
  }
}

function newBoard(root) {
  const board = { root, at: 0, seen: null, told: [] }
  root.replaceChildren()
  const bar = element("div", "running-bar", root)
  board.play = element("button", "", bar)
  board.play.type = "button"
  board.play.addEventListener("click", () => (board.timer ? rest(board) : begin(board)))
  board.keys = element("span", "running-keys", bar)
  board.svg = drawn("svg", root, { tabindex: 0, role: "slider" })
  board.sums = element("dl", "running-sums", root)
  const follow = event => {
    const place = event.clientX - board.svg.getBoundingClientRect().left
    move(board, board.scale.batch(place))
  }
  board.svg.addEventListener("pointerdown", event => {
    rest(board)
    board.svg.setPointerCapture(event.pointerId)
    board.dragging = true
    follow(event)
  })
  board.svg.addEventListener("pointermove", event => board.dragging && follow(event))
  for (const name of ["pointerup", "pointercancel"]) {
    board.svg.addEventListener(name, () => {
      if (board.dragging) tell(board)
      board.dragging = false
    })
  }
  board.svg.addEventListener("keydown", event => {
    const step = event.shiftKey ? 10 : 1
    const places = { ArrowLeft: board.at - step, ArrowRight: board.at + step, Home: 1, End: board.data.batches }
    if (!(event.key in places)) return
    event.preventDefault()
    move(board, places[event.key])
  })
  board.svg.addEventListener("keyup", event => /Arrow|Home|End/.test(event.key) && tell(board))
  board.observer = new ResizeObserver(() => {
    const width = board.svg.clientWidth
    if (board.data && width !== board.width) draw(board)
    board.width = width
  })
  board.observer.observe(root)
  return board
}

function element(name, className, parent, text = "") {
  const made = document.createElement(name)
  if (className) made.className = className
  made.textContent = text
  parent.append(made)
  return made
}

function drawn(name, parent, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  if (text) made.textContent = text
  parent.append(made)
  return made
}

function move(board, batch) {
  board.at = Math.min(board.data.batches, Math.max(1, Math.round(batch)))
  look(board)
}

function tell(board) {
  if (board.at === (board.told.at(-1) ?? board.seen)) return
  board.told.push(board.at)
  board.tell("at", board.at)
}

function begin(board) {
  if (board.at >= board.data.batches) board.at = 1
  board.timer = setInterval(() => {
    if (board.at >= board.data.batches) return rest(board)
    move(board, board.at + 1)
  }, PACE)
  look(board)
}

function rest(board) {
  if (!board.timer) return
  clearInterval(board.timer)
  board.timer = null
  tell(board)
  look(board)
}

// ---- drawing ------------------------------------------------------------------------------------------------------

function draw(board) {
  const { svg, data } = board
  const width = svg.clientWidth
  if (!width) return
  const { height } = data
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
  svg.style.height = `${height}px`
  svg.replaceChildren()
  board.colors = palette(board)
  const inner = width - MARGIN.left - MARGIN.right
  const x = batch => MARGIN.left + (batch / data.batches) * inner
  board.scale = { x, batch: place => ((place - MARGIN.left) / inner) * data.batches }
  const clip = drawn("clipPath", drawn("defs", svg), { id: "running-past" })
  board.past = drawn("rect", clip, { x: 0, y: 0, height, width: 0 })
  const room = (height - MARGIN.top - MARGIN.bottom - MARGIN.between * (data.panes.length - 1)) / data.panes.length
  board.places = data.panes.map((pane, number) => panel(board, pane, MARGIN.top + number * (room + MARGIN.between), room, number === data.panes.length - 1))
  drawn("text", svg, { x: MARGIN.left + inner / 2, y: height - 3, "text-anchor": "middle", class: "quiet" }, data.words.axis)
  board.cursor = drawn("g", svg) // a line in each pane, and none through the legends between
  data.panes.forEach((_, number) => {
    const y1 = MARGIN.top + number * (room + MARGIN.between)
    drawn("line", board.cursor, { class: "running-cursor", x1: 0, x2: 0, y1, y2: y1 + room })
  })
  board.dots = data.panes.map(() => drawn("circle", svg, { r: 5, class: "running-dot", fill: board.colors[0] }))
  board.keys.textContent = data.words.keys
  look(board)
}

function palette(board) {
  const probe = document.createElement("canvas").getContext("2d")
  probe.fillStyle = getComputedStyle(board.root).getPropertyValue("--st-background-color").trim() || "#fff"
  const shades = probe.fillStyle.startsWith("#")
    ? [1, 3, 5].map(start => parseInt(probe.fillStyle.slice(start, start + 2), 16))
    : probe.fillStyle.match(/[\d.]+/g).map(Number)
  const bright = 0.2126 * shades[0] + 0.7152 * shades[1] + 0.0722 * shades[2]
  return board.data.palettes[bright < 102 ? "dark" : "light"]
}

// `line` has a value for each batch and one before the first; `dots` one for each batch, `truth` too.
function panel(board, pane, top, height, last) {
  const { svg, data, colors } = board
  const { x } = board.scale
  const middle = [...pane.dots].sort((one, other) => one - other)
  const cut = place => middle[Math.round(place * (middle.length - 1))]
  let [low, high] = [Math.min(cut(0.02), ...pane.line, ...pane.truth), Math.max(cut(0.98), ...pane.line, ...pane.truth)]
  const air = 0.08 * (high - low || 1)
  ;[low, high] = [low - air, high + air]
  const y = value => top + (1 - (Math.min(high, Math.max(low, value)) - low) / (high - low)) * height
  for (const tick of ticks(low, high, 4)) {
    drawn("line", svg, { class: "grid", x1: x(0), x2: x(data.batches), y1: y(tick), y2: y(tick) })
    drawn("text", svg, { x: MARGIN.left - 6, y: y(tick) + 4, "text-anchor": "end", class: "quiet" }, String(Number(tick.toPrecision(6))))
  }
  for (const tick of last ? ticks(0, data.batches, 9) : []) {
    drawn("text", svg, { x: x(tick), y: top + height + 16, "text-anchor": "middle", class: "quiet" }, String(tick))
  }
  legend(svg, pane, x(0), top - 8, colors)
  for (const past of [false, true]) {
    const group = drawn("g", svg, past ? { "clip-path": "url(#running-past)" } : { class: "running-coming" })
    pane.dots.forEach((value, place) => drawn("circle", group, { cx: x(place + 1), cy: y(value), r: 2.6, fill: colors[1] }))
    drawn("path", group, { d: path(pane.truth, place => x(place + 1), y), class: "running-truth", stroke: colors[2] })
    drawn("path", group, { d: path(pane.line, x, y), class: "running-line", stroke: colors[0] })
  }
  return y
}

function legend(svg, pane, left, y, colors) {
  const title = drawn("text", svg, { x: left, y, class: "running-title" }, pane.title)
  let x = left + title.getComputedTextLength() + 18
  for (const [name, color, dot] of [[pane.names[0], colors[0], false], [pane.names[1], colors[1], true], [pane.names[2], colors[2], false]]) {
    if (dot) drawn("circle", svg, { cx: x + 8, cy: y - 4, r: 3, fill: color })
    else drawn("line", svg, { x1: x, x2: x + 16, y1: y - 4, y2: y - 4, stroke: color, class: color === colors[2] ? "running-truth" : "running-line" })
    const text = drawn("text", svg, { x: x + 21, y, class: "quiet" }, name)
    x += 21 + text.getComputedTextLength() + 16
  }
}

const path = (numbers, x, y) => numbers.map((value, place) => `${place ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`).join("")

function ticks(low, high, count) {
  const rough = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(times => times * power).find(size => size >= rough)
  const found = []
  for (let number = Math.ceil(low / step); number * step <= high; number++) found.push(number * step || 0)
  return found
}

// ---- the chosen batch -----------------------------------------------------------------------------------------------

function look(board) {
  const { data, at, svg } = board
  if (!board.scale) return
  const place = board.scale.x(at)
  board.past.setAttribute("width", place + 0.5)
  board.cursor.setAttribute("transform", `translate(${place} 0)`)
  board.dots.forEach((dot, number) => {
    dot.setAttribute("cx", place)
    dot.setAttribute("cy", board.places[number](data.panes[number].line[at]))
  })
  board.play.textContent = board.timer ? data.words.pause : data.words.play
  const words = data.words.at.replace("{n}", at)
  for (const [name, value] of Object.entries({ "aria-label": data.words.keys, "aria-valuemin": 1, "aria-valuemax": data.batches, "aria-valuenow": at, "aria-valuetext": words })) {
    svg.setAttribute(name, value)
  }
  const lines = [[words, ""], ...data.panes.slice(0, 2).map(pane => [pane.names[0], update(data, pane, at)]), ...ends(data, at)]
  board.sums.replaceChildren()
  for (const [name, sum] of lines) {
    element("dt", "", board.sums, name)
    element("dd", "", board.sums, sum)
  }
  board.root.dataset.at = at
}

function update(data, pane, at) {
  const weight = data.momentum ?? 1 / at
  const kept = (1 - weight) * pane.line[at - 1] + weight * pane.dots[at - 1]
  return `(1 − ${short(weight)}) · ${said(pane.line[at - 1])} + ${short(weight)} · ${said(pane.dots[at - 1])} = ${said(kept)}`
}

function ends(data, at) {
  const [means, variances, values] = data.panes
  const [mean, variance] = [means.line[at], variances.line[at]]
  const becomes = (data.number - mean) / Math.sqrt(variance + data.epsilon)
  const top = `(${said(data.number)} ${mean < 0 ? "+" : "−"} ${said(Math.abs(mean))})`
  return [
    [values.names[1], said(values.dots[at - 1])],
    [values.names[0], `${top} / √(${said(variance)} + ε) = ${said(becomes)}`],
  ]
}

const short = number => String(Number(number.toPrecision(3)))
const said = number => number.toFixed(3).replace("-", "−").replace(/^−(0\.000)$/, "$1")
