import { errorCodes, errors, exampleOf } from '@airlock/domain'

/** All errors that clients can get, as a table in Markdown, in the order of the catalogue. */
export function errorTable(): string {
  const rows = errorCodes.map((code) => [`\`${code}\``, errors[code].status, errors[code].title, exampleOf(code).detail])
  return [['`code`', 'status', '`error`', '`detail`, for example'], ['---', '---', '---', '---'], ...rows].map(asRow).join('\n')
}

const asRow = (cells: readonly (string | number)[]): string =>
  `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`
