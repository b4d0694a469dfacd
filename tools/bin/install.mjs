// Runs before packages are installed: plain JavaScript for Node 20, only with Node's modules.
import { spawn } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ownNode, runWithOwnNode } from './own-node.mjs'

const progressEveryMs = 5_000

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
  const done = await takeTurn(join(root, '.airlock', 'installing'), say)
  try {
    await installMissing(root, say)
  } finally {
    done()
  }
}

async function installMissing(root, say) {
  const missing = missingPackages(root)
  if (missing === 0) return // another run has just installed
  say(`Installing ${missing === 1 ? '1 package' : `${missing} packages`} with npm, a minute or two the first time …`)
  const started = Date.now()
  const seconds = () => Math.round((Date.now() - started) / 1000)
  const progress = setInterval(() => say(`  … still installing, ${seconds()} s`), progressEveryMs)
  try {
    await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], root)
  } finally {
    clearInterval(progress)
  }
  say(`Installed in ${seconds()} s.`)
}

/**
 * Waits until no other run installs into the same folder: `npm start` and `npm test` may start concurrently, and two npm processes would delete each
 * other's packages. A killed run does not block others.
 *
 * @returns a function that releases the lock
 */
async function takeTurn(file, say) {
  mkdirSync(dirname(file), { recursive: true })
  for (let told = false; ; told = true) {
    if (placed(file, String(process.pid))) return () => rmSync(file, { force: true })
    if (!isAlive(Number(existsSync(file) && readFileSync(file, 'utf8')))) rmSync(file, { force: true })
    else if (!told) say('Another run is installing the packages; waiting for it …')
    await wait(250)
  }
}

/** Creates a file with its content atomically, unless it exists. */
function placed(file, content) {
  const beside = `${file}.${process.pid}`
  writeFileSync(beside, content)
  try {
    linkSync(beside, file)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    return false
  } finally {
    rmSync(beside)
  }
}

function isAlive(pid) {
  if (!pid) return false
  try {
    process.kill(pid, 0)
    return true
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
export class Interrupted extends Error {
  constructor(signal) {
    super('The installation was stopped; the next run completes it.')
    this.exitCode = 128 + constants.signals[signal]
  }
}

/** Time for npm to stop at a signal, in ms. It may wait for the network first, and none of its work is needed. */
const stopWithinMs = 300

/** The command gets its own process group, so that a signal ends it with its children. */
async function run(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'], detached: true })
  const end = (signal) => {
    try {
      process.kill(-child.pid, signal)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error // it has ended meanwhile
    }
  }
  let stoppedBy = null
  let force
  const onSignal = (signal) => {
    stoppedBy ??= signal
    end('SIGTERM')
    force ??= setTimeout(end, stopWithinMs, 'SIGKILL')
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, onSignal)
  try {
    const code = await new Promise((resolve, reject) => child.on('error', reject).on('exit', resolve))
    if (stoppedBy !== null) throw new Interrupted(stoppedBy)
    if (code !== 0) throw new Error(`${command} ${args[0]} ended with exit code ${code}`)
  } finally {
    clearTimeout(force)
    for (const signal of signals) process.off(signal, onSignal)
  }
}

/**
 * Installs what is missing, then runs a TypeScript program of the clone under the clone's own Node.
 *
 * @param {string} command what the person has typed, for messages
 * @param {string} program from the root of the clone
 * @param {string[]} args
 * @param {string} [lastLine] printed when the packages can't be installed
 * @returns {Promise<number>} the exit code
 */
export async function installAndRun(command, program, args, lastLine) {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  try {
    await install(root, (line) => process.stdout.write(`${line}\n`))
  } catch (error) {
    process.stderr.write(`${command} failed: ${error.message}\n`)
    if (lastLine) process.stdout.write(`${lastLine}\n`)
    return error.exitCode ?? 1
  }
  return runWithOwnNode(root, join(root, program), args)
}
