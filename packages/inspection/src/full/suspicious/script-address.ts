import { beginsAsProgram } from './executable-script.ts'

/** So many addresses are looked at; no caption has a thousand of them that begin with a script's scheme. */
const maxAddresses = 1000

/** Escapes of a URL, which a browser resolves before it runs the rest: the whole rest may be written so. */
const escaped = /\s{0,20}%[0-9a-f]{2}/iy

/**
 * Whether an address of a scheme that runs goes on with a program that has an effect. `JavaScript: "The Good Parts"` does not.
 *
 * Takes time in proportion to the text.
 *
 * @param scheme matches up to and with the colon
 */
export function holdsScriptAddress(text: string, scheme: RegExp): boolean {
  let addresses = 0
  for (const { index, 0: found } of text.matchAll(new RegExp(scheme, 'gi'))) {
    if (++addresses > maxAddresses) return true
    const at = index + found.length
    if (isEscapedAt(text, at) || beginsAsProgram(text, at)) return true
  }
  return false
}

function isEscapedAt(text: string, at: number): boolean {
  escaped.lastIndex = at
  return escaped.test(text)
}
