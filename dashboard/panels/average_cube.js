// One tensor as a box of cells for each normalisation: samples go back, channels go right, places go down. The cell
// that is pointed at lights up with every cell that shares its mean, in all boxes at once. Means, variances and what
// the number becomes are computed here; a browser test holds them to PyTorch.

const SVG = "http://www.w3.org/2000/svg"
const cubes = new WeakMap()
const SHADES = [1, 0.86, 0.72] // of a cell's three visible sides: top, front, side
const FILLED = 0.84 // of a cell's share of room
const CLICK = 5 // pixels that a pointer may move and still have clicked
const STEEPEST = 83 // degrees that the boxes may be tilted
const LETTER = 6.6 // pixels that a letter of a label takes
const DEGREE = Math.PI / 180

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".descent-cubes")
  if (!root || !data) return
  const board = cubes.get(root) ?? newBoard(root)
  cubes.set(root, board)
  if (isNews(board, "at", data.at)) board.at = placed(data.at, data.shape)
  if (isNews(board, "shown", data.shown)) board.after = data.shown === "after"
  if (isNews(board, "turn", data.turn)) [board.yaw, board.pitch] = data.turn.split(",").map(angle => angle * DEGREE)
  board.at = placed(board.at.map(number => number + 1).join("-"), data.shape) // a smaller tensor has no such cell
  board.data = data
  board.tell = setStateValue
  board.colors = palette(board)
  build(board)
  return () => {
    board.observer.disconnect()
    cubes.delete(root)
  }
}

// An answer may be older than the hand: what was told from here comes back late, and moves nothing.
function isNews(board, name, value) {
  const told = board.told[name]
  const echo = told.indexOf(value)
  const known = echo >= 0 || board.seen[name] === value
  if (echo >= 0) told.splice(0, echo + 1)
  board.seen[name] = value
  return !known
}

function tell(board, name, value) {
  if (value === (board.told[name].at(-1) ?? board.seen[name])) return
  board.told[name].push(value)
  board.tell(name, value)
}

function newBoard(root) {
  const told = { at: [], shown: [], turn: [] }
  const board = { root, at: [0, 0, 0], yaw: 0, pitch: 0, after: false, views: [], seen: {}, told }
  root.replaceChildren()
  const bar = element("div", "cube-bar", root)
  board.buttons = [false, true].map(after => {
    const button = element("button", "", bar)
    button.type = "button"
    button.addEventListener("click", () => {
      board.after = after
      build(board)
      tell(board, "shown", after ? "after" : "before")
    })
    return button
  })
  board.legend = element("span", "cube-legend", bar)
  board.chosen = element("strong", "cube-chosen", bar)
  board.chosen.setAttribute("aria-live", "polite")
  board.grid = element("div", "cube-grid", root)
  board.grid.tabIndex = 0
  board.grid.setAttribute("role", "application")
  board.grid.addEventListener("keydown", event => stepped(board, event))
  board.grid.addEventListener("keyup", event => event.key.startsWith("Arrow") && tellCell(board))
  for (const [name, act] of [["pointerdown", grabbed], ["pointermove", moved], ["pointerup", released], ["pointercancel", released]]) {
    board.grid.addEventListener(name, event => act(board, event))
  }
  board.observer = new ResizeObserver(() => {
    const width = board.grid.clientWidth
    if (board.data && width !== board.width) build(board)
    board.width = width
  })
  board.observer.observe(root)
  return board
}

function drawn(name, parent, attributes = {}) {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  parent.append(made)
  return made
}

// "2-3-1" counts from 1, as readers do.
function placed(text, shape) {
  const said = String(text).split("-").map(Number)
  return shape.map((size, axis) => Math.min(size, Math.max(1, said[axis] || 1)) - 1)
}

const flat = ({ shape }, [sample, channel, place]) => (sample * shape[1] + channel) * shape[2] + place

// ---- numbers ------------------------------------------------------------------------------------------------------

function averages(data, kind) {
  const count = Math.max(...kind.sets) + 1
  const totals = new Array(count).fill(0)
  const members = new Array(count).fill(0)
  kind.sets.forEach((set, cell) => {
    totals[set] += data.values[cell]
    members[set] += 1
  })
  const means = totals.map((total, set) => (kind.centred ? total / members[set] : 0))
  const squares = new Array(count).fill(0)
  kind.sets.forEach((set, cell) => (squares[set] += (data.values[cell] - means[set]) ** 2))
  const variances = squares.map((square, set) => square / members[set])
  const after = data.values.map((value, cell) => {
    const set = kind.sets[cell]
    return (data.scale * (value - means[set])) / Math.sqrt(variances[set] + data.epsilon) + data.shift
  })
  return { means, variances, members, after }
}

// ---- colours ------------------------------------------------------------------------------------------------------

// The page's own colours say whether it is dark.
function palette(board) {
  const probe = document.createElement("canvas").getContext("2d")
  probe.fillStyle = getComputedStyle(board.root).getPropertyValue("--st-background-color").trim() || "#fff"
  const bright = channels(probe.fillStyle).reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0)
  return board.data.palettes[bright < 102 ? "dark" : "light"].map(channels)
}

function channels(color) {
  if (!color.startsWith("#")) return color.match(/[\d.]+/g).slice(0, 3).map(Number)
  return [1, 3, 5].map(start => parseInt(color.slice(start, start + 2), 16))
}

function colorOf(colors, share, shade) {
  const place = Math.min(1, Math.max(0, (share + 1) / 2)) * (colors.length - 1)
  const low = Math.min(colors.length - 2, Math.floor(place))
  const mixed = colors[low].map((part, axis) => (part + (place - low) * (colors[low + 1][axis] - part)) * shade)
  return `rgb(${mixed.map(Math.round).join(",")})`
}

// ---- drawing ------------------------------------------------------------------------------------------------------

function build(board) {
  const { data } = board
  const { words } = data
  board.buttons.forEach((button, after) => {
    button.textContent = after ? words.after : words.before
    button.setAttribute("aria-pressed", String(board.after === Boolean(after)))
  })
  board.grid.setAttribute("aria-label", words.keys)
  const largest = Math.max(...data.values.map(Math.abs), 1e-9)
  board.limit = board.after ? 2.5 * Math.max(0.1, Math.abs(data.scale)) : largest
  board.legend.replaceChildren()
  const scale = [-1, -0.5, 0, 0.5, 1].map(share => colorOf(board.colors, share, 1)).join(",")
  element("span", "", board.legend).textContent = said(-board.limit)
  element("i", "", board.legend).style.background = `linear-gradient(90deg, ${scale})`
  element("span", "", board.legend).textContent = said(board.limit)
  while (board.views.length > data.kinds.length) board.views.pop().figure.remove()
  data.kinds.forEach((kind, place) => {
    const view = (board.views[place] ??= newView(board))
    view.kind = kind
    view.found = kind.problem ? null : averages(data, kind)
    view.title.textContent = kind.title
  })
  look(board)
}

function newView(board) {
  const figure = element("figure", "cube", board.grid)
  const title = element("figcaption", "", figure)
  const svg = drawn("svg", figure)
  const glass = drawn("path", svg, { class: "cube-glass" })
  const body = drawn("g", svg)
  const wires = drawn("path", svg, { class: "cube-wires" })
  const axes = drawn("g", svg, { class: "cube-axes" })
  const outline = drawn("path", svg, { class: "cube-outline" })
  return { figure, title, svg, axes, glass, body, wires, outline, lit: [], set: element("p", "", figure), sum: element("p", "cube-sum", figure) }
}

// Axes of the picture: x right (channels), y down (places), z back (samples). Turned by yaw, then tilted by pitch.
function projection(board) {
  const [samples, channelCount, places] = board.data.shape
  const [cosYaw, sinYaw] = [Math.cos(board.yaw), Math.sin(board.yaw)]
  const [cosPitch, sinPitch] = [Math.cos(board.pitch), Math.sin(board.pitch)]
  const middle = [channelCount / 2, places / 2, samples / 2]
  return (x, y, z) => {
    const [a, b, c] = [x - middle[0], y - middle[1], z - middle[2]]
    const across = a * cosYaw + c * sinYaw
    const back = c * cosYaw - a * sinYaw
    return [across, b * cosPitch - back * sinPitch, b * sinPitch + back * cosPitch]
  }
}

// Along each axis 1 where a step leads away from the eye, else -1: says which sides are seen, and what is in front.
function away(project) {
  const origin = project(0, 0, 0)
  return [project(1, 0, 0), project(0, 1, 0), project(0, 0, 1)].map(tip => (tip[2] - origin[2] > 0 ? 1 : -1))
}

// The whole tensor is a box of glass with a grid on its three near sides; the cells of the chosen average are in it.
function paint(board) {
  const { data } = board
  const [samples, channelCount, places] = data.shape
  const project = projection(board)
  board.towards = away(project)
  const room = Math.hypot(samples, channelCount, places) / 2 + 0.5
  const widths = board.views.map(view => view.svg.clientWidth || 220) // all read before anything is written
  board.views.forEach((view, number) => {
    const [width, height] = [widths[number], 190]
    view.width = width
    const unit = Math.min(width, height) / 2 / room
    view.at = (...place) => {
      const [across, down] = project(...place)
      return [width / 2 + across * unit, height / 2 + down * unit]
    }
    view.svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
    box(board, view)
    axes(board, view, board.towards)
    cells(board, view)
    const chosen = sides(board.at, board.towards, 0)
    view.outline.setAttribute("d", chosen.map(corners => closed(view, corners)).join(""))
  })
}

const shown = point => point.map(part => part.toFixed(1)).join(" ")
const closed = (view, corners) => `M${corners.map(corner => shown(view.at(...corner))).join("L")}Z`

function box(board, view) {
  const ends = boxEnds(board.data)
  const near = ends.map((end, axis) => (board.towards[axis] > 0 ? 0 : end))
  const glass = []
  const wires = []
  for (const axis of [0, 1, 2]) {
    const [one, other] = [0, 1, 2].filter(each => each !== axis)
    const corner = (u, v) => {
      const place = [...near]
      place[one] = u
      place[other] = v
      return place
    }
    glass.push(closed(view, [corner(0, 0), corner(ends[one], 0), corner(ends[one], ends[other]), corner(0, ends[other])]))
    const line = (from, to) => wires.push(`M${shown(view.at(...from))}L${shown(view.at(...to))}`)
    for (let u = 0; u <= ends[one]; u++) line(corner(u, 0), corner(u, ends[other]))
    for (let v = 0; v <= ends[other]; v++) line(corner(0, v), corner(ends[one], v))
  }
  view.glass.setAttribute("d", glass.join(""))
  view.wires.setAttribute("d", wires.join(""))
}

// How long the box is along x, y and z.
const boxEnds = ({ shape: [samples, channelCount, places] }) => [channelCount, places, samples]

function cells(board, view) {
  const { data, towards, limit, colors } = board
  const members = view.found ? view.members : []
  const order = [...members].sort((one, other) => rank(placeOf(data, other), towards) - rank(placeOf(data, one), towards))
  while (view.lit.length < order.length) {
    const group = drawn("g", view.body)
    view.lit.push({ group, polygons: SHADES.map(() => drawn("polygon", group)) })
  }
  view.lit.forEach(({ group, polygons }, number) => {
    const cell = order[number]
    group.setAttribute("class", cell === undefined ? "" : "in")
    group.style.display = cell === undefined ? "none" : ""
    if (cell === undefined) return
    const value = board.after ? view.found.after[cell] : data.values[cell]
    sides(placeOf(data, cell), towards, (1 - FILLED) / 2).forEach((corners, side) => {
      polygons[side].setAttribute("points", corners.map(corner => shown(view.at(...corner))).join(" "))
      polygons[side].style.fill = colorOf(colors, value / limit, SHADES[side])
    })
  })
}

const placeOf = ({ shape }, cell) => [Math.floor(cell / shape[1] / shape[2]), Math.floor(cell / shape[2]) % shape[1], cell % shape[2]]

// How far back: along each axis on which a step leads away from the eye.
function rank([sample, channel, place], [x, y, z]) {
  return x * channel + y * place + z * sample
}

function sides([sample, channel, place], towards, edge) {
  const [x, y, z] = [channel, place, sample].map(number => [number + edge, number + 1 - edge])
  const near = [x, y, z].map((ends, axis) => ends[towards[axis] > 0 ? 0 : 1])
  return [
    [[x[0], near[1], z[0]], [x[1], near[1], z[0]], [x[1], near[1], z[1]], [x[0], near[1], z[1]]],
    [[x[0], y[0], near[2]], [x[1], y[0], near[2]], [x[1], y[1], near[2]], [x[0], y[1], near[2]]],
    [[near[0], y[0], z[0]], [near[0], y[1], z[0]], [near[0], y[1], z[1]], [near[0], y[0], z[1]]],
  ]
}

// An arrow along each axis, on the edges below that are nearest.
function axes(board, view, towards) {
  const [samples, channelCount, places] = board.data.shape
  const { words } = board.data
  view.axes.replaceChildren()
  const front = towards[2] > 0 ? -0.3 : samples + 0.3
  const left = towards[0] > 0 ? -0.3 : channelCount + 0.3
  const other = towards[0] > 0 ? channelCount + 0.3 : -0.3
  const lines = [
    [words.channels, [0, places + 0.25, front], [channelCount, places + 0.25, front]],
    [words.samples, [other, places + 0.25, 0], [other, places + 0.25, samples]],
    [words.places, [left, 0, front], [left, places, front]],
  ]
  for (const [name, from, to] of lines) {
    const [[x1, y1], [x2, y2]] = [view.at(...from), view.at(...to)]
    drawn("line", view.axes, { x1, y1, x2, y2 })
    const along = Math.hypot(x2 - x1, y2 - y1)
    if (along < 14) continue
    const middle = view.at(...[0, 1, 2].map(axis => [board.data.shape[1], board.data.shape[2], board.data.shape[0]][axis] / 2))
    const [mx, my] = [(x1 + x2) / 2, (y1 + y2) / 2]
    const away = Math.hypot(mx - middle[0], my - middle[1]) || 1
    const anchor = mx - middle[0] > 12 ? "start" : mx - middle[0] < -12 ? "end" : "middle"
    const [before, after] = { start: [0, 1], middle: [0.5, 0.5], end: [1, 0] }[anchor].map(share => share * name.length * LETTER)
    const x = Math.max(before, Math.min(view.width - after, mx + ((mx - middle[0]) / away) * 11)) // inside its card
    const label = drawn("text", view.axes, { x, y: my + ((my - middle[1]) / away) * 11 + 4, "text-anchor": anchor })
    label.textContent = name
  }
}

function look(board) {
  const { data, at } = board
  const chosen = flat(data, at)
  const value = data.values[chosen]
  for (const view of board.views) {
    const { kind, found } = view
    if (!found) {
      view.set.textContent = kind.problem
      view.sum.textContent = ""
      continue
    }
    const set = kind.sets[chosen]
    view.members = data.values.map((_, cell) => cell).filter(cell => kind.sets[cell] === set)
    const [mean, variance] = [found.means[set], found.variances[set]]
    const words = kind.centred ? data.words.set : data.words.squares
    view.set.textContent = words.replace("{n}", found.members[set]).replace("{mean}", said(mean)).replace("{variance}", said(variance))
    view.sum.textContent = written(data, kind, value, mean, variance, found.after[chosen])
    view.figure.dataset.after = found.after[chosen]
  }
  const [sample, channel, place] = at
  const [row, column] = [Math.floor(place / data.side) + 1, (place % data.side) + 1]
  const names = { sample: sample + 1, channel: channel + 1, row, column, value: said(value) }
  board.chosen.textContent = data.words.chosen.replace(/\{(\w+)\}/g, (_, name) => names[name])
  board.root.dataset.at = at.map(number => number + 1).join("-")
  paint(board)
}

function written({ scale, shift, epsilon }, kind, value, mean, variance, after) {
  const top = !kind.centred ? said(value) : `(${said(value)} ${mean < 0 ? "+" : "−"} ${said(Math.abs(mean))})`
  const plain = `${top} / ${said(Math.sqrt(variance + epsilon))}`
  const scaled = scale === 1 ? plain : `${said(scale)} · ${plain}`
  const shifted = shift === 0 ? scaled : `${scaled} ${shift < 0 ? "−" : "+"} ${said(Math.abs(shift))}`
  return `${shifted} = ${said(after)}`
}

function said(number) {
  const short = Math.abs(number) >= 1000 ? number.toPrecision(4) : number.toFixed(2)
  return short.replace("-", "−").replace(/^−(0\.00)$/, "$1")
}

// ---- hands --------------------------------------------------------------------------------------------------------

function grabbed(board, event) {
  if (!event.target.closest("svg")) return
  board.held = { x: event.clientX, y: event.clientY, yaw: board.yaw, pitch: board.pitch, turned: false }
  board.grid.setPointerCapture(event.pointerId)
}

function moved(board, event) {
  const { held } = board
  if (!held) return pointed(board, event)
  const [dx, dy] = [event.clientX - held.x, event.clientY - held.y]
  held.turned ||= Math.hypot(dx, dy) > CLICK
  if (!held.turned) return
  board.yaw = held.yaw + dx / 120
  board.pitch = Math.min(STEEPEST * DEGREE, Math.max(-STEEPEST * DEGREE, held.pitch + dy / 120))
  paint(board)
}

function released(board, event) {
  const { held } = board
  board.held = null
  if (!held) return
  if (held.turned) return tellTurn(board)
  pointed(board, event)
  tellCell(board)
}

// In whole degrees, once the hand lets go; the picture keeps the angle that the hand gave it.
function tellTurn(board) {
  const yaw = Math.round(board.yaw / DEGREE)
  const round = ((((yaw + 180) % 360) + 360) % 360) - 180
  tell(board, "turn", `${round},${Math.round(board.pitch / DEGREE)}`)
}

// The cell on the glass under the pointer.
function pointed(board, event) {
  const view = board.views.find(({ svg }) => {
    const area = svg.getBoundingClientRect()
    return event.clientX >= area.left && event.clientX <= area.right && event.clientY >= area.top && event.clientY <= area.bottom
  })
  if (!view?.at) return
  const area = view.svg.getBoundingClientRect()
  const pointer = [event.clientX - area.left, event.clientY - area.top]
  const ends = boxEnds(board.data)
  for (let cell = 0; cell < board.data.values.length; cell++) {
    const [sample, channel, place] = placeOf(board.data, cell)
    const seen = [place, sample, channel].map((number, side) => {
      const axis = [1, 2, 0][side]
      return number === (board.towards[axis] > 0 ? 0 : ends[axis] - 1)
    })
    const found = sides([sample, channel, place], board.towards, 0).some((corners, side) => seen[side] && within(pointer, corners.map(corner => view.at(...corner))))
    if (!found) continue
    if (cell === flat(board.data, board.at)) return
    board.at = [sample, channel, place]
    look(board)
    return
  }
}

// Whether a point is in a convex quadrangle: on the same side of all four edges.
function within([x, y], corners) {
  const turns = corners.map(([x1, y1], number) => {
    const [x2, y2] = corners[(number + 1) % corners.length]
    return (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
  })
  return turns.every(turn => turn >= 0) || turns.every(turn => turn <= 0)
}

function stepped(board, event) {
  const moves = { ArrowRight: [1, 1], ArrowLeft: [1, -1], ArrowDown: [2, 1], ArrowUp: [2, -1] }
  const move = moves[event.key]
  if (!move) return
  event.preventDefault()
  const axis = event.shiftKey && move[0] === 2 ? 0 : move[0] // with Shift, up and down go back and forth
  const size = board.data.shape[axis]
  board.at = board.at.map((number, place) => (place === axis ? Math.min(size - 1, Math.max(0, number + move[1])) : number))
  look(board)
}

const tellCell = board => tell(board, "at", board.at.map(number => number + 1).join("-"))
