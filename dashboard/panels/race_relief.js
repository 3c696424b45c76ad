// The surface as a relief to turn, drawn from back to front: a cell, then the pieces of paths that lie in it.
// Exact for a surface over a plane, and quick enough without a graphics card.

const CELLS = 46 // a side
const RELIEF_HEIGHT = 0.4 // of the plane's side
const PITCHES = [0.3, 1.5]

function reliefOf(surface) {
  const { side, shades, window: place } = surface
  const heights = new Float32Array((CELLS + 1) ** 2)
  for (let row = 0; row <= CELLS; row++) {
    for (let column = 0; column <= CELLS; column++) heights[row * (CELLS + 1) + column] = shadeAt(shades, side, row / CELLS, column / CELLS)
  }
  return { heights, window: place }
}

// Between the grid's points, bilinear; row and column as shares of the side.
function shadeAt(shades, side, row, column) {
  const [r, c] = [row * (side - 1), column * (side - 1)]
  const [top, left] = [Math.min(side - 2, Math.floor(r)), Math.min(side - 2, Math.floor(c))]
  const [down, across] = [r - top, c - left]
  const value = (i, j) => shades[(top + i) * side + left + j]
  return (value(0, 0) * (1 - across) + value(0, 1) * across) * (1 - down) + (value(1, 0) * (1 - across) + value(1, 1) * across) * down
}

function projection(view, width, height) {
  const [cos, sin] = [Math.cos(view.turn), Math.sin(view.turn)]
  const [up, flat] = [Math.sin(view.pitch), Math.cos(view.pitch)]
  const size = Math.min(width / 1.42, height / (1.42 * up + RELIEF_HEIGHT * flat + 0.04)) * view.zoom
  return (u, v, h) => {
    const [x, y] = [u - 0.5, v - 0.5]
    const across = x * cos - y * sin
    const deep = x * sin + y * cos
    return [width / 2 + across * size, height / 2 - (deep * up + (h - 0.5) * RELIEF_HEIGHT * flat) * size]
  }
}

function drawRelief(canvas, race, relief, state, theme, width, height) {
  const context = sized(canvas, width, height)
  const to = projection(state.view, width, height)
  const n = CELLS + 1
  const points = new Float32Array(2 * n * n)
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      const at = row * n + column
      const [x, y] = to(column / CELLS, row / CELLS, relief.heights[at])
      points[2 * at] = x
      points[2 * at + 1] = y
    }
  }
  const pieces = piecesOf(race, state, relief)
  const [cos, sin] = [Math.cos(state.view.turn), Math.sin(state.view.turn)]
  // What is deeper, away from the reader, comes first: rows and columns in the order of their depth
  const [rowDown, columnDown] = [cos > 0, sin > 0]
  const ordered = down => Array.from({ length: CELLS }, (_, place) => (down ? CELLS - 1 - place : place))
  context.lineWidth = 0.5
  for (const row of ordered(rowDown)) {
    for (const column of ordered(columnDown)) {
      const at = row * n + column
      const corners = [at, at + 1, at + n + 1, at + n]
      const shade = corners.reduce((sum, corner) => sum + relief.heights[corner], 0) / 4
      const tilt = relief.heights[at + 1] - relief.heights[at] + relief.heights[at + n] - relief.heights[at]
      const light = Math.max(0.78, Math.min(1.16, 1 - 2.2 * tilt))
      const [r, g, b] = shadeColor(theme, shade).map((value, channel) => {
        const soft = 0.65 * value + 0.35 * theme.backgroundRgb[channel]
        return Math.min(255, soft * light)
      })
      context.fillStyle = context.strokeStyle = `rgb(${r | 0},${g | 0},${b | 0})`
      context.beginPath()
      for (const corner of corners) context.lineTo(points[2 * corner], points[2 * corner + 1])
      context.closePath()
      context.fill()
      context.stroke()
      for (const piece of pieces.get(row * CELLS + column) ?? []) drawPiece(context, piece, to, theme)
      context.lineWidth = 0.5
      context.globalAlpha = 1
    }
  }
}

// Pieces of paths, minima and heads by the cell they lie in; what is outside of the window is left out.
function piecesOf(race, state, relief) {
  const [left, right, bottom, top] = relief.window
  const found = new Map()
  const share = (x, y) => [(x - left) / (right - left), (y - bottom) / (top - bottom)]
  const inside = (u, v) => u >= 0 && u <= 1 && v >= 0 && v <= 1
  const keep = (u, v, piece) => {
    const cell = Math.min(CELLS - 1, Math.floor(v * CELLS)) * CELLS + Math.min(CELLS - 1, Math.floor(u * CELLS))
    if (!found.has(cell)) found.set(cell, [])
    found.get(cell).push(piece)
  }
  const height = (u, v) => shadeAt(relief.heights, CELLS + 1, v, u)
  for (const [x, y, deepest] of race.surface.minima) {
    const [u, v] = share(x, y)
    if (deepest && inside(u, v)) keep(u, v, { kind: "star", at: [u, v, height(u, v)] })
  }
  for (const racer of race.racers) {
    const quiet = state.focus && state.focus !== racer.name
    const { place: last } = placeAt(racer, state.step, race.stride)
    let before = null
    for (let at = 0; at <= last + 1; at++) {
      const [x, y] = at <= last ? [racer.places[2 * at], racer.places[2 * at + 1]] : positionAt(racer, state.step, race.stride)
      const [u, v] = share(x, y)
      if (before && inside(...before) && inside(u, v)) {
        const cuts = Math.max(1, Math.ceil(Math.hypot(u - before[0], v - before[1]) * CELLS))
        for (let cut = 0; cut < cuts; cut++) {
          const ends = [cut / cuts, (cut + 1) / cuts].map(part => [before[0] + (u - before[0]) * part, before[1] + (v - before[1]) * part])
          const [middle, other] = [0, 1].map(axis => (ends[0][axis] + ends[1][axis]) / 2)
          keep(middle, other, { kind: "line", ends: ends.map(end => [...end, height(...end) + 0.012]), color: racer.color, quiet })
        }
      }
      before = [u, v]
    }
    if (before && inside(...before) && !(racer.left !== null && state.step >= racer.left)) {
      keep(...before, { kind: "head", at: [...before, height(...before) + 0.015], color: racer.color, quiet })
    }
  }
  return found
}

function drawPiece(context, piece, to, theme) {
  context.globalAlpha = piece.quiet ? 0.25 : 1
  if (piece.kind === "line") {
    const [from, end] = piece.ends.map(each => to(...each))
    for (const [color, width] of [[theme.background, 3.6], [piece.color, 2]]) {
      context.strokeStyle = color
      context.lineWidth = width
      context.beginPath()
      context.moveTo(...from)
      context.lineTo(...end)
      context.stroke()
    }
  } else if (piece.kind === "head") disc(context, ...to(...piece.at), 4.5, piece.color, theme.background)
  else mark(context, ...to(...piece.at), true, theme)
}
