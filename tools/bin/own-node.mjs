// Plain JavaScript for Node 20, nothing but Node's own modules: this runs under the machine's Node and starts the clone's own.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'

/** The Node that the clone brings along, whatever the machine's own is. */
export const ownNode = (root) => join(root, 'node_modules', '.bin', 'node')

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Hands our signals to a child for as long as it runs, instead of obeying them: it stops what it started, and we wait for it.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<number>} its exit code, or 128 and the number of the signal that ended it
 * @throws {Error} when it can't be started
 */
export function passingSignalsOn(child) {
  const passOn = (signal) => child.kill(signal)
  for (const signal of signals) process.on(signal, passOn)
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
  })
  return ended.finally(() => {
    for (const signal of signals) process.off(signal, passOn)
  })
}

/**
 * Runs a TypeScript program of the clone under its own Node and hands its exit code on. The program's standard input is a pipe that
 * closes with us, so that it can stop also when we are killed.
 *
 * @returns {Promise<number>} the exit code
 */
export async function runWithOwnNode(root, program, args) {
  try {
    return await passingSignalsOn(spawn(ownNode(root), [program, ...args], { cwd: root, stdio: ['pipe', 'inherit', 'inherit'] }))
  } catch (error) {
    process.stderr.write(`${ownNode(root)} can't be run: ${error.message}\n`)
    return 1
  }
}
