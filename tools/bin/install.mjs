// Runs before anything is installed: plain JavaScript for Node 20, nothing but Node's own modules.
import { spawn } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { ownNode } from './own-node.mjs'

const progressEveryMs = 5_000

/**
 * Makes `node_modules` hold what `package-lock.json` names. Does nothing when it does already.
 *
 * @param {string} root the folder of the clone
 * @param {(line: string) => void} say takes a line for the person who waits
 * @throws {Interrupted} when a signal ended it
 * @throws {Error} when npm fails; its own message is on the screen
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
  if (missing === 0) return // the run before us was at it
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
 * Waits until no other run installs into the same clone: `npm start` and `npm test` may begin side by side, and two npm at once
 * would take the packages out of each other's hands. A run that was killed holds nobody up.
 *
 * @returns what ends our turn
 */
async function takeTurn(file, say) {
  mkdirSync(dirname(file), { recursive: true })
  for (let told = false; ; told = true) {
    if (placed(file, String(process.pid))) return () => rmSync(file, { force: true })
    if (!isAlive(Number(existsSync(file) && readFileSync(file, 'utf8')))) rmSync(file, { force: true })
    else if (!told) say('Another run installs the packages at this moment; waiting for it …')
    await wait(250)
  }
}

/** Makes a file with its content at once, or finds that there is one. */
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
 * How many packages of the lock file are not in `node_modules` in that version. Contents are compared, not times: a checkout
 * changes the times of files that stayed the same.
 */
function missingPackages(root) {
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const present = existsSync(ownNode(root)) ? packagesOf(join(root, 'node_modules', '.package-lock.json')) : {}
  return Object.entries(wanted).filter(([path, entry]) => isNeeded(path, entry) && present[path]?.version !== entry.version).length
}

/** Links lead back into the clone, and optional packages are for other systems as well. */
const isNeeded = (path, { link, optional, devOptional }) => path.includes('node_modules/') && !link && !optional && !devOptional

function packagesOf(lockFile) {
  if (!existsSync(lockFile)) return {}
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages ?? {}
}

/** A person stopped the installation. What is half installed is completed by the next run. */
export class Interrupted extends Error {
  constructor(signal) {
    super('The installation was stopped; the next run completes it.')
    this.exitCode = 128 + constants.signals[signal]
  }
}

/** How long npm may take to stop at a signal, in ms. It may wait for the network first, and nothing of its work must be kept. */
const stopWithinMs = 300

/** The command gets a process group of its own, so that a signal ends it with all that it started. */
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
