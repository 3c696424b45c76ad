// Draws a Plotly figure and redraws it in place: zoom, camera and hidden series stay when the data changes.
// Streamlit calls the default export again whenever the data or the page's theme changes.

const instances = new WeakMap() // one per place on the page
const queue = new Set() // who waits to be drawn: of several figures that wait for one place, the newest is drawn
let working = false

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const place = parentElement.querySelector(".descent-plot")
  const figure = parentElement.querySelector(".descent-figure")
  if (!place || !figure || !data) return
  if (!data.figure) {
    Promise.resolve(library(data.library)).catch(() => {}) // the first chart tries again, and says what is wrong
    return
  }

  const instance = instances.get(place) ?? { figure, place, width: 0, inView: true, drawing: Promise.resolve() }
  instances.set(place, instance)
  instance.data = data
  instance.click = setTriggerValue
  figure.style.height = `${data.height}px`
  place.setAttribute("role", "figure")
  place.setAttribute("aria-label", data.description)
  place.tabIndex = 0 // a tab's panel looks for its first stop at each change inside, through all of a drawing else
  write(parentElement.querySelector(".descent-heading"), data.heading)
  write(parentElement.querySelector(".descent-note"), data.note)
  enqueue(instance)

  if (!instance.observer) {
    instance.observer = new ResizeObserver(() => {
      if (Math.abs(figure.clientWidth - instance.width) > 1) enqueue(instance)
    })
    instance.observer.observe(figure)
    instance.watcher = new IntersectionObserver(entries => {
      instance.inView = entries[entries.length - 1].isIntersecting
    })
    instance.watcher.observe(figure)
  }
  return () => {
    instance.observer?.disconnect()
    instance.watcher?.disconnect()
    instance.gone = true
    instances.delete(place)
    queue.delete(instance)
    if (window.Plotly) window.Plotly.purge(figure)
  }
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text
}

function enqueue(instance) {
  queue.add(instance)
  if (!working) work()
}

// One after the other, with a breath between two for what the server sends and the reader does meanwhile. What is
// on the screen comes first; the rest is drawn once the page has nothing better to do.
async function work() {
  working = true
  await breath() // what comes with the first one is there too
  while (queue.size) {
    const inView = [...queue].filter(instance => instance.inView)
    const seen = inView.find(instance => instance.data.first) ?? inView[0]
    if (!seen) await idle()
    const [next] = seen ? [seen] : queue
    if (!next) break // it went while we waited
    queue.delete(next)
    next.drawing = next.drawing
      .then(() => library(next.data.library))
      .then(Plotly => (next.gone ? null : draw(Plotly, next)))
      .catch(problem => failed(next, problem))
    await Promise.race([next.drawing, pause(1000)]) // one that hangs keeps no other
    if (next.data.first) await Promise.race([frame(), pause(100)]) // a hidden page has no frames
    await breath()
  }
  working = false
}

// Says why; the next data begin anew, in an empty place.
function failed(instance, problem) {
  if (window.Plotly) window.Plotly.purge(instance.figure)
  instance.figure.textContent = problem.message
  Object.assign(instance, { failed: true, listens: false, frame: undefined, rest: undefined, name: undefined })
}

const channel = new MessageChannel()
const breath = () =>
  new Promise(done => {
    channel.port1.onmessage = done
    channel.port2.postMessage(0)
  })
const frame = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds))
const idle = () =>
  window.requestIdleCallback ? new Promise(done => requestIdleCallback(done, { timeout: 400 })) : pause(50)

function library(address) {
  if (window.Plotly) return window.Plotly
  window.descentPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = address
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      window.descentPlotly = undefined // the next drawing tries again
      script.remove()
      reject(new Error(`The chart could not be drawn: ${address} did not load.`))
    }
    document.head.appendChild(script)
  })
  return window.descentPlotly
}

async function draw(Plotly, instance) {
  const { figure, data } = instance
  if (!figure.isConnected || figure.clientWidth === 0) return // hidden: the observer calls when it shows
  const theme = readTheme(figure)
  const frame = [data.height, figure.clientWidth, theme.sign].join("|")
  const reframed = instance.frame !== frame
  if (!reframed && instance.drawn === data.figure) return
  instance.width = figure.clientWidth
  instance.frame = frame
  instance.drawn = data.figure

  const described = JSON.parse(theme.isDark ? recoloured(data.figure, data.dark) : data.figure)
  const layout = described.layout ?? {}
  const { shapes = [], ...others } = layout
  const rest = JSON.stringify([described.data, others])
  if (!reframed && instance.rest === rest && shapes.every(shape => lies(shape, figure._fullLayout))) {
    await Plotly.relayout(figure, { shapes }) // a seventh of the time: neither traces nor axes are drawn again
    figure.emit("plotly_afterplot") // as after every other drawing
    return
  }
  instance.rest = rest
  if (instance.failed) figure.textContent = ""
  instance.failed = false
  for (const trace of described.data ?? []) {
    if (trace.uid) trace.uid = trace.uid.replace(/\W/g, sign => `_${sign.charCodeAt(0)}_`) // Plotly makes classes of it
  }
  layout.uirevision ??= "kept" // constant: what the reader did to the view survives new data
  layout.template = template(theme, data.colorways[theme.isDark ? "dark" : "light"])
  if (!layout.title?.text) layout.margin = { t: 16, ...layout.margin } // no title, no room for one
  layout.autosize = false
  layout.width = figure.clientWidth
  layout.height = data.height
  const above = layout.legend?.yanchor === "bottom" // it has a place where there is always room
  if (figure.clientWidth < 640 && layout.showlegend !== false && !above) putLegendBelow(layout)

  const name = fileName(data.description)
  const config = instance.name === name ? undefined : { ...CONFIG, toImageButtonOptions: { filename: name, scale: 2 } }
  instance.name = name
  await Plotly.react(figure, described.data ?? [], layout, config)
  if (!instance.listens) {
    instance.listens = true
    figure.on("plotly_click", event => {
      if (instance.data.clicks) instance.click("clicked", clicked(event.points[0]))
    })
  }
}

const CONFIG = {
  displaylogo: false,
  displayModeBar: "hover",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "sendChartToCloud"], // nothing leaves this machine
}

// Whether a shape lies inside the axes as they are: one outside would move their ends, where they follow the data.
function lies(shape, layout) {
  return ["x", "y"].every(letter => {
    const reference = shape[`${letter}ref`] ?? letter
    if (reference === "paper" || reference.endsWith("domain")) return true
    const axis = layout?.[reference.replace(letter, `${letter}axis`)]
    if (!axis?.range) return false
    if (axis.autorange === false) return true
    const ends = axis.range.map(Number)
    return [shape[`${letter}0`], shape[`${letter}1`]].every(value => {
      const place = axis.type === "log" ? Math.log10(value) : value
      return typeof place === "number" && place >= Math.min(...ends) && place <= Math.max(...ends)
    })
  })
}

function recoloured(figure, dark) {
  return figure.replace(/"#[0-9A-Fa-f]{6}"/g, color => {
    const other = dark[color.slice(1, -1).toUpperCase()]
    return other ? `"${other}"` : color
  })
}

// A figure that says nothing about its legend gets it under the chart where there is no room beside it.
function putLegendBelow(layout) {
  layout.legend = { ...layout.legend, orientation: "h", x: 0, xanchor: "left", y: -0.18, yanchor: "top" }
  layout.margin = { ...layout.margin, l: 48, r: 8 }
}

const themes = new Map() // by what the page says of its colours

function readTheme(figure) {
  const style = getComputedStyle(figure)
  const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise
  const theme = {
    background: read("--st-background-color", "#ffffff"),
    text: read("--st-text-color", "#1b2430"),
    border: read("--st-border-color", "#d5dbe3"),
    surface: read("--st-secondary-background-color", "#f4f6f9"),
    primary: read("--st-primary-color", "#1f5fa8"),
    font: read("--st-font", "sans-serif"),
  }
  const sign = Object.values(theme).join("|")
  if (!themes.has(sign)) themes.set(sign, { ...theme, sign, isDark: luminance(theme.background) < 0.4 })
  return themes.get(sign)
}

function luminance(color) {
  const probe = document.createElement("canvas").getContext("2d")
  probe.fillStyle = color // the canvas writes any CSS colour as #rrggbb or rgba(...)
  const written = probe.fillStyle
  const channels = written.startsWith("#")
    ? [1, 3, 5].map(start => parseInt(written.slice(start, start + 2), 16))
    : written.match(/[\d.]+/g).map(Number)
  return (0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]) / 255
}

// Made once a theme, since mixing its colours takes a canvas each.
function template(theme, colorway) {
  theme.template ??= makeTemplate(theme, colorway)
  return theme.template
}

function makeTemplate(theme, colorway) {
  const faint = mix(theme.text, 0.12)
  const axis = {
    automargin: true,
    gridcolor: faint,
    linecolor: theme.border,
    zerolinecolor: mix(theme.text, 0.22),
    tickcolor: theme.border,
    title: { standoff: 10, font: { size: 13 } },
    tickfont: { color: mix(theme.text, 0.78) },
  }
  const depth = { ...axis, gridcolor: theme.border, showbackground: false } // WebGL draws no see-through grid
  const flat = { ...axis, ticklabeloverflow: "allow" } // margins make room for labels: no need to measure each
  const bar = { outlinewidth: 0, thickness: 14, tickfont: { size: 12 } }
  const withBar = [{ colorbar: bar }]
  return {
    layout: {
      colorway,
      font: { family: theme.font, color: theme.text, size: 13 },
      title: { x: 0, xanchor: "left", xref: "container", font: { size: 15 }, pad: { l: 4 } },
      paper_bgcolor: theme.background, // hover labels mix their colour with it
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 56, r: 16, t: 44, b: 44 },
      xaxis: flat,
      yaxis: flat,
      scene: { xaxis: depth, yaxis: depth, zaxis: depth },
      legend: { bgcolor: "rgba(0,0,0,0)", font: { size: 12 } },
      hoverlabel: { bgcolor: theme.surface, bordercolor: theme.border, font: { color: theme.text, family: theme.font } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: mix(theme.text, 0.45), activecolor: theme.primary },
      annotationdefaults: { font: { color: theme.text }, arrowcolor: theme.text },
      shapedefaults: { line: { color: theme.border } },
      coloraxis: { colorbar: bar },
    },
    data: { heatmap: withBar, surface: withBar, contour: withBar, histogram2d: withBar },
  }
}

// The colour, seen through: `share` of it over whatever lies below.
function mix(color, share) {
  const probe = document.createElement("canvas").getContext("2d")
  probe.fillStyle = color
  const written = probe.fillStyle
  if (!written.startsWith("#")) return written
  return `rgba(${[1, 3, 5].map(start => parseInt(written.slice(start, start + 2), 16)).join(",")},${share})`
}

function clicked(point) {
  const plain = value => (typeof value === "bigint" ? Number(value) : value ?? null)
  return {
    x: plain(point.x),
    y: plain(point.y),
    z: plain(point.z),
    curve: point.curveNumber,
    name: point.data?.name ?? null,
    index: point.pointNumber ?? null,
    customdata: point.customdata ?? null,
  }
}

function fileName(description) {
  return description.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60) || "chart"
}
