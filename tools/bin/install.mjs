// Runs before packages are installed: plain JavaScript for Node 20, only with Node's modules.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const progressEveryMs = 15_000

/** Time for npm to stop at a signal, in ms. It may wait for the network first, and none of its work is needed. */
const stopWithinMs = 300

/** The Node that is installed with the packages. */
const ownNode = (root) => join(root, 'node_modules', '.bin', 'node')

/**
 * Installs the packages of `package-lock.json`, unless `node_modules` has them already.
 *
 * @param {string} root the root of the repository
 * @param {(line: string) => void} say prints a line
 * @throws {Interrupted} if a signal ended it
 * @throws {Error} if npm fails; its own message was printed
 */
export async function install(root, say) {
  if (missingPackages(root) === 0) return
  const unlock = await lock(join(root, '.airlock', 'installing'), say)
  const started = Date.now()
  const seconds = () => Math.round((Date.now() - started) / 1000)
  const progress = setInterval(() => say(`  … still installing, ${seconds()} s`), progressEveryMs)
  try {
    const missing = missingPackages(root)
    if (missing === 0) return // another run has just installed
    say(`Installing ${missing === 1 ? '1 package' : `${missing} packages`} with npm, a minute or two the first time …`)
    const npm = ['ci', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error']
    const { code, stoppedBy } = await run('npm', npm, { cwd: root, input: 'ignore', graceMs: stopWithinMs })
    if (stoppedBy !== null) throw new Interrupted(stoppedBy)
    if (code !== 0) throw new Error(`npm ci ended with exit code ${code}`)
    say(`Installed in ${seconds()} s.`)
  } finally {
    clearInterval(progress)
    unlock()
  }
}

/**
 * Waits until no other run installs into the same folder: `npm start` and `npm test` may start concurrently, and two npm processes would delete each
 * other's packages. The lock is a link that names the pid, because a link and its target are created in one step. A killed run does not block others.
 *
 * @returns a function that releases the lock
 */
async function lock(link, say) {
  mkdirSync(join(link, '..'), { recursive: true })
  for (let waiting = false; ; waiting = true) {
    try {
      symlinkSync(String(process.pid), link)
      return () => rmSync(link, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!isHeld(link)) rmSync(link, { force: true })
    else if (!waiting) say('Another run is installing the packages; waiting for it …')
    await wait(250)
  }
}

/** Whether the process that a lock names still runs; not if the lock was released meanwhile. */
function isHeld(link) {
  try {
    return process.kill(Number(readlinkSync(link)), 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/**
 * The number of packages of the lock file that `node_modules` lacks in that version. Contents are compared instead of times, because a checkout changes
 * times of unchanged files.
 */
function missingPackages(root) {
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const present = existsSync(ownNode(root)) ? packagesOf(join(root, 'node_modules', '.package-lock.json')) : {}
  return Object.entries(wanted).filter(([path, entry]) => isNeeded(path, entry) && present[path]?.version !== entry.version).length
}

/** Links point into the repository, and optional packages may be for other systems. */
const isNeeded = (path, { link, optional, devOptional }) => path.includes('node_modules/') && !link && !optional && !devOptional

function packagesOf(lockFile) {
  if (!existsSync(lockFile)) return {}
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages ?? {}
}

/** The installation was interrupted. The next run completes it. */
class Interrupted extends Error {
  constructor(signal) {
    super('The installation was stopped; the next run completes it.')
    this.exitCode = 128 + constants.signals[signal]
  }
}

/**
 * Runs a command in its own process group, and waits for it. A signal to this process is sent to the group; what is left of it in the end is killed.
 *
 * @param {{ cwd: string, input: 'pipe' | 'ignore', graceMs?: number }} options `graceMs`: time to end after a signal; unlimited by default
 * @returns {Promise<{ code: number, killed: boolean, stoppedBy: string | null }>} the exit code, or 128 and the number of the signal that ended it
 * @throws {Error} if it can't be started
 */
async function run(command, args, { cwd, input, graceMs }) {
  const child = spawn(command, args, { cwd, stdio: [input, 'inherit', 'inherit'], detached: true })
  const send = (signal) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error // it has ended meanwhile
    }
  }
  let stoppedBy = null
  let force
  const onSignal = (signal) => {
    stoppedBy ??= signal
    send(signal)
    if (graceMs !== undefined) force ??= setTimeout(send, graceMs, 'SIGKILL')
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, onSignal)
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (code, signal) => resolve({ code: code ?? 128 + constants.signals[signal], killed: code === null, stoppedBy }))
    })
  } finally {
    clearTimeout(force)
    for (const signal of signals) process.off(signal, onSignal)
    send('SIGKILL')
  }
}

/**
 * Installs what is missing, then runs a TypeScript program of the repository under the Node of the repository. The program's standard input is a pipe
 * that closes when this process ends, so that the program stops even if this process is killed.
 *
 * @param {string} command what the person has typed, for messages
 * @param {string} program from the root of the repository
 * @param {string[]} args
 * @param {string} [lastLine] printed if the packages can't be installed, or the program is killed
 * @returns {Promise<number>} the exit code
 */
export async function installAndRun(command, program, args, lastLine) {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const fail = (message, exitCode = 1) => {
    process.stderr.write(`${command} failed: ${message}\n`)
    if (lastLine) process.stdout.write(`${lastLine}\n`)
    return exitCode
  }
  try {
    await install(root, (line) => process.stdout.write(`${line}\n`))
    const { code, killed, stoppedBy } = await run(ownNode(root), [join(root, program), ...args], { cwd: root, input: 'pipe' })
    return killed && stoppedBy === null ? fail(`${program} was killed`, code) : code
  } catch (error) {
    return fail(error.message, error.exitCode)
  }
}
