import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAst } from 'vitest/node'

export interface FoundPattern {
  /** File and number of the pattern, for messages. */
  readonly where: string
  readonly pattern: RegExp
}

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** Programs and packages that process external input; `dev-servers` and `testkit` are for tests. */
const folders = ['apps', 'packages'].flatMap((level) =>
  readdirSync(join(root, level))
    .filter((name) => !['dev-servers', 'testkit'].includes(name))
    .map((name) => join(root, level, name, 'src')),
)

/** Every regular expression literal, and every `pattern` of a schema. */
export function patternsInSource(): FoundPattern[] {
  return sourceFiles().flatMap((path) => {
    const found: RegExp[] = []
    collect(parseAst(readFileSync(path, 'utf8'), { lang: 'ts' }), found)
    return found.map((pattern, i) => ({ where: `${relative(root, path)} #${i + 1}: ${pattern}`, pattern }))
  })
}

/** Files that build patterns at run time. */
export function filesThatBuildPatterns(): string[] {
  return sourceFiles()
    .filter((path) => /\bnew RegExp\(/.test(readFileSync(path, 'utf8')))
    .map((path) => relative(root, path))
    .sort()
}

const sourceFiles = (): string[] =>
  folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map(({ parentPath, name }) => join(parentPath, name)),
  )

function collect(node: unknown, found: RegExp[]): void {
  if (node === null || typeof node !== 'object') return
  if (Array.isArray(node)) {
    for (const each of node) collect(each, found)
    return
  }
  const { type, regex, key, value } = node as Record<string, unknown> & {
    regex?: { pattern: string; flags: string }
    key?: { name?: string }
  }
  if (type === 'Literal' && regex) found.push(new RegExp(regex.pattern, regex.flags))
  const text = (value as { type?: string; value?: unknown } | null)?.value
  if (type === 'Property' && key?.name === 'pattern' && typeof text === 'string') found.push(new RegExp(text, 'u'))
  for (const child of Object.values(node)) collect(child, found)
}
