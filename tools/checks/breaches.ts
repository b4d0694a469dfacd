import { existsSync, globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { importsIn } from './import-specifiers.ts'
import type { Level } from './levels.ts'

/** A place where the code violates the table of levels. */
export interface Breach {
  /** Path relative to the root, with the line if there is one. */
  readonly where: string
  readonly rule: string
}

/** One package or app on disk. */
interface Part {
  readonly path: string
  readonly level: Level
  /** The runtime dependencies of its package.json. */
  readonly dependencies: ReadonlySet<string>
  /** The references of its tsconfig.json, as paths relative to the root. */
  readonly references: ReadonlySet<string>
}

/**
 * Compares every package and app below a root with the table of levels: what its sources import, what its package.json
 * depends on, and what its tsconfig.json refers to.
 *
 * @param levels a row for each, by path relative to the root
 * @returns the breaches, in the order of the files
 */
export function findBreaches(root: string, levels: Readonly<Record<string, Level>>): Breach[] {
  const paths = globSync(['packages/*/package.json', 'apps/*/package.json'], { cwd: root }).map(dirname).sort()
  return paths.flatMap((path) => {
    const level = levels[path.split(sep).join('/')]
    if (!level) return [{ where: path, rule: 'has no row in the table of levels (tools/checks/levels.ts)' }]
    const part = readPart(root, path, level)
    return [...inDependencies(part), ...inReferences(root, part), ...inSources(root, part)]
  })
}

function readPart(root: string, path: string, level: Level): Part {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = readJson(join(root, path, 'package.json'))
  const tsconfig = join(root, path, 'tsconfig.json')
  const references = existsSync(tsconfig) ? readJson(tsconfig).references : undefined
  return {
    path,
    level,
    dependencies: new Set(Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })),
    references: new Set((references ?? []).map((reference) => relative(root, resolve(root, path, reference.path)))),
  }
}

function inDependencies({ path, level, dependencies }: Part): Breach[] {
  return [...dependencies]
    .filter((name) => isOurs(name) && !packagesAllowed(level).has(name))
    .map((name) => ({ where: join(path, 'package.json'), rule: `depends on ${name}. ${allowance(path, level)}` }))
}

function inReferences(root: string, { path, level, references }: Part): Breach[] {
  return [...references]
    .filter((reference) => !packagesAllowed(level).has(nameOf(root, reference)))
    .map((reference) => ({ where: join(path, 'tsconfig.json'), rule: `refers to ${reference}. ${allowance(path, level)}` }))
}

function inSources(root: string, part: Part): Breach[] {
  return globSync('src/**/*.{ts,mts,mjs,js}', { cwd: join(root, part.path) })
    .sort()
    .flatMap((file) => {
      const path = join(part.path, file)
      return importsIn(readFileSync(join(root, path), 'utf8')).flatMap(({ specifier, line }) => {
        const rule = broken(root, part, path, specifier)
        return rule === null ? [] : [{ where: `${path}:${line}`, rule: `imports '${specifier}': ${rule}` }]
      })
    })
}

/** @returns the rule that an import violates, or null */
function broken(root: string, part: Part, file: string, specifier: string): string | null {
  const { path, level, dependencies, references } = part
  if (specifier.startsWith('.'))
    return leaves(path, file, specifier) ? 'a relative import may not leave its package; import it by name' : null
  if (level.pure !== undefined) return `nothing but its own files, since ${level.pure}`
  if (isBuiltin(specifier)) return null
  const name = packageOf(specifier)
  if (isOurs(name) && name !== nameOf(root, path) && !level.mayImport.includes(specifier)) return allowance(path, level)
  if (name !== nameOf(root, path) && !dependencies.has(name)) return `${name} is not among the dependencies in ${path}/package.json`
  if (isOurs(name) && name !== nameOf(root, path) && !refersTo(root, references, name))
    return `${path}/tsconfig.json has no reference to it`
  return null
}

const isOurs = (name: string) => name.startsWith('@airlock/')
const isBuiltin = (specifier: string) => specifier.startsWith('node:') || builtinModules.includes(specifier)
const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
const packagesAllowed = ({ mayImport }: Level) => new Set(mayImport.map(packageOf))
const refersTo = (root: string, references: ReadonlySet<string>, name: string) =>
  [...references].some((path) => nameOf(root, path) === name)

const leaves = (path: string, file: string, specifier: string) => relative(path, join(dirname(file), specifier)).startsWith('..')

const allowance = (path: string, { mayImport }: Level) =>
  mayImport.length === 0 ? `${path} may import nothing of ours` : `${path} may import of ours only ${mayImport.join(', ')}`

const nameOf = (root: string, path: string): string => readJson(join(root, path, 'package.json')).name

/** The used parts of a package.json and a tsconfig.json. */
interface Manifest {
  readonly name: string
  readonly dependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
  readonly references?: readonly { readonly path: string }[]
}

const readJson = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Manifest
