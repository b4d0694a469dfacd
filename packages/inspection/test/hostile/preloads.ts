import { fileURLToPath } from 'node:url'
import type { Launcher } from '../../src/isolated/namespaces.ts'

/** Starts inspectors with a preloaded module that does what a malicious file could do after it took over the process. */
export const hostile = (module: 'fills-memory' | 'burns-time' | 'burns-a-little' | 'lies' | 'exits' | 'does-not-load'): Launcher => ({
  isolation: 'none',
  command: [process.execPath, '--import', fileURLToPath(new URL(`./${module}.ts`, import.meta.url))],
  inNamespaces: false,
})
