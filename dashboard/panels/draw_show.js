// Shows what a network says: bars of probabilities, the picture as the network gets it, what spoke for the class,
// and the layers. Everything is redrawn at each answer, so it is little: canvases of as many pixels as numbers.

const TILE = 46 // pixels that one map has on the page, about
const CELL = 9 // of a unit without maps
const MOST_BARS = 10

function colourTable(colours) {
  const stops = colours.map(colour => [1, 3, 5].map(start => parseInt(colour.slice(start, start + 2), 16)))
  const table = new Uint8ClampedArray(256 * 3)
  for (let level = 0; level < 256; level++) {
    const place = (level / 255) * (stops.length - 1)
    const low = Math.min(stops.length - 2, Math.floor(place))
    for (let part = 0; part < 3; part++) {
      table[level * 3 + part] = stops[low][part] + (place - low) * (stops[low + 1][part] - stops[low][part])
    }
  }
  return table
}

// The bars in the order of the classes, or the most probable ones first where there are many.
function showBars(board, probabilities) {
  const { bars, data } = board
  const names = data.classes
  const order = names.map((_, place) => place)
  if (probabilities && names.length > MOST_BARS) order.sort((a, b) => probabilities[b] - probabilities[a])
  const shown = order.slice(0, MOST_BARS)
  while (bars.children.length > shown.length) bars.lastChild.remove()
  while (bars.children.length < shown.length) newBar(board)
  const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1
  shown.forEach((label, place) => {
    const bar = bars.children[place]
    const share = probabilities ? probabilities[label] : 0
    bar.dataset.label = label
    bar.parts.name.textContent = names[label]
    bar.parts.fill.style.transform = `scaleX(${share})`
    bar.parts.number.textContent = probabilities ? percent(share) : ""
    bar.classList.toggle("best", label === best)
    bar.setAttribute("aria-pressed", String(label === board.chosen))
    bar.setAttribute("aria-label", data.words.bar.replace("{name}", names[label]).replace("{share}", percent(share)))
  })
}

function newBar(board) {
  const bar = drawElement("button", "bar", board.bars)
  bar.type = "button"
  bar.title = board.data.words.explain
  bar.parts = { name: drawElement("span", "name", bar), track: drawElement("span", "track", bar) }
  bar.parts.fill = drawElement("span", "fill", bar.parts.track)
  bar.parts.number = drawElement("span", "number", bar)
  bar.addEventListener("click", () => choose(board, Number(bar.dataset.label)))
}

function percent(share) {
  return share > 0 && share < 0.001 ? "<0.1%" : `${(100 * share).toFixed(1)}%`
}

// The picture as the network gets it: as many pixels, grey or in colour.
function showPicture(board, values) {
  const [channels, rows, columns] = board.data.shape
  const canvas = board.seen
  resizeTo(canvas, columns, rows)
  const context = canvas.getContext("2d")
  const image = context.createImageData(columns, rows)
  for (let place = 0; place < rows * columns; place++) {
    for (let part = 0; part < 3; part++) {
      const channel = Math.min(part, channels - 1)
      image.data[place * 4 + part] = values ? Math.round(255 * values[channel * rows * columns + place]) : 128
    }
    image.data[place * 4 + 3] = values ? 255 : 24
  }
  context.putImageData(image, 0, 0)
}

// What spoke for a class and what against it, over the picture. `field`: where the first map's centre lies in
// the picture, and how far the next one is.
function showContributions(board, values, contributions) {
  const { data, theme } = board
  const [channels, rows, columns] = data.shape
  const zoom = Math.max(1, Math.round(224 / Math.max(rows, columns)))
  const canvas = board.why
  resizeTo(canvas, columns * zoom, rows * zoom)
  const context = canvas.getContext("2d")
  context.clearRect(0, 0, canvas.width, canvas.height)
  if (!contributions) return
  const { x, y } = data.field
  const [width, height] = [x.count, y.count]
  const largest = contributions.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12)
  const small = new OffscreenCanvas(width, height)
  const image = new ImageData(width, height)
  contributions.forEach((value, place) => {
    const level = Math.round(127.5 * (1 + value / largest))
    for (let part = 0; part < 3; part++) image.data[place * 4 + part] = theme.diverging[level * 3 + part]
    image.data[place * 4 + 3] = 255
  })
  small.getContext("2d").putImageData(image, 0, 0)
  context.imageSmoothingEnabled = width < columns
  context.fillStyle = theme.neutral
  context.fillRect(0, 0, canvas.width, canvas.height)
  const left = (x.first - x.step / 2) * zoom
  const top = (y.first - y.step / 2) * zoom
  context.drawImage(small, left, top, x.step * width * zoom, y.step * height * zoom)
  if (!data.preparation.drawn) return
  context.fillStyle = theme.text // the drawing over it, as a veil
  const { background, ink } = data.preparation
  for (let place = 0; place < rows * columns; place++) {
    const amount = (values[place] - background) / (ink - background || 1)
    if (amount < 0.08) continue
    context.globalAlpha = 0.34 * amount
    context.fillRect((place % columns) * zoom, Math.floor(place / columns) * zoom, zoom, zoom)
  }
  context.globalAlpha = 1
}

// A card for each layer: its maps beside each other, or its units as cells.
function showLayers(board, outputs) {
  const { layers, data, theme } = board
  while (layers.children.length > data.layers.length) layers.lastChild.remove()
  while (layers.children.length < data.layers.length) {
    const card = drawElement("figure", "layer", layers)
    card.caption = drawElement("figcaption", "", card)
    card.canvas = drawElement("canvas", "", card)
  }
  data.layers.forEach((layer, number) => {
    const card = layers.children[number]
    const values = outputs?.[`layer${number}`]
    card.caption.textContent = `${layer.name} · ${layer.shape.join(" × ")}`
    card.canvas.setAttribute("role", "img")
    card.canvas.setAttribute("aria-label", data.words.layer.replace("{name}", layer.name))
    tiles(card.canvas, layer, values, theme, layers.clientWidth)
  })
}

function tiles(canvas, layer, values, theme, room) {
  const [count, rows, columns] = layer.shape.length === 3 ? [layer.shown, layer.shape[1], layer.shape[2]] : [layer.shown, 1, 1]
  const isMap = layer.shape.length === 3
  const zoom = isMap ? Math.max(1, Math.round(TILE / Math.max(rows, columns))) : CELL
  const gap = isMap ? Math.max(1, Math.round(4 / zoom)) : 0
  const width = Math.min(room - 26, isMap ? 520 : 24 * CELL)
  const across = Math.max(1, Math.min(count, isMap ? 8 : 24, Math.floor(width / ((columns + gap) * zoom))))
  const down = Math.ceil(count / across)
  resizeTo(canvas, across * (columns + gap) - gap, down * (rows + gap) - gap)
  canvas.style.width = `${canvas.width * zoom}px`
  const context = canvas.getContext("2d")
  context.clearRect(0, 0, canvas.width, canvas.height)
  if (!values) return
  let [least, largest] = [0, 1e-12]
  for (const value of values) {
    if (value < least) least = value
    if (Math.abs(value) > largest) largest = Math.abs(value)
  }
  const table = least < 0 ? theme.diverging : theme.sequential
  const image = context.createImageData(canvas.width, canvas.height)
  for (let number = 0; number < count; number++) {
    const left = (number % across) * (columns + gap)
    const top = Math.floor(number / across) * (rows + gap)
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const share = values[(number * rows + row) * columns + column] / largest
        const level = Math.round(least < 0 ? 127.5 * (1 + share) : 255 * share)
        const place = ((top + row) * canvas.width + left + column) * 4
        for (let part = 0; part < 3; part++) image.data[place + part] = table[level * 3 + part]
        image.data[place + 3] = 255
      }
    }
  }
  context.putImageData(image, 0, 0)
}

function resizeTo(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
}

function drawElement(name, className, parent) {
  const made = document.createElement(name)
  if (className) made.className = className
  parent.append(made)
  return made
}
