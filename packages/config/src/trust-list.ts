import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { BadValue, type Parser } from './parsers.ts'

const MiB = 1024 * 1024

/** Ten times the list of C2PA. */
const maxBytes = 1 * MiB

const certificate = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/**
 * Reads a list of certificates (RFC 7468) from a file, so that a wrong path or list is noticed at the start and not by the verdict on a file.
 *
 * @returns the certificates alone, without the comments between them
 */
export const trustList: Parser<string> = (path) => {
  const text = textOf(path)
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw new BadValue('a file of certificates alone; this one contains a private key')
  const certificates = text.match(certificate) ?? []
  if (certificates.length === 0) throw new BadValue('a file with at least one certificate (PEM)')
  if (certificates.length !== text.split('-----BEGIN CERTIFICATE-----').length - 1)
    throw new BadValue('a file of whole certificates (PEM); one has no end')
  certificates.forEach(assertParses)
  return `${certificates.join('\n')}\n`
}

function textOf(path: string): string {
  try {
    const file = statSync(path)
    if (!file.isFile()) throw new BadValue('a file')
    if (file.size > maxBytes) throw new BadValue(`a file of at most ${maxBytes} bytes, it has ${file.size}`)
    return readFileSync(path, 'latin1')
  } catch (error) {
    if (error instanceof BadValue) throw error
    throw new BadValue(`a file of certificates (PEM); this one can't be read: ${(error as NodeJS.ErrnoException).code}`)
  }
}

function assertParses(pem: string, i: number): void {
  try {
    new X509Certificate(pem)
  } catch {
    throw new BadValue(`a file of certificates (PEM); number ${i + 1} of them can't be parsed`)
  }
}
