/** Minimal files of other formats. */

const le = (bytes: number, ...values: number[]): Buffer => {
  const all = Buffer.alloc(values.length * bytes)
  for (const [i, value] of values.entries()) all.writeUIntLE(value, i * bytes, bytes)
  return all
}

const filler = Buffer.alloc(64, 0x90)

export const elf = (): Buffer =>
  Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01\0', 'latin1'), Buffer.alloc(8), le(2, 2, 0x3e), le(4, 1), filler])

export function pe(): Buffer {
  const head = Buffer.alloc(0x80)
  head.write('MZ\x90\0', 0, 'latin1')
  head.writeUInt32LE(0x80, 0x3c)
  return Buffer.concat([head, Buffer.from('PE\0\0d\x86', 'latin1'), filler])
}

export const machO = (): Buffer => Buffer.concat([Buffer.from('cffaedfe', 'hex'), le(4, 0x0100_000c, 0, 2, 3, 0x80, 0, 0), filler])
export const machOBig = (): Buffer => Buffer.concat([Buffer.from('feedface00000012000000000000000200000003', 'hex'), filler])
export const javaClass = (): Buffer => Buffer.concat([Buffer.from('cafebabe00000034', 'hex'), filler])
export const dex = (): Buffer => Buffer.concat([Buffer.from('dex\n035\0', 'latin1'), filler])
export const wasm = (): Buffer => Buffer.concat([Buffer.from('0061736d01000000', 'hex'), filler])
export const rar = (): Buffer => Buffer.concat([Buffer.from('526172211a0701003392b5e5', 'hex'), filler])
export const pdf = (): Buffer => Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n')
export const html = (): Buffer => Buffer.from('<!DOCTYPE html><html><body><script>alert(document.domain)</script></body></html>')
export const php = (): Buffer => Buffer.from("<?php system($_GET['c']); __halt_compiler();")
export const shell = (): Buffer => Buffer.from('#!/bin/sh\ncurl http://127.0.0.1/x | sh\n')
export const randomBytes = (length: number, seed = 1): Buffer => {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

/** A ZIP without entries: only its end record. */
export const emptyZip = (): Buffer => Buffer.concat([Buffer.from('PK\x05\x06', 'latin1'), Buffer.alloc(18)])
