import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

/** A copy of the sources for modification. */
export interface CloneCopy {
  readonly root: string
  remove(): void
}

/**
 * Copies tracked and new files of the repository. Dependencies are linked, except our own packages. The copy is inside of the repository, because an
 * inspector may only read programs of the folders above it.
 */
export function copyClone(root: string): CloneCopy {
  mkdirSync(join(root, '.airlock'), { recursive: true })
  const copy = mkdtempSync(join(root, '.airlock', 'guards-'))
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  for (const file of files.split('\0').filter(Boolean)) cpSync(join(root, file), join(copy, file))
  borrow(root, copy, 'node_modules')
  mkdirSync(join(copy, '.airlock'))
  if (existsSync(join(root, tools))) symlinkSync(join(root, tools), join(copy, tools))
  return { root: copy, remove: () => rmSync(copy, { recursive: true, force: true }) }
}

/** Downloaded programs. */
const tools = '.airlock/tools'

function borrow(root: string, copy: string, folder: string): void {
  mkdirSync(join(copy, folder))
  for (const name of readdirSync(join(root, folder))) {
    if (name === '@airlock') cpSync(join(root, folder, name), join(copy, folder, name), { recursive: true, verbatimSymlinks: true })
    // caches of tools must not be shared
    else if (!/^\.(vite|vitest|cache|experimental)/.test(name)) symlinkSync(join(root, folder, name), join(copy, folder, name))
  }
}
