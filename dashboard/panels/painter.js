// A square to paint points into: a class by button, a press or a drag paints, Undo and Clear take away. What is
// painted is told as a text (dashboard/painted_points.py reads and writes the same) when the pointer is lifted.

const STEPS = 1023
const APART = 9 // pixels between the points of a drag
const painters = new WeakMap()

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".descent-painter")
  if (!root || !data) return
  const painter = painters.get(root) ?? newPainter(root)
  painters.set(root, painter)
  painter.data = data
  painter.tell = setStateValue
  // Only a text that did not come from here replaces what is painted: an answer may be older than the hand.
  if (data.points !== painter.last && !painter.told.has(data.points)) {
    painter.points = unpack(data.points)
    painter.strokes = []
  }
  painter.last = data.points
  say(painter)
  draw(painter)
  return () => {
    painter.observer.disconnect()
    painters.delete(root)
  }
}

function newPainter(root) {
  const painter = { root, points: [], strokes: [], label: 0, told: new Set(), last: null }
  const tools = make("div", "tools", root)
  painter.classes = make("div", "classes", tools)
  painter.undo = tool(tools, () => undo(painter))
  painter.clear = tool(tools, () => clear(painter))
  painter.canvas = make("canvas", "sheet", root)
  painter.canvas.tabIndex = 0
  painter.count = make("p", "count", root)
  listen(painter)
  painter.observer = new ResizeObserver(() => draw(painter))
  painter.observer.observe(root)
  return painter
}

function make(name, className, parent) {
  const made = document.createElement(name)
  made.className = className
  parent.append(made)
  return made
}

function tool(parent, act) {
  const made = make("button", "tool", parent)
  made.type = "button"
  made.addEventListener("click", act)
  return made
}

function listen(painter) {
  const { canvas } = painter
  let near = null
  const paint = event => {
    const side = canvas.clientWidth
    const [x, y] = [event.offsetX, event.offsetY]
    if (x < 0 || y < 0 || x > side || y > side || painter.points.length >= painter.data.most) return
    if (near && Math.hypot(near[0] - x, near[1] - y) < APART) return
    near = [x, y]
    painter.points.push([(x / side) * 2 - 1, 1 - (y / side) * 2, painter.label])
    painter.strokes[painter.strokes.length - 1]++
    say(painter)
    draw(painter)
  }
  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId)
    painter.painting = true
    painter.strokes.push(0)
    near = null
    paint(event)
  })
  canvas.addEventListener("pointermove", event => {
    if (painter.painting) paint(event)
  })
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, () => {
      if (!painter.painting) return
      painter.painting = false
      tell(painter)
    })
  }
}

function undo(painter) {
  const count = Math.min(painter.points.length, painter.strokes.pop() ?? 1)
  painter.points.length -= count
  say(painter)
  draw(painter)
  tell(painter)
}

function clear(painter) {
  painter.points = []
  painter.strokes = []
  say(painter)
  draw(painter)
  tell(painter)
}

function tell(painter) {
  const text = pack(painter.points)
  painter.told.add(text)
  painter.tell("points", text)
}

function pack(points) {
  const bytes = points.flatMap(([x, y, label]) => {
    const [column, row] = [x, y].map(value => Math.round(((value + 1) / 2) * STEPS))
    const number = column * 16384 + row * 16 + label
    return [number >> 16, (number >> 8) & 255, number & 255]
  })
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_")
}

function unpack(text) {
  const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"))
  const points = []
  for (let place = 0; place + 2 < bytes.length; place += 3) {
    const number = (bytes.charCodeAt(place) << 16) | (bytes.charCodeAt(place + 1) << 8) | bytes.charCodeAt(place + 2)
    points.push([((number >> 14) / STEPS) * 2 - 1, (((number >> 4) & STEPS) / STEPS) * 2 - 1, number & 15])
  }
  return points
}

function say(painter) {
  const { data, points } = painter
  painter.undo.textContent = data.words.undo
  painter.clear.textContent = data.words.clear
  painter.undo.disabled = painter.clear.disabled = !points.length
  painter.canvas.setAttribute("role", "img")
  painter.canvas.setAttribute("aria-label", data.words.sheet)
  painter.count.textContent = data.words.count.replace("{n}", points.length)
  painter.root.dataset.points = String(points.length)
  while (painter.classes.children.length < data.classes) {
    const label = painter.classes.children.length
    const button = tool(painter.classes, () => {
      painter.label = label
      say(painter)
    })
    button.classList.add("class")
    make("i", "", button)
    button.append(String(label))
  }
  const colors = paletteOf(painter)
  ;[...painter.classes.children].forEach((button, label) => {
    button.style.setProperty("--class", colors[label])
    button.setAttribute("aria-pressed", String(label === painter.label))
    button.title = data.words.class.replace("{n}", label)
    button.setAttribute("aria-label", button.title)
  })
}

function paletteOf(painter) {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true })
  probe.fillStyle = getComputedStyle(painter.root).getPropertyValue("--st-background-color").trim() || "#fff"
  probe.fillRect(0, 0, 1, 1)
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data
  painter.paper = probe.fillStyle
  return painter.data.palettes[0.2126 * red + 0.7152 * green + 0.0722 * blue < 102 ? "dark" : "light"]
}

function draw(painter) {
  const { canvas, root, points } = painter
  const side = Math.min(root.clientWidth, 360)
  if (!side || !painter.data) return
  const ratio = window.devicePixelRatio || 1
  canvas.width = canvas.height = Math.round(side * ratio)
  canvas.style.width = canvas.style.height = `${side}px`
  const context = canvas.getContext("2d")
  context.scale(ratio, ratio)
  const colors = paletteOf(painter)
  context.strokeStyle = getComputedStyle(root).getPropertyValue("--st-border-color") || "#ccc"
  for (const share of [0.25, 0.5, 0.75]) {
    context.beginPath()
    context.moveTo(side * share, 0)
    context.lineTo(side * share, side)
    context.moveTo(0, side * share)
    context.lineTo(side, side * share)
    context.stroke()
  }
  for (const [x, y, label] of points) {
    context.beginPath()
    context.arc(((x + 1) / 2) * side, ((1 - y) / 2) * side, 4, 0, 2 * Math.PI)
    context.fillStyle = colors[label]
    context.fill()
    context.strokeStyle = painter.paper
    context.stroke()
  }
}
