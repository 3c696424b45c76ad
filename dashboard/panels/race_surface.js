// The surface from above: shades, contour lines, minima, and the paths up to a step. All lengths in CSS pixels.

const LEVELS = 14 // contour lines, even in the shade
const MAP_MARGIN = { left: 38, right: 8, top: 8, bottom: 30 }

function decoded(text, Type) {
  const letters = atob(text)
  const bytes = new Uint8Array(letters.length)
  for (let place = 0; place < letters.length; place++) bytes[place] = letters.charCodeAt(place)
  return new Type(bytes.buffer)
}

// The same surface as `known` is not unpacked again.
function unpackRace(data, known) {
  const { surface } = data
  const shades = known?.given === surface.given ? known.shades : decoded(surface.shades, Float32Array)
  return {
    surface: { ...surface, shades },
    racers: data.racers.map(racer => ({
      ...racer,
      places: decoded(racer.places, Float32Array),
      gaps: decoded(racer.gaps, Float32Array),
    })),
  }
}

// Where a racer is in its own arrays at a step: a place and the share of the way to the next one.
function placeAt(racer, step, stride) {
  const last = racer.gaps.length - 1
  const whole = Math.floor(step / stride)
  if (step >= racer.last || whole >= last) return { place: last, share: 0 }
  const [begin, end] = [whole * stride, whole + 1 === last ? racer.last : (whole + 1) * stride]
  return { place: whole, share: Math.min(1, (step - begin) / Math.max(1, end - begin)) }
}

function positionAt(racer, step, stride) {
  const { place, share } = placeAt(racer, step, stride)
  const next = Math.min(place + 1, racer.gaps.length - 1)
  return [0, 1].map(axis => racer.places[2 * place + axis] * (1 - share) + racer.places[2 * next + axis] * share)
}

function sized(canvas, width, height) {
  const scale = window.devicePixelRatio || 1
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
    canvas.style.width = `${width}px`
    canvas.style.height = `${height}px`
  }
  const context = canvas.getContext("2d")
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, width, height)
  return context
}

function rgbOf(hex) {
  return [1, 3, 5].map(start => parseInt(hex.slice(start, start + 2), 16))
}

const TONES = 256

// From the page's own colour at the top of the shades to the deepest of the scale at the bottom: TONES colours.
function tonesOf(scale) {
  const tones = new Uint8ClampedArray(3 * TONES)
  for (let tone = 0; tone < TONES; tone++) {
    const at = (1 - tone / (TONES - 1)) * (scale.length - 1)
    const low = Math.min(scale.length - 2, Math.floor(at))
    for (let channel = 0; channel < 3; channel++) {
      tones[3 * tone + channel] = scale[low][channel] + (scale[low + 1][channel] - scale[low][channel]) * (at - low)
    }
  }
  return tones
}

const toneOf = shade => 3 * Math.round(Math.min(1, Math.max(0, shade)) * (TONES - 1))

function mapScale(surface, width, height) {
  const m = MAP_MARGIN
  const [left, right, bottom, top] = surface.window
  const [wide, high] = [width - m.left - m.right, height - m.top - m.bottom]
  return {
    x: value => m.left + ((value - left) / (right - left)) * wide,
    y: value => m.top + (1 - (value - bottom) / (top - bottom)) * high,
    at: (px, py) => [
      left + (Math.min(1, Math.max(0, (px - m.left) / wide)) * (right - left)),
      bottom + (1 - Math.min(1, Math.max(0, (py - m.top) / high))) * (top - bottom),
    ],
    wide, high, m,
  }
}

// The part that only a new surface, size or theme changes; kept in a canvas of its own.
function drawGround(canvas, surface, theme, width, height) {
  const context = sized(canvas, width, height)
  const { x, y, wide, high, m } = mapScale(surface, width, height)
  const { side, shades } = surface
  const image = new ImageData(side, side)
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const to = 4 * ((side - 1 - row) * side + column)
      const tone = toneOf(shades[row * side + column])
      for (let channel = 0; channel < 3; channel++) image.data[to + channel] = theme.tones[tone + channel]
      image.data[to + 3] = 165
    }
  }
  const small = document.createElement("canvas")
  small.width = small.height = side
  small.getContext("2d").putImageData(image, 0, 0)
  context.imageSmoothingQuality = "high"
  context.drawImage(small, m.left, m.top, wide, high)
  context.strokeStyle = theme.text
  context.globalAlpha = 0.2
  context.lineWidth = 0.8
  const [left, right, bottom, top] = surface.window
  const place = (row, column) => [x(left + (column / (side - 1)) * (right - left)), y(bottom + (row / (side - 1)) * (top - bottom))]
  context.beginPath()
  contours(context, shades, side, place)
  context.stroke()
  context.globalAlpha = 1
  drawAxes(context, surface, theme, width, height)
}

// Marching squares: in each cell, for every level between its corners, the line between the edges it crosses.
function contours(context, shades, side, place) {
  for (let row = 0; row < side - 1; row++) {
    for (let column = 0; column < side - 1; column++) {
      const at = row * side + column
      const values = [shades[at], shades[at + 1], shades[at + side + 1], shades[at + side]]
      const [low, high] = [Math.min(...values) * LEVELS, Math.max(...values) * LEVELS]
      for (let level = Math.max(1, Math.ceil(low)); level < high && level < LEVELS; level++) {
        cellLines(context, row, column, values.map(value => value - level / LEVELS), place)
      }
    }
  }
}

function cellLines(context, row, column, values, place) {
  const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]]
  const crossings = []
  for (let edge = 0; edge < 4; edge++) {
    const [from, to] = [values[edge], values[(edge + 1) % 4]]
    if (from > 0 === to > 0) continue
    const share = from / (from - to)
    const [one, other] = [corners[edge], corners[(edge + 1) % 4]]
    crossings.push(place(one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share))
  }
  for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
    context.moveTo(...crossings[pair])
    context.lineTo(...crossings[pair + 1])
  }
}

function roundTicks(low, high, count) {
  const rough = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(times => times * power).find(size => size >= rough)
  const found = []
  for (let number = Math.ceil(low / step); number * step <= high + 1e-9 * step; number++) found.push(Number((number * step).toPrecision(6)))
  return found
}

function drawAxes(context, surface, theme, width, height) {
  const { x, y, wide, high, m } = mapScale(surface, width, height)
  const [left, right, bottom, top] = surface.window
  context.fillStyle = theme.text
  context.globalAlpha = 0.75
  context.font = `11px ${theme.font}`
  context.textAlign = "center"
  context.textBaseline = "top"
  for (const tick of roundTicks(left, right, 7)) context.fillText(String(tick), x(tick), m.top + high + 4)
  context.fillText("x", m.left + wide / 2, m.top + high + 17)
  context.textAlign = "right"
  context.textBaseline = "middle"
  for (const tick of roundTicks(bottom, top, 7)) context.fillText(String(tick), m.left - 5, y(tick))
  context.textAlign = "left"
  context.fillText("y", 2, m.top + high / 2)
  context.globalAlpha = 1
}

function drawMap(canvas, ground, race, state, theme, width, height) {
  const context = sized(canvas, width, height)
  context.drawImage(ground, 0, 0, width, height)
  const { x, y, wide, high, m } = mapScale(race.surface, width, height)
  context.save()
  context.beginPath()
  context.rect(m.left, m.top, wide, high)
  context.clip()
  for (const minimum of race.surface.minima) mark(context, x(minimum[0]), y(minimum[1]), minimum[2], theme)
  const trail = racer => {
    const { place } = placeAt(racer, state.step, race.stride)
    context.beginPath()
    let [lastX, lastY] = [NaN, NaN]
    for (let at = 0; at <= place; at++) {
      const [toX, toY] = [x(racer.places[2 * at]), y(racer.places[2 * at + 1])]
      if (Math.abs(toX - lastX) + Math.abs(toY - lastY) < 0.7) continue // thousands of steps end in one place
      context[at ? "lineTo" : "moveTo"](toX, toY)
      ;[lastX, lastY] = [toX, toY]
    }
    const [px, py] = positionAt(racer, state.step, race.stride)
    context.lineTo(x(px), y(py))
    context.stroke()
  }
  context.lineJoin = "round"
  for (const wider of [true, false]) {
    for (const racer of race.racers) {
      const quiet = state.focus && state.focus !== racer.name
      context.globalAlpha = quiet ? 0.25 : wider ? 0.85 : 1
      context.strokeStyle = wider ? theme.background : racer.color
      context.lineWidth = wider ? 4.2 : 2
      context.setLineDash(racer.dashed && !wider ? [6, 4] : [])
      trail(racer)
    }
  }
  context.setLineDash([])
  for (const racer of race.racers) {
    if (racer.left !== null && state.step >= racer.left) continue
    const [px, py] = positionAt(racer, state.step, race.stride)
    context.globalAlpha = state.focus && state.focus !== racer.name ? 0.35 : 1
    disc(context, x(px), y(py), 5, racer.color, theme.background)
  }
  context.globalAlpha = 1
  const [sx, sy] = [x(state.start[0]), y(state.start[1])]
  context.strokeStyle = theme.background
  context.lineWidth = 4.5
  cross(context, sx, sy, 7)
  context.strokeStyle = theme.text
  context.lineWidth = 2
  cross(context, sx, sy, 7)
  context.restore()
}

function disc(context, x, y, radius, color, rim) {
  context.beginPath()
  context.arc(x, y, radius, 0, 2 * Math.PI)
  context.fillStyle = color
  context.fill()
  context.strokeStyle = rim
  context.lineWidth = 1.5
  context.stroke()
}

function cross(context, x, y, size) {
  context.beginPath()
  context.moveTo(x - size, y)
  context.lineTo(x + size, y)
  context.moveTo(x, y - size)
  context.lineTo(x, y + size)
  context.stroke()
}

// A minimum: a star where it is one of the deepest, else a small ring.
function mark(context, x, y, deepest, theme, alpha = 1) {
  context.globalAlpha = alpha
  if (!deepest) {
    context.beginPath()
    context.arc(x, y, 2.2, 0, 2 * Math.PI)
    context.strokeStyle = theme.text
    context.globalAlpha = 0.55
    context.lineWidth = 1
    context.stroke()
    context.globalAlpha = 1
    return
  }
  context.beginPath()
  for (let corner = 0; corner < 10; corner++) {
    const angle = (corner * Math.PI) / 5 - Math.PI / 2
    const radius = corner % 2 ? 3.2 : 8
    context.lineTo(x + radius * Math.cos(angle), y + radius * Math.sin(angle))
  }
  context.closePath()
  context.fillStyle = theme.star
  context.fill()
  context.strokeStyle = theme.background
  context.lineWidth = 1.2
  context.stroke()
}
