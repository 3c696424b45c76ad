// Loss above the lowest minimum, against the step, on a log axis: a line each, and where the race stands.

const LOSS_MARGIN = { left: 46, right: 12, top: 10, bottom: 32 }
const LOWEST = -16 // powers of ten: below it there are no digits left

function lossScale(race, width, height) {
  const m = LOSS_MARGIN
  const [wide, high] = [width - m.left - m.right, height - m.top - m.bottom]
  let [low, top] = [Infinity, -Infinity]
  for (const racer of race.racers) {
    for (const gap of racer.gaps) {
      if (!Number.isFinite(gap)) continue
      low = Math.min(low, gap)
      top = Math.max(top, gap)
    }
  }
  if (!(top > low)) [low, top] = [Math.min(low, 0) - 1, Math.max(top, 0) + 1].map(end => (Number.isFinite(end) ? end : 0))
  ;[low, top] = [Math.max(LOWEST, Math.floor(low)), Math.ceil(Math.min(top, low + 40))]
  return {
    x: step => m.left + (step / race.steps) * wide,
    y: gap => m.top + (1 - (Math.min(top, Math.max(low, gap)) - low) / (top - low || 1)) * high,
    step: px => Math.max(0, Math.min(race.steps, ((px - m.left) / wide) * race.steps)),
    low, top, wide, high, m,
  }
}

// Axes and whole curves, faint: what no step changes.
function drawLossGround(canvas, race, theme, width, height, words) {
  const context = sized(canvas, width, height)
  const { x, y, low, top, wide, high, m } = lossScale(race, width, height)
  context.font = `11px ${theme.font}`
  const every = Math.max(1, Math.ceil((top - low) / 6))
  context.textAlign = "right"
  context.textBaseline = "middle"
  for (let power = Math.ceil(low / every) * every; power <= top; power += every) {
    context.strokeStyle = theme.border
    context.beginPath()
    context.moveTo(m.left, y(power))
    context.lineTo(m.left + wide, y(power))
    context.stroke()
    context.fillStyle = theme.text
    context.globalAlpha = 0.75
    context.fillText(powerText(power), m.left - 5, y(power))
    context.globalAlpha = 1
  }
  context.globalAlpha = 0.75
  context.textAlign = "center"
  context.textBaseline = "top"
  for (const tick of roundTicks(0, race.steps, 8)) context.fillText(String(tick), x(tick), m.top + high + 4)
  context.fillText(words.step, m.left + wide / 2, m.top + high + 18)
  context.globalAlpha = 1
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"

function powerText(power) {
  const digits = String(Math.abs(power)).replace(/\d/g, digit => RAISED[digit])
  return `10${power < 0 ? "⁻" : ""}${digits}`
}

function drawLoss(canvas, ground, race, state, theme, width, height) {
  const context = sized(canvas, width, height)
  context.drawImage(ground, 0, 0, width, height)
  const { x, y, high, m } = lossScale(race, width, height)
  context.lineJoin = "round"
  for (const racer of race.racers) {
    const quiet = state.focus && state.focus !== racer.name
    const count = racer.gaps.length
    const stepOf = place => (place === count - 1 ? racer.last : place * race.stride)
    context.strokeStyle = racer.color
    context.lineWidth = state.focus === racer.name ? 3 : 1.8
    context.setLineDash(racer.dashed ? [6, 4] : [])
    for (const [from, to, alpha] of [[0, Infinity, 0.22], [0, state.step, 1]]) {
      context.globalAlpha = quiet ? alpha * 0.3 : alpha
      context.beginPath()
      for (let place = 0; place < count && stepOf(place) <= to; place++) {
        context[place > from ? "lineTo" : "moveTo"](x(stepOf(place)), y(racer.gaps[place]))
      }
      context.stroke()
    }
  }
  context.setLineDash([])
  context.globalAlpha = 1
  context.strokeStyle = theme.text
  context.lineWidth = 1
  context.beginPath()
  context.moveTo(x(state.step), m.top)
  context.lineTo(x(state.step), m.top + high)
  context.stroke()
  for (const racer of race.racers) {
    if (state.focus && state.focus !== racer.name) continue
    const { place } = placeAt(racer, state.step, race.stride)
    disc(context, x(Math.min(state.step, racer.last)), y(racer.gaps[place]), 3.5, racer.color, theme.background)
  }
}
