import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** @returns the full path of a program, or null when PATH has none */
export function programInPath(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return join(folder, name)
    } catch {
      // not there; the next folder
    }
  }
  return null
}
