// Strokes as data: lines of points over a square of 1023 x 1023 steps, each with its width and colour, and as a
// short text for the page's address (dashboard/drawn_strokes.py checks the same).

const STEPS = 1023
const MOST_POINTS = 800 // in an address; more are drawn and answered, but no link holds them

// Of each stroke: its width in steps over 4, its colour (0: the ink, 255: the eraser), how many points, and
// three bytes a point.
function packStrokes(strokes) {
  if (strokes.reduce((sum, stroke) => sum + stroke.points.length, 0) > MOST_POINTS) return ""
  const bytes = strokes.flatMap(({ width, colour, points }) => [
    Math.round(width / 4),
    colour,
    points.length >> 8,
    points.length & 255,
    ...points.flatMap(([x, y]) => {
      const number = (Math.round(x) << 14) | (Math.round(y) << 4)
      return [number >> 16, (number >> 8) & 255, number & 255]
    }),
  ])
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_")
}

function unpackStrokes(text) {
  const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"))
  const code = place => bytes.charCodeAt(place)
  const strokes = []
  for (let place = 0; place + 3 < bytes.length; ) {
    const count = (code(place + 2) << 8) | code(place + 3)
    const points = []
    for (let n = 0; n < count; n++) {
      const start = place + 4 + 3 * n
      const number = (code(start) << 16) | (code(start + 1) << 8) | code(start + 2)
      points.push([(number >> 14) & STEPS, (number >> 4) & STEPS])
    }
    strokes.push({ width: code(place) * 4, colour: code(place + 1), points })
    place += 4 + 3 * count
  }
  return strokes
}

const ERASER = 255

// Draws a stroke, or what follows after its first `from` points, over a square of `side` pixels.
function paintStroke(context, stroke, side, colours, from = 0) {
  const scale = side / STEPS
  context.globalCompositeOperation = stroke.colour === ERASER ? "destination-out" : "source-over"
  context.strokeStyle = context.fillStyle = colours[stroke.colour] ?? colours[0]
  context.lineWidth = stroke.width * scale
  context.lineCap = context.lineJoin = "round"
  context.beginPath()
  const points = stroke.points.slice(Math.max(0, from - 1))
  if (points.length === 1) {
    context.arc(points[0][0] * scale, points[0][1] * scale, context.lineWidth / 2, 0, 2 * Math.PI)
    context.fill()
  } else {
    points.forEach(([x, y], place) => (place ? context.lineTo(x * scale, y * scale) : context.moveTo(x * scale, y * scale)))
    context.stroke()
  }
  context.globalCompositeOperation = "source-over"
}
