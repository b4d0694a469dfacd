/** `npm run test:long` after the installation, see bin/test-long.mjs. Arguments name steps; without any, all run. */
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Finding, StepContext } from './check.ts'
import { steps } from './steps.ts'

process.exit(await main(process.argv.slice(2)))

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    say(help())
    return 0
  }
  const unknown = args.filter((arg) => steps.every(({ name }) => name !== arg))
  if (unknown.length > 0) {
    process.stderr.write(`Unknown step '${unknown[0]}'.\n\n${help()}\n`)
    return 2
  }
  const stop = stopSignal()
  const findings = await runSteps(args, { root: fileURLToPath(new URL('../..', import.meta.url)), env: process.env, stop, say })
  say(`\n${count(findings, 'ok')} passed, ${count(findings, 'failed')} failed, ${count(findings, 'skipped')} skipped`)
  if (stop.aborted) return 128 + constants.signals[stop.reason as NodeJS.Signals]
  return count(findings, 'failed') === 0 ? 0 : 1
}

async function runSteps(names: readonly string[], context: StepContext): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { name, run } of steps.filter((step) => names.length === 0 || names.includes(step.name))) {
    say(`\n── ${name}`)
    findings.push(...(await run(context)))
  }
  return findings
}

function count(findings: readonly Finding[], verdict: Finding['verdict']): number {
  return findings.filter((finding) => finding.verdict === verdict).length
}

function help(): string {
  const rows = steps.map(({ name, about }) => `  ${name.padEnd(12)}  ${about}`)
  return [
    'Runs the checks that take too long for `npm test`.',
    '',
    'Usage: npm run test:long             every step',
    '       npm run test:long -- NAME …   only these steps:',
    '',
    ...rows,
    '',
    'Checks that this machine does not support are skipped with a reason. The exit code is 0 if nothing failed.',
  ].join('\n')
}

/** Aborts at Ctrl-C, SIGTERM and SIGHUP, and when the parent process has ended: standard input is a pipe from it. */
function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => controller.abort(signal))
  process.stdin.on('end', () => controller.abort('SIGHUP')).resume()
  return controller.signal
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
