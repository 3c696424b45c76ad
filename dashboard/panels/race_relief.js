// The surface as a relief to turn. Its cells are drawn from back to front, once for each view; over them come the
// paths, faint where a hill hides them, which is found by going from the point towards the reader's eye.

const CELLS = 44 // a side
const RELIEF_HEIGHT = 0.4 // of the plane's side
const PITCHES = [0.3, 1.5]
const LIFT = 0.012 // of what lies on the surface
const TOO_NEAR = 0.004 // of the window: thousands of steps end in one place

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
  const at = top * side + left
  return (
    (shades[at] * (1 - across) + shades[at + 1] * across) * (1 - down) +
    (shades[at + side] * (1 - across) + shades[at + side + 1] * across) * down
  )
}

const heightAt = (relief, u, v) => shadeAt(relief.heights, CELLS + 1, v, u)

function projection(view, width, height) {
  const [cos, sin] = [Math.cos(view.turn), Math.sin(view.turn)]
  const [up, flat] = [Math.sin(view.pitch), Math.cos(view.pitch)]
  const size = Math.min(width / 1.42, height / (1.42 * up + RELIEF_HEIGHT * flat + 0.04))
  return (u, v, h) => {
    const [x, y] = [u - 0.5, v - 0.5]
    const deep = x * sin + y * cos
    return [width / 2 + (x * cos - y * sin) * size, height / 2 - (deep * up + (h - 0.5) * RELIEF_HEIGHT * flat) * size]
  }
}

function drawReliefGround(canvas, relief, view, theme, width, height) {
  const context = sized(canvas, width, height)
  const to = projection(view, width, height)
  const n = CELLS + 1
  const points = new Float32Array(2 * n * n)
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      const [x, y] = to(column / CELLS, row / CELLS, relief.heights[row * n + column])
      points[2 * (row * n + column)] = x
      points[2 * (row * n + column) + 1] = y
    }
  }
  // What is deeper, away from the reader, comes first: rows and columns in the order of their depth
  const ordered = down => Array.from({ length: CELLS }, (_, place) => (down ? CELLS - 1 - place : place))
  const columns = ordered(Math.sin(view.turn) > 0)
  for (const row of ordered(Math.cos(view.turn) > 0)) {
    for (const column of columns) {
      const at = row * n + column
      const { heights } = relief
      const shade = (heights[at] + heights[at + 1] + heights[at + n] + heights[at + n + 1]) / 4
      const tilt = heights[at + 1] - heights[at] + heights[at + n] - heights[at]
      const light = Math.max(0.78, Math.min(1.16, 1 - 2.2 * tilt))
      const tone = toneOf(shade)
      const part = channel => Math.min(255, (0.65 * theme.tones[tone + channel] + 0.35 * theme.backgroundRgb[channel]) * light) | 0
      context.fillStyle = `rgb(${part(0)},${part(1)},${part(2)})`
      context.beginPath()
      for (const corner of [at, at + 1, at + n + 1, at + n]) context.lineTo(points[2 * corner], points[2 * corner + 1])
      context.fill()
    }
  }
}

// Whether nothing of the surface stands between a point and the eye, which sees parallel rays.
function isSeen(relief, view, u, v, h) {
  const [sin, cos] = [Math.sin(view.turn), Math.cos(view.turn)]
  const rise = Math.tan(view.pitch) / RELIEF_HEIGHT
  for (let way = 1 / CELLS; h + way * rise <= 1; way += 0.5 / CELLS) {
    const [x, y] = [u - way * sin, v - way * cos]
    if (x < 0 || x > 1 || y < 0 || y > 1) return true
    if (heightAt(relief, x, y) > h + way * rise) return false
  }
  return true
}

// The paths on the screen, for one view: x, y, whether it is seen, and the place in the racer's arrays.
function reliefPaths(race, relief, view, width, height) {
  const to = projection(view, width, height)
  const [left, right, bottom, top] = relief.window
  const place = (x, y) => {
    const [u, v] = [(x - left) / (right - left), (y - bottom) / (top - bottom)]
    if (!(u >= 0 && u <= 1 && v >= 0 && v <= 1)) return null
    const h = heightAt(relief, u, v) + LIFT
    return [...to(u, v, h), isSeen(relief, view, u, v, h)]
  }
  const paths = race.racers.map(racer => {
    const points = []
    let before = null
    for (let at = 0; at < racer.gaps.length; at++) {
      const [x, y] = [racer.places[2 * at], racer.places[2 * at + 1]]
      const [u, v] = [(x - left) / (right - left), (y - bottom) / (top - bottom)]
      const far = before ? Math.hypot(u - before[0], v - before[1]) : 1
      if (far < TOO_NEAR) continue
      // A long step follows the hills between its ends
      const cuts = before ? Math.min(60, Math.ceil(far * CELLS)) : 1
      for (let cut = 1; cut <= cuts; cut++) {
        const share = cut / cuts
        const [px, py] = before ? [before[0] + (u - before[0]) * share, before[1] + (v - before[1]) * share] : [u, v]
        points.push([place(left + px * (right - left), bottom + py * (top - bottom)), at - 1 + share])
      }
      before = [u, v]
    }
    return points
  })
  return { place, paths }
}

function drawRelief(canvas, ground, race, { place, paths }, state, theme, width, height) {
  const context = sized(canvas, width, height)
  context.drawImage(ground, 0, 0, width, height)
  context.lineJoin = "round"
  for (const minimum of race.surface.minima) {
    const at = minimum[2] && place(minimum[0], minimum[1])
    if (!at) continue
    context.globalAlpha = at[2] ? 1 : 0.3
    mark(context, at[0], at[1], true, theme, context.globalAlpha)
  }
  const heads = race.racers.map(racer => {
    const [x, y] = positionAt(racer, state.step, race.stride)
    return place(x, y)
  })
  race.racers.forEach((racer, number) => {
    const { place: whole, share } = placeAt(racer, state.step, race.stride)
    const faint = state.focus && state.focus !== racer.name ? 0.25 : 1
    for (const seen of [false, true]) {
      context.beginPath()
      let open = false
      let last = null
      for (const [point, at] of paths[number]) {
        if (at > whole + share) break
        const here = point !== null && point[2] === seen
        if (here && open) context.lineTo(point[0], point[1])
        else if (here) context.moveTo(...(last ?? point).slice(0, 2)), context.lineTo(point[0], point[1])
        open = here
        last = point
      }
      const head = heads[number]
      if (head && last && head[2] === seen) context[open ? "lineTo" : "moveTo"](head[0], head[1])
      for (const [color, wide] of seen ? [[theme.background, 3.8], [racer.color, 2]] : [[racer.color, 1.5]]) {
        context.globalAlpha = faint * (seen ? 1 : 0.3)
        context.strokeStyle = color
        context.lineWidth = wide
        context.stroke()
      }
    }
  })
  race.racers.forEach((racer, number) => {
    const head = heads[number]
    if (!head || (racer.left !== null && state.step >= racer.left)) return
    context.globalAlpha = (state.focus && state.focus !== racer.name ? 0.35 : 1) * (head[2] ? 1 : 0.4)
    disc(context, head[0], head[1], 4.5, racer.color, theme.background)
  })
  context.globalAlpha = 1
}
