import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** @returns the full path of a program, or null if it is not in PATH */
export function programInPath(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return join(folder, name)
    } catch {
      // not in this folder
    }
  }
  return null
}
