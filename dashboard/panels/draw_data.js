// Brings a network, or pictures, to the page; it shows nothing itself. draw_runtime.js stands above in one module.

export default function (component) {
  if (component.data instanceof Uint8Array) bringToPage(component.data)
}
