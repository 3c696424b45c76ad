// Draws a Plotly figure and redraws it in place: zoom, camera and hidden series stay when the data changes.
// Streamlit calls the default export again whenever the data or the page's theme changes.

const instances = new WeakMap() // one per place on the page

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const place = parentElement.querySelector(".descent-plot")
  const figure = parentElement.querySelector(".descent-figure")
  if (!place || !figure || !data) return

  const instance = instances.get(place) ?? { figure, place, width: 0, queue: Promise.resolve() }
  instances.set(place, instance)
  instance.data = data
  instance.click = setTriggerValue
  figure.style.height = `${data.height}px`
  place.setAttribute("role", "figure")
  place.setAttribute("aria-label", data.description)
  enqueue(instance)

  if (!instance.observer) {
    instance.observer = new ResizeObserver(() => {
      if (Math.abs(figure.clientWidth - instance.width) > 1) enqueue(instance)
    })
    instance.observer.observe(figure)
  }
  return () => {
    instance.observer?.disconnect()
    instance.gone = true
    instances.delete(place)
    if (window.Plotly) window.Plotly.purge(figure)
  }
}

// Drawings of one figure follow each other; of several that wait, only the newest is drawn.
function enqueue(instance) {
  if (instance.waiting) return
  instance.waiting = true
  instance.queue = instance.queue
    .then(() => library(instance.data.library))
    .then(Plotly => {
      instance.waiting = false
      return instance.gone ? null : draw(Plotly, instance)
    })
    .catch(problem => {
      instance.waiting = false
      instance.figure.textContent = problem.message
    })
}

function library(address) {
  if (window.Plotly) return Promise.resolve(window.Plotly)
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
  const sign = [data.figure.length, data.height, figure.clientWidth, theme.sign].join("|")
  if (instance.sign === sign && instance.drawn === data.figure) return
  instance.width = figure.clientWidth
  instance.sign = sign
  instance.drawn = data.figure

  const described = JSON.parse(data.figure, theme.isDark ? recolour(data.dark) : undefined)
  const layout = described.layout ?? {}
  layout.uirevision ??= "kept" // constant: what the reader did to the view survives new data
  layout.template = template(theme, data.colorways[theme.isDark ? "dark" : "light"])
  if (!layout.title?.text) layout.margin = { t: 16, ...layout.margin } // no title, no room for one
  layout.autosize = false
  layout.width = figure.clientWidth
  layout.height = data.height
  const above = layout.legend?.yanchor === "bottom" // it has a place where there is always room
  if (figure.clientWidth < 640 && layout.showlegend !== false && !above) putLegendBelow(layout)

  await Plotly.react(figure, described.data ?? [], layout, {
    displaylogo: false,
    displayModeBar: "hover",
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    toImageButtonOptions: { filename: fileName(data.description), scale: 2 },
  })
  if (!instance.listens) {
    instance.listens = true
    figure.on("plotly_click", event => {
      if (instance.data.clicks) instance.click("clicked", clicked(event.points[0]))
    })
  }
}

function recolour(dark) {
  return (_, value) => (typeof value === "string" && value[0] === "#" ? dark[value.toUpperCase()] ?? value : value)
}

// A figure that says nothing about its legend gets it under the chart where there is no room beside it.
function putLegendBelow(layout) {
  layout.legend = { ...layout.legend, orientation: "h", x: 0, xanchor: "left", y: -0.18, yanchor: "top" }
  layout.margin = { ...layout.margin, l: 48, r: 8 }
}

function readTheme(figure) {
  const style = getComputedStyle(figure)
  const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise
  const background = read("--st-background-color", "#ffffff")
  const theme = {
    background,
    text: read("--st-text-color", "#1b2430"),
    border: read("--st-border-color", "#d5dbe3"),
    surface: read("--st-secondary-background-color", "#f4f6f9"),
    primary: read("--st-primary-color", "#1f5fa8"),
    font: read("--st-font", "sans-serif"),
    isDark: luminance(background) < 0.4,
  }
  theme.sign = Object.values(theme).join("|")
  return theme
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

function template(theme, colorway) {
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
      xaxis: axis,
      yaxis: axis,
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
