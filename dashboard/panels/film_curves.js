// Loss or accuracy over the epochs of one film or two: a line for the chosen seed or the mean, a band from the
// lowest to the highest seed, and a mark where the films stand.

const CURVE_MARGIN = { left: 46, right: 10, top: 8, bottom: 34 }

// Of each frame the value, and the lowest and highest over the seeds; NaN where no seed goes on.
function curveOf(film, metric, split, seed) {
  const { frames, seeds } = film
  const values = film[metric]
  const [line, low, high] = [0, 0, 0].map(() => new Float64Array(frames).fill(NaN))
  for (let frame = 0; frame < frames; frame++) {
    let [sum, count, least, most] = [0, 0, Infinity, -Infinity]
    for (let each = 0; each < seeds; each++) {
      const value = values[(frame * seeds + each) * 2 + split]
      if (!Number.isFinite(value)) continue
      sum += value
      count++
      least = Math.min(least, value)
      most = Math.max(most, value)
    }
    if (!count) continue
    line[frame] = seed === null ? sum / count : values[(frame * seeds + seed) * 2 + split]
    low[frame] = least
    high[frame] = most
  }
  return { line, low, high }
}

function drawCurves(canvas, films, metric, seed, log, epoch, theme, width, height, words) {
  const context = sized(canvas, width, height)
  const m = CURVE_MARGIN
  const [wide, high] = [width - m.left - m.right, height - m.top - m.bottom]
  const curves = films.flatMap(film =>
    [0, 1].map(split => ({ film, split, ...curveOf(film, metric, split, film.seeds > 1 ? seed : 0) })))
  const lastEpoch = Math.max(1, ...films.map(film => (film.state === "running" ? film.about.epochs : film.epochs[film.frames - 1])))
  const seen = curves.flatMap(curve => [...curve.low, ...curve.high]).filter(value => Number.isFinite(value) && (!log || value > 0))
  let [least, most] = metric === "accuracy" ? [Math.min(0.98, ...seen), 1] : [0, Math.max(1e-9, ...seen)]
  if (log) [least, most] = [Math.min(...seen, 1), Math.max(...seen, 1e-9)]
  if (metric !== "accuracy" && !log) most *= 1.04
  const bend = value => (log ? Math.log10(Math.max(value, 1e-12)) : value)
  const x = value => m.left + (value / lastEpoch) * wide
  const y = value => m.top + (1 - (bend(value) - bend(least)) / Math.max(1e-12, bend(most) - bend(least))) * high

  context.font = `11px ${theme.font}`
  context.lineWidth = 1
  context.textAlign = "right"
  context.textBaseline = "middle"
  const ticks = log ? powersOf(least, most) : ticksOf(least, most, 4)
  for (const tick of ticks) {
    context.strokeStyle = theme.border
    context.beginPath()
    context.moveTo(m.left, y(tick.value))
    context.lineTo(m.left + wide, y(tick.value))
    context.stroke()
    context.fillStyle = theme.quiet
    context.fillText(metric === "accuracy" ? `${Math.round(tick.value * 100)}%` : tick.text, m.left - 5, y(tick.value))
  }
  context.textAlign = "center"
  context.textBaseline = "top"
  for (const tick of ticksOf(0, lastEpoch, 6)) context.fillText(tick.text, x(tick.value), m.top + high + 4)
  context.fillText(words.epochs, m.left + wide / 2, m.top + high + 18)
  context.save()
  context.translate(8, m.top + high / 2)
  context.rotate(-Math.PI / 2)
  context.textBaseline = "middle"
  context.fillText(words.metrics[metric], 0, 0)
  context.restore()

  context.save()
  context.beginPath()
  context.rect(m.left, m.top - 2, wide, high + 4)
  context.clip()
  const base = y(least)
  for (const curve of curves) {
    const isReference = curve.film !== films[0]
    const color = curve.split === 0 ? theme.train : theme.validation
    if (!isReference && curve.film.seeds > 1) fillBand(context, curve, x, y, base, color)
    drawCurve(context, curve, x, y, color, curve.split === 1, isReference ? 1.2 : 2.2, isReference ? 0.55 : 1)
  }
  context.restore()
  context.strokeStyle = theme.text
  context.lineWidth = 1
  context.beginPath()
  context.moveTo(x(epoch), m.top)
  context.lineTo(x(epoch), m.top + high)
  context.stroke()
  for (const curve of curves) {
    const frame = frameAt(curve.film, epoch)
    if (!Number.isFinite(curve.line[frame])) continue
    context.beginPath()
    context.arc(x(curve.film.epochs[frame]), y(curve.line[frame]), curve.film === films[0] ? 4 : 3, 0, 2 * Math.PI)
    context.fillStyle = curve.split === 0 ? theme.train : theme.validation
    context.fill()
    context.strokeStyle = cssOf(theme.background)
    context.stroke()
  }
  return { epochAt: px => Math.max(0, Math.min(lastEpoch, ((px - m.left) / wide) * lastEpoch)) }
}

function fillBand(context, { film, low, high }, x, y, base, color) {
  context.globalAlpha = 0.16
  context.fillStyle = color
  context.beginPath()
  let open = false
  for (let frame = 0; frame < film.frames; frame++) {
    if (!Number.isFinite(high[frame])) continue
    context[open ? "lineTo" : "moveTo"](x(film.epochs[frame]), Number.isFinite(y(high[frame])) ? y(high[frame]) : base)
    open = true
  }
  for (let frame = film.frames - 1; frame >= 0; frame--) {
    if (Number.isFinite(low[frame])) context.lineTo(x(film.epochs[frame]), y(low[frame]))
  }
  context.fill()
  context.globalAlpha = 1
}

function drawCurve(context, { film, line }, x, y, color, dashed, width, alpha) {
  context.beginPath()
  let open = false
  for (let frame = 0; frame < film.frames; frame++) {
    if (!Number.isFinite(line[frame])) {
      open = false
      continue
    }
    context[open ? "lineTo" : "moveTo"](x(film.epochs[frame]), y(line[frame]))
    open = true
  }
  context.globalAlpha = alpha
  context.setLineDash(dashed ? [7, 4] : [])
  context.lineWidth = width
  context.strokeStyle = color
  context.stroke()
  context.setLineDash([])
  context.globalAlpha = 1
}

function powersOf(low, high) {
  const found = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high) + 1e-9; power++) {
    for (const digit of Math.log10(high / low) < 2 ? [1, 2, 5] : [1]) {
      const value = digit * 10 ** power
      if (value >= low * 0.999 && value <= high * 1.001) found.push({ value, text: Number(value.toPrecision(2)).toString() })
    }
  }
  return found
}

// The last frame that is no later than an epoch.
function frameAt(film, epoch) {
  let [low, high] = [0, film.frames - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (film.epochs[middle] <= epoch + 1e-9) low = middle
    else high = middle - 1
  }
  return low
}
