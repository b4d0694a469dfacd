/** `npm run chaos`, after packages were installed, with the Node of the repository. bin/chaos.mjs has parsed the flags. */
import { stopSignal } from '../../tools/verify/step.ts'
import { runChaos } from './run.ts'

const [seed, seconds] = process.argv.slice(2).map(Number)
const log = (line: string): void => void process.stdout.write(`${line}\n`)

try {
  process.exitCode = await runChaos({ seed: seed ?? 1, seconds: seconds ?? 30, log, interrupted: stopSignal() })
} catch (error) {
  log(`chaos failed: ${error instanceof Error ? error.stack : String(error)}`)
  process.exitCode = 1
}
process.exit() // nothing is left to wait for
