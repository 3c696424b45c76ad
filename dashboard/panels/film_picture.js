// The plane of a film: probabilities or a unit's values as colours, the decision's border, and the points.

const RESOLUTION = { moving: 64, resting: 160 } // points along a side of what is computed
const LEVELS = 256
const PLANE_MARGIN = { left: 34, right: 6, top: 6, bottom: 34 }

// Colours of the page as it is now; `palettes` are those of dashboard/theme.py.
function filmTheme(element, palettes) {
  const style = getComputedStyle(element)
  const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise
  const background = rgbOf(read("--st-background-color", "#ffffff"))
  const isDark = (0.2126 * background[0] + 0.7152 * background[1] + 0.0722 * background[2]) / 255 < 0.4
  const palette = palettes[isDark ? "dark" : "light"]
  return {
    isDark,
    background,
    text: read("--st-text-color", "#1b2430"),
    border: read("--st-border-color", "#d5dbe3"),
    surface: read("--st-secondary-background-color", "#f4f6f9"),
    quiet: palette.quiet,
    font: read("--st-font", "sans-serif"),
    classes: palette.categorical.map(rgbOf),
    ramp: rampOf(palette.diverging),
    plane: rampOf(palette.diverging, background, 0.62), // softer: points of the same colours lie on it
    sequential: rampOf(palette.sequential),
    negative: rgbOf(palette.categorical[0]),
    positive: rgbOf(palette.categorical[1]),
    train: palette.categorical[0],
    validation: palette.categorical[1],
  }
}

function rgbOf(color) {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true })
  probe.fillStyle = color
  probe.fillRect(0, 0, 1, 1)
  return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)]
}

function cssOf([red, green, blue], share = 1) {
  return `rgba(${red},${green},${blue},${share})`
}

// LEVELS colours, evenly from the first to the last, as red, green, blue one after the other.
// `strength`: of them over `ground`.
function rampOf(colors, ground = [0, 0, 0], strength = 1) {
  const stops = colors.map(rgbOf).map(stop => stop.map((part, n) => ground[n] + strength * (part - ground[n])))
  const ramp = new Uint8ClampedArray(LEVELS * 3)
  for (let level = 0; level < LEVELS; level++) {
    const along = (level / (LEVELS - 1)) * (stops.length - 1)
    const low = Math.min(stops.length - 2, Math.floor(along))
    for (let part = 0; part < 3; part++) {
      ramp[level * 3 + part] = stops[low][part] + (along - low) * (stops[low + 1][part] - stops[low][part])
    }
  }
  return ramp
}

// A picture of values 0 to 1 (NaN: nothing there), side by side points, lowest row last as on a page.
function rampPicture(values, side, ramp, first = 0, scale = 1, shift = 0) {
  const image = new ImageData(side, side)
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const value = values[first + row * side + column] * scale + shift
      if (Number.isNaN(value)) continue
      const level = 3 * Math.round(Math.min(1, Math.max(0, value)) * (LEVELS - 1))
      const place = 4 * ((side - 1 - row) * side + column)
      image.data[place] = ramp[level]
      image.data[place + 1] = ramp[level + 1]
      image.data[place + 2] = ramp[level + 2]
      image.data[place + 3] = 255
    }
  }
  return image
}

// The colours of several classes, each as strong as its probability; `hard`: of the most probable alone.
function classPicture(probabilities, side, outputs, theme, hard) {
  const image = new ImageData(side, side)
  const count = side * side
  for (let point = 0; point < count; point++) {
    if (Number.isNaN(probabilities[point])) continue
    let best = 0
    const mixed = [0, 0, 0]
    for (let unit = 0; unit < outputs; unit++) {
      const share = probabilities[unit * count + point]
      if (share > probabilities[best * count + point]) best = unit
      for (let part = 0; part < 3; part++) mixed[part] += share * theme.classes[unit][part]
    }
    const color = hard ? theme.classes[best] : mixed
    const row = Math.floor(point / side)
    const place = 4 * ((side - 1 - row) * side + (point % side))
    for (let part = 0; part < 3; part++) {
      image.data[place + part] = theme.background[part] + 0.62 * (color[part] - theme.background[part])
    }
    image.data[place + 3] = 255
  }
  return image
}

// A value's picture between -most and most, and that most: the largest size on the plane.
function unitPicture(values, unit, side, ramp) {
  const first = unit * side * side
  let most = 0
  for (let place = first; place < first + side * side; place++) {
    most = Math.max(most, Math.abs(values[place])) // NaN: the picture stays empty
  }
  const scale = most > 0 ? 0.5 / most : 0
  return { image: rampPicture(values, side, ramp, first, scale, 0.5), most }
}

function drawScaled(context, image, x, y, width, height) {
  const sheet = document.createElement("canvas")
  sheet.width = image.width
  sheet.height = image.height
  sheet.getContext("2d").putImageData(image, 0, 0)
  context.imageSmoothingEnabled = true
  context.imageSmoothingQuality = "high"
  context.drawImage(sheet, x, y, width, height)
}

// A canvas of that many pixels of the page, sharp on every screen.
function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide
    canvas.height = high
    canvas.style.width = `${width}px`
    canvas.style.height = `${height}px`
  }
  const context = canvas.getContext("2d")
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
  return context
}

// Where a point in its own units lies on a plane's canvas, and back.
function planeScale(about, width, height) {
  const [[xLow, xHigh], [yLow, yHigh]] = about.range
  const m = PLANE_MARGIN
  const wide = width - m.left - m.right
  const high = height - m.top - m.bottom
  return {
    left: m.left, top: m.top, wide, high,
    x: value => m.left + ((value - xLow) / (xHigh - xLow)) * wide,
    y: value => m.top + (1 - (value - yLow) / (yHigh - yLow)) * high,
    at: (px, py) => [
      xLow + ((px - m.left) / wide) * (xHigh - xLow),
      yLow + (1 - (py - m.top) / high) * (yHigh - yLow),
    ],
    holds: (px, py) => px >= m.left && px <= m.left + wide && py >= m.top && py <= m.top + high,
  }
}

function drawAxes(context, about, scale, theme) {
  const [[xLow, xHigh], [yLow, yHigh]] = about.range
  context.strokeStyle = theme.border
  context.lineWidth = 1
  context.strokeRect(scale.left - 0.5, scale.top - 0.5, scale.wide + 1, scale.high + 1)
  context.fillStyle = theme.quiet
  context.font = `11px ${theme.font}`
  context.textAlign = "center"
  context.textBaseline = "top"
  const bottom = scale.top + scale.high
  for (const tick of ticksOf(xLow, xHigh, 5)) context.fillText(tick.text, scale.x(tick.value), bottom + 4)
  context.fillText(about.columns[0], scale.left + scale.wide / 2, bottom + 18)
  context.textAlign = "right"
  context.textBaseline = "middle"
  for (const tick of ticksOf(yLow, yHigh, 5)) context.fillText(tick.text, scale.left - 5, scale.y(tick.value))
  context.save()
  context.translate(7, scale.top + scale.high / 2)
  context.rotate(-Math.PI / 2)
  context.textAlign = "center"
  context.fillText(about.columns[1], 0, 0)
  context.restore()
}

// Round numbers between two ends, about so many.
function ticksOf(low, high, wanted) {
  const rough = (high - low) / wanted
  if (!(rough > 0) || !Number.isFinite(rough)) return []
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].find(digit => digit * power >= rough) * power
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const found = []
  for (let number = Math.ceil(low / step - 1e-9); number * step <= high + step * 1e-9; number++) {
    const value = number * step
    found.push({ value, text: Math.abs(value) >= 1e5 ? value.toExponential(0) : value.toFixed(Math.min(digits, 6)) })
  }
  return found
}

// Training points are filled discs, validation points open squares turned by an eighth.
function drawPoints(context, film, scale, theme, validation) {
  const size = film.points_x.length > 1500 ? 2 : film.points_x.length > 700 ? 2.6 : 3.3
  for (const split of validation ? [0, 1] : [0]) {
    for (let point = 0; point < film.points_x.length; point++) {
      if (film.points_split[point] !== split) continue
      const color = cssOf(theme.classes[film.points_label[point]])
      drawMark(context, scale.x(film.points_x[point]), scale.y(film.points_y[point]), size, color, split, theme)
    }
  }
}

function drawMark(context, x, y, size, color, split, theme) {
  context.beginPath()
  if (split === 0) {
    context.arc(x, y, size, 0, 2 * Math.PI)
    context.fillStyle = color
    context.fill()
    context.lineWidth = 0.9
    context.strokeStyle = cssOf(theme.background)
    context.stroke()
    return
  }
  const reach = size * 1.35
  context.moveTo(x, y - reach)
  context.lineTo(x + reach, y)
  context.lineTo(x, y + reach)
  context.lineTo(x - reach, y)
  context.closePath()
  context.fillStyle = cssOf(theme.background)
  context.fill()
  context.lineWidth = 1.5
  context.strokeStyle = color
  context.stroke()
}

// The lines where a field [side * side] is zero, as pieces of straight lines in shares of the square, from
// below (Lorensen and Cline 1987, in the plane).
function zeroLines(field, side) {
  const lines = []
  const cross = (a, b) => a / (a - b)
  for (let row = 0; row < side - 1; row++) {
    for (let column = 0; column < side - 1; column++) {
      const place = row * side + column
      const corners = [field[place], field[place + 1], field[place + side + 1], field[place + side]]
      const above = corners.map(value => value > 0)
      if (above.every(Boolean) || !above.some(Boolean) || corners.some(Number.isNaN)) continue
      const ends = []
      if (above[0] !== above[1]) ends.push([column + cross(corners[0], corners[1]), row])
      if (above[1] !== above[2]) ends.push([column + 1, row + cross(corners[1], corners[2])])
      if (above[2] !== above[3]) ends.push([column + 1 - cross(corners[2], corners[3]), row + 1])
      if (above[3] !== above[0]) ends.push([column, row + 1 - cross(corners[3], corners[0])])
      for (let end = 0; end + 1 < ends.length; end += 2) lines.push([ends[end], ends[end + 1]])
    }
  }
  return lines.map(pair => pair.map(([x, y]) => [x / (side - 1), y / (side - 1)]))
}

// Where the decision changes: of two classes at a half, of several where another becomes the most probable.
function borderLines(probabilities, side, outputs) {
  const count = side * side
  if (outputs === 1) return zeroLines(probabilities.map(value => value - 0.5), side)
  const lines = []
  for (let unit = 0; unit < outputs; unit++) {
    const lead = new Float32Array(count)
    for (let point = 0; point < count; point++) {
      let other = -Infinity
      for (let each = 0; each < outputs; each++) {
        if (each !== unit) other = Math.max(other, probabilities[each * count + point])
      }
      lead[point] = probabilities[unit * count + point] - other
    }
    lines.push(...zeroLines(lead, side))
  }
  return lines
}

function drawLines(context, lines, scale, theme) {
  context.beginPath()
  for (const [[x1, y1], [x2, y2]] of lines) {
    context.moveTo(scale.left + x1 * scale.wide, scale.top + (1 - y1) * scale.high)
    context.lineTo(scale.left + x2 * scale.wide, scale.top + (1 - y2) * scale.high)
  }
  context.lineWidth = 1.6
  context.strokeStyle = theme.text
  context.stroke()
}

// The whole plane. `shown`: {kind: "probability" | "classes" | "spread"} or {kind: "unit", values, unit}.
function drawPlane(canvas, film, picture, shown, theme, width, height, validation) {
  const context = sized(canvas, width, height)
  const { about } = film
  const scale = planeScale(about, width, height)
  const { side } = picture
  const place = [scale.left, scale.top, scale.wide, scale.high]
  const several = about.outputs > 1
  if (shown.kind === "unit") {
    drawScaled(context, unitPicture(shown.values, shown.unit, side, theme.plane).image, ...place)
  } else if (shown.kind === "spread" && picture.spread) {
    drawScaled(context, rampPicture(picture.spread, side, theme.sequential, 0, 2), ...place)
  } else if (several) {
    drawScaled(context, classPicture(picture.mean, side, about.outputs, theme, shown.kind === "classes"), ...place)
  } else {
    const values = shown.kind === "classes" ? picture.mean.map(value => (value > 0.5 ? 0.85 : value <= 0.5 ? 0.15 : NaN)) : picture.mean
    drawScaled(context, rampPicture(values, side, theme.plane), ...place)
  }
  if (shown.kind === "unit") {
    const field = shown.values.subarray(shown.unit * side * side, (shown.unit + 1) * side * side)
    // A unit that is never negative has a plain at zero, with no line in it
    if (field.some(value => value < 0)) drawLines(context, zeroLines(field, side), scale, theme)
  } else {
    drawLines(context, borderLines(picture.mean, side, about.outputs), scale, theme)
  }
  context.save()
  context.beginPath()
  context.rect(...place)
  context.clip()
  drawPoints(context, film, scale, theme, validation)
  context.restore()
  drawAxes(context, about, scale, theme)
  return scale
}
