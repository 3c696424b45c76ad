// Films that have come to this page, by the id of their run. One component brings them, another shows them.

const DTYPES = { i4: Int32Array, f4: Float32Array, u1: Uint8Array }
const KEPT = 6 // films; the oldest go

function filmStore() {
  window.descentFilms ??= { films: new Map(), listeners: new Set() }
  return window.descentFilms
}

// The bytes are: the length of a JSON text (little-endian uint32), that text, then the arrays it lists, each
// beginning at a multiple of four.
function unpackFilm(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint32(0, true)
  const film = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
  const body = bytes.slice(4 + length) // a copy begins where any array may begin
  for (const [name, { dtype, first, count }] of Object.entries(film.arrays)) {
    film[name] = new DTYPES[dtype](body.buffer, first, count)
  }
  film.frames = film.epochs.length
  film.seeds = film.about.seeds.length
  film.numbers = film.frames ? film.weights.length / film.frames / film.seeds : 0
  return film
}

function bringFilm(bytes) {
  const store = filmStore()
  const film = unpackFilm(bytes)
  store.films.delete(film.id)
  store.films.set(film.id, film) // the newest is last
  for (const id of store.films.keys()) {
    if (store.films.size <= KEPT) break
    store.films.delete(id)
  }
  for (const listener of store.listeners) listener(film.id)
}
