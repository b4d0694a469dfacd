/**
 * SHA-256 of a Blob of any size, in hexadecimal, reading 1 MiB at a time: WebCrypto would need all bytes in memory.
 *
 * The function refers to nothing outside of itself, because its text is also the program of a worker.
 */
export async function sha256(blob: Blob): Promise<string> {
  const chunkBytes = 2 ** 20
  const fraction = (root: number) => ((root % 1) * 2 ** 32) | 0
  const state = new Int32Array(8)
  const constants = new Int32Array(64)
  for (let n = 2, found = 0; found < 64; n++) {
    let divisor = 2
    while (n % divisor > 0) divisor++
    if (divisor < n) continue
    if (found < 8) state[found] = fraction(n ** 0.5)
    constants[found++] = fraction(n ** (1 / 3))
  }
  const words = new Int32Array(64)
  // every index is in range
  const at = (list: Int32Array, index: number) => list[index] as number
  const rotate = (x: number, bits: number) => (x >>> bits) | (x << (32 - bits))

  const compress = (view: DataView, from: number) => {
    let a = at(state, 0)
    let b = at(state, 1)
    let c = at(state, 2)
    let d = at(state, 3)
    let e = at(state, 4)
    let f = at(state, 5)
    let g = at(state, 6)
    let h = at(state, 7)
    for (let i = 0; i < 64; i++) {
      let word = 0
      if (i < 16) word = view.getInt32(from + 4 * i)
      else {
        const x = at(words, i - 15)
        const y = at(words, i - 2)
        const low = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)
        const high = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10)
        word = (at(words, i - 16) + low + at(words, i - 7) + high) | 0
      }
      words[i] = word
      const first = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + at(constants, i) + word) | 0
      const second = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + first) | 0
      d = c
      c = b
      b = a
      a = (first + second) | 0
    }
    state.set([at(state, 0) + a, at(state, 1) + b, at(state, 2) + c, at(state, 3) + d])
    state.set([at(state, 4) + e, at(state, 5) + f, at(state, 6) + g, at(state, 7) + h], 4)
  }

  for (let offset = 0; offset <= blob.size; offset += chunkBytes) {
    let bytes = new Uint8Array(await blob.slice(offset, offset + chunkBytes).arrayBuffer())
    if (bytes.length < chunkBytes) {
      const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64)
      padded.set(bytes)
      padded[bytes.length] = 0x80
      const end = new DataView(padded.buffer, padded.length - 8)
      end.setUint32(0, blob.size / 2 ** 29)
      end.setUint32(4, blob.size * 8)
      bytes = padded
    }
    const view = new DataView(bytes.buffer)
    for (let from = 0; from < bytes.length; from += 64) compress(view, from)
  }
  return Array.from(state, (value) => (value >>> 0).toString(16).padStart(8, '0')).join('')
}
