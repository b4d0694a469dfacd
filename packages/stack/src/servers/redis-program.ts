import { spawn } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { programInPath } from '../program-in-path.ts'
import type { StackContext } from '../server.ts'

const names = ['redis-server', 'valkey-server'] as const

/** A program that speaks Redis' protocol, or the one command that would get one. */
export type RedisProgram = { readonly path: string; readonly kind: (typeof names)[number] } | { readonly missing: string }

/** Looks for `redis-server` and `valkey-server` in PATH. As root on Debian or Ubuntu a missing one is installed; anybody else is told how. */
export async function findRedis({ say }: StackContext): Promise<RedisProgram> {
  const found = inPath()
  if (found) return found
  const apt = programInPath('apt-get') !== null
  const command = process.platform === 'darwin' ? 'brew install redis' : 'apt-get install redis-server'
  if (!apt || process.getuid?.() !== 0) return { missing: `no redis-server in PATH: ${apt ? 'sudo ' : ''}${command}` }
  say('Redis: installing redis-server with apt-get, without starting it as a service')
  const problem = await installWithApt()
  return inPath() ?? { missing: `no redis-server in PATH, and 'apt-get install redis-server' failed: ${problem}` }
}

function inPath(): RedisProgram | null {
  for (const kind of names) {
    const path = programInPath(kind)
    if (path) return { path, kind }
  }
  return null
}

/**
 * Debian's package starts a server on 6379 once it is installed, which nobody asked for here, and which may be somebody
 * else's port. Its scripts ask policy-rc.d first (invoke-rc.d(8)): for as long as we install, the answer is 101, "not now".
 */
async function installWithApt(): Promise<string> {
  const policy = '/usr/sbin/policy-rc.d'
  const ours = !existsSync(policy)
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    const quiet = ['-qq', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0']
    await apt([...quiet, 'update'])
    return await apt([...quiet, 'install', '-y', '--no-install-recommends', 'redis-server'])
  } finally {
    if (ours) rmSync(policy, { force: true })
  }
}

/** @returns '' when it went well, else the last of what apt-get said. Two runs on a bare machine take turns. */
function apt(args: readonly string[]): Promise<string> {
  const [command, ...before] = programInPath('flock') ? ['flock', '-w', '300', '/var/lock/airlock-apt.lock', 'apt-get'] : ['apt-get']
  return new Promise((resolve) => {
    const child = spawn(command as string, [...before, ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 300_000,
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said = `${said}${chunk}`.slice(-500)))
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code) => resolve(code === 0 ? '' : said.trim()))
  })
}
