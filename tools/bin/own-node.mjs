// Plain JavaScript for Node 20, only with Node's modules: this runs with the machine's Node and starts that of the repository.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'

/** The Node that is installed with the packages. */
export const ownNode = (root) => join(root, 'node_modules', '.bin', 'node')

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Forwards signals to a child while it runs, and waits for it: the child stops what it started.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<number>} its exit code, or 128 and the number of the signal that ended it
 * @throws {Error} if it can't be started
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
 * Runs a TypeScript program with the Node of the repository. The program's standard input is a pipe that closes when this process ends, so that the
 * program stops even if this process is killed.
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
