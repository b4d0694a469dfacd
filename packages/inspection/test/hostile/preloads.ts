import { fileURLToPath } from 'node:url'
import type { Launcher } from '../../src/isolated/namespaces.ts'

/** Starts inspectors as usual, with a module in them that does what a file that has taken one over could do. */
export const hostile = (module: 'fills-memory' | 'burns-time' | 'burns-a-little' | 'lies' | 'exits' | 'does-not-load'): Launcher => ({
  isolation: 'none',
  command: [process.execPath, '--import', fileURLToPath(new URL(`./${module}.ts`, import.meta.url))],
  inNamespaces: false,
})
