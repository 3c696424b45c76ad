// The network of a film as a drawing: each unit is its own map in its place, each weight a line.

const UNIT_SIDE = 36 // points along a side of a unit's map
const LABELS = { x: "x", y: "y", x2: "x²", y2: "y²", xy: "xy", sin_x: "sin x", sin_y: "sin y" }

// Columns of the drawing: the features, each hidden layer, the outputs.
function columnsOf(about) {
  return [about.features.length, ...about.layers.map(layer => layer.units), about.outputs]
}

// Where every unit stands: [{layer, unit, x, y, size}] with x and y of its corner.
function unitPlaces(about, width, height) {
  const columns = columnsOf(about)
  const most = Math.max(...columns)
  const head = 22
  const foot = 4
  const gapX = width / columns.length
  const size = Math.max(14, Math.min(46, gapX * 0.56, (height - head - foot) / most - 7))
  const gapY = Math.min(size + 16, (height - head - foot) / most)
  const middle = head + (height - head - foot) / 2
  const places = []
  columns.forEach((units, layer) => {
    const along = columns.length === 1 ? 0.5 : layer / (columns.length - 1)
    const left = columns[layer] && layer === 0 ? 34 : 4
    const x = 34 + along * (width - 34 - 6 - size)
    for (let unit = 0; unit < units; unit++) {
      const y = middle + (unit - (units - 1) / 2) * gapY - size / 2
      places.push({ layer, unit, x: Math.max(left, x), y, size })
    }
  })
  return places
}

// Every weight: {layer (it leads into), from, to, value, path}.
function edgesOf(about, numbers, places) {
  const at = (layer, unit) => places.find(place => place.layer === layer && place.unit === unit)
  const tensors = filmPlaces(about)
  const edges = []
  const last = about.layers.length + 1
  for (let layer = 1; layer <= last; layer++) {
    const { first, shape } = tensors[layer === last ? "output.weight" : `layers.${layer - 1}.weight`]
    for (let to = 0; to < shape[0]; to++) {
      for (let from = 0; from < shape[1]; from++) {
        const [a, b] = [at(layer - 1, from), at(layer, to)]
        const [x1, y1] = [a.x + a.size, a.y + a.size / 2]
        const [x2, y2] = [b.x, b.y + b.size / 2]
        edges.push({ layer, from, to, value: numbers[first + to * shape[1] + from], x1, y1, x2, y2 })
      }
    }
  }
  return edges
}

// A point of an edge's curve (cubic, level at both ends), `along` from 0 to 1.
function onEdge({ x1, y1, x2, y2 }, along) {
  const bend = (x2 - x1) / 2
  const rest = 1 - along
  const [a, b, c, d] = [rest ** 3, 3 * rest * rest * along, 3 * rest * along * along, along ** 3]
  return [a * x1 + b * (x1 + bend) + c * (x2 - bend) + d * x2, (a + b) * y1 + (c + d) * y2]
}

function edgeWidth(value) {
  return Math.min(7, 0.4 + 1.7 * Math.abs(value))
}

function drawEdge(context, edge, theme, marked) {
  if (Number.isNaN(edge.value)) return
  const bend = (edge.x2 - edge.x1) / 2
  const strength = Math.min(0.85, 0.15 + Math.abs(edge.value) / 2)
  context.beginPath()
  context.moveTo(edge.x1, edge.y1)
  context.bezierCurveTo(edge.x1 + bend, edge.y1, edge.x2 - bend, edge.y2, edge.x2, edge.y2)
  context.lineWidth = edgeWidth(edge.value) + (marked ? 2 : 0)
  context.strokeStyle = cssOf(edge.value < 0 ? theme.negative : theme.positive, marked ? 1 : strength)
  context.setLineDash(edge.value < 0 ? [6 + 2 * context.lineWidth, 3 + context.lineWidth / 2] : []) // the sign once more, for whom the colours are alike
  context.stroke()
  context.setLineDash([])
}

// Residual layers: an arc over the layer that is passed by.
function drawShortcuts(context, about, places, theme) {
  about.layers.forEach((layer, number) => {
    if (!layer.residual) return
    for (let unit = 0; unit < layer.units; unit++) {
      const a = places.find(place => place.layer === number && place.unit === unit)
      const b = places.find(place => place.layer === number + 1 && place.unit === unit)
      const lift = a.size * 0.62
      context.beginPath()
      context.moveTo(a.x + a.size / 2, a.y)
      context.bezierCurveTo(a.x + a.size, a.y - lift, b.x, b.y - lift, b.x + b.size / 2, b.y)
      context.lineWidth = 1.4
      context.setLineDash([2, 3])
      context.strokeStyle = theme.quiet
      context.stroke()
      context.setLineDash([])
    }
  })
}

// The whole drawing; what it returns answers the pointer: {places, edges}.
function drawDiagram(canvas, film, frame, seed, grid, theme, width, height, marked, words) {
  const context = sized(canvas, width, height)
  const { about } = film
  const places = unitPlaces(about, width, height)
  const numbers = numbersOf(film, frame, seed)
  const edges = edgesOf(about, numbers, places)
  const signals = layerOutputs(about, numbers, grid)
  const bySize = [...edges].sort((a, b) => Math.abs(a.value) - Math.abs(b.value))
  for (const edge of bySize) drawEdge(context, edge, theme, false)
  const hot = marked && edges.find(edge => sameEdge(edge, marked))
  if (hot) drawEdge(context, hot, theme, true)
  drawShortcuts(context, about, places, theme)
  const outputs = about.outputs === 1 ? probabilitiesOf(signals.at(-1), 1, grid.count) : signals.at(-1)
  for (const place of places) {
    const isOutput = place.layer === about.layers.length + 1
    const values = isOutput ? outputs : signals[place.layer]
    let made
    if (isOutput && about.outputs === 1) made = { image: rampPicture(values, UNIT_SIDE, theme.ramp), most: 1 }
    else made = unitPicture(values, place.unit, UNIT_SIDE, theme.ramp)
    place.most = made.most
    context.fillStyle = theme.surface
    context.fillRect(place.x, place.y, place.size, place.size)
    drawScaled(context, made.image, place.x, place.y, place.size, place.size)
    const isMarked = marked && marked.unit === place.unit && marked.place === place.layer
    context.lineWidth = isMarked ? 2.5 : 1
    context.strokeStyle = isMarked ? theme.text : theme.quiet
    context.strokeRect(place.x, place.y, place.size, place.size)
  }
  drawNames(context, about, places, theme, words)
  return { places, edges }
}

function drawNames(context, about, places, theme, words) {
  context.fillStyle = theme.quiet
  context.textBaseline = "middle"
  context.textAlign = "right"
  context.font = `italic 12px ${theme.font}`
  for (const place of places) {
    if (place.layer) continue
    const name = about.features[place.unit]
    const [x, y] = about.columns
    const label = x === "x" && y === "y" ? LABELS[name] : LABELS[name].replace("x", "x₁").replace("y", "x₂")
    context.fillText(label, place.x - 5, place.y + place.size / 2)
  }
  context.textAlign = "center"
  context.textBaseline = "top"
  context.font = `11px ${theme.font}`
  const heads = [words.inputs, ...about.layers.map(layer => words.activations[layer.activation] ?? layer.activation), words.output]
  const gap = places.length ? Math.abs(places.at(-1).x - places[0].x) / Math.max(1, heads.length - 1) : 0
  heads.forEach((text, layer) => {
    const place = places.find(each => each.layer === layer)
    const x = Math.max(context.measureText(text).width / 2, place.x + place.size / 2)
    const widest = Math.min(x, canvasWidth(context) - context.measureText(text).width / 2 - 1)
    context.fillText(shortened(context, text, gap - 6), widest, 2)
  })
}

function canvasWidth(context) {
  return context.canvas.width / (window.devicePixelRatio || 1)
}

function shortened(context, text, room) {
  if (room <= 0 || context.measureText(text).width <= room) return text
  let kept = text
  while (kept.length > 2 && context.measureText(`${kept}…`).width > room) kept = kept.slice(0, -1)
  return `${kept}…`
}

function sameEdge(a, b) {
  return a.layer === b.layer && a.from === b.from && a.to === b.to
}

// What lies under the pointer: {place, unit} of a unit, or an edge; null where there is nothing.
function underPointer({ places, edges }, x, y) {
  const unit = places.find(each => x >= each.x && x <= each.x + each.size && y >= each.y && y <= each.y + each.size)
  if (unit) return { place: unit.layer, unit: unit.unit, most: unit.most }
  let nearest = null
  let least = 6 // pixels
  for (const edge of edges) {
    if (x < edge.x1 || x > edge.x2) continue
    for (let step = 1; step < 24; step++) {
      const [px, py] = onEdge(edge, step / 24)
      const distance = Math.hypot(px - x, py - y)
      if (distance < least) {
        least = distance
        nearest = edge
      }
    }
  }
  return nearest
}

function biasOf(film, frame, seed, layer, unit) {
  const places = filmPlaces(film.about)
  const last = film.about.layers.length + 1
  const { first } = places[layer === last ? "output.bias" : `layers.${layer - 1}.bias`]
  return numbersOf(film, frame, seed)[first + unit]
}
