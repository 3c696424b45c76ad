// Networks that have come to this page, by their id, and ONNX Runtime that runs them. One component brings them,
// another lets them answer.

const KEPT = 4 // networks; the oldest go

function drawStore() {
  window.descentNetworks ??= { networks: new Map(), pictures: new Map(), listeners: new Set() }
  return window.descentNetworks
}

// The bytes are: the length of a JSON text (little-endian uint32), that text, then the content.
function bringToPage(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint32(0, true)
  const about = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
  const store = drawStore()
  const kept = about.kind === "network" ? store.networks : store.pictures
  if (!kept.has(about.id)) {
    kept.set(about.id, { ...about, content: bytes.slice(4 + length) })
    for (const id of kept.keys()) {
      if (kept.size <= KEPT) break
      kept.delete(id)
    }
  }
  for (const listener of store.listeners) listener(about)
}

function runtime(address) {
  window.descentRuntime ??= import(new URL(`${address}/ort.wasm.bundle.min.mjs`, document.baseURI).href)
    .then(ort => {
      ort.env.wasm.numThreads = 1 // two are no faster for networks of this size
      ort.env.wasm.wasmPaths = { wasm: new URL(`${address}/ort-wasm-simd-threaded.wasm`, document.baseURI).href }
      return ort
    })
    .catch(problem => {
      window.descentRuntime = undefined // the next page tries again
      throw problem
    })
  return window.descentRuntime
}

// A function from pictures to outputs by name, or null where the network has not come yet.
async function networkOf(id, address) {
  const network = drawStore().networks.get(id)
  if (!network || !address) return null
  const ort = await runtime(address)
  network.session ??= ort.InferenceSession.create(network.content, { executionProviders: ["wasm"] })
  const session = await network.session
  return async (pictures, shape, chosen, classes) => {
    const batch = pictures.length / shape.reduce((product, size) => product * size, 1)
    const found = await session.run({
      pictures: new ort.Tensor("float32", pictures, [batch, ...shape]),
      chosen: new ort.Tensor("float32", chosen, [batch, classes]),
    })
    return Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, tensor.data]))
  }
}

function toText(values) {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  let text = ""
  for (let start = 0; start < bytes.length; start += 8192) text += String.fromCharCode(...bytes.subarray(start, start + 8192))
  return btoa(text)
}

function fromText(text) {
  return new Float32Array(Uint8Array.from(atob(text), sign => sign.charCodeAt(0)).buffer)
}
