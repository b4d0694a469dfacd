import { join } from 'node:path'
import type { StackFile } from '@airlock/dev-servers'
import { identityOf } from '@airlock/dev-servers'
import { describeEnding, type Service, startService } from './service.ts'

/** A process of ours ended by itself. The message says how, and what it wrote last. */
export class ServiceDied extends Error {
  override name = 'ServiceDied'
}

/** What every process of one run shares. */
export interface ServicesContext {
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  /** `stack.json`, which names each of them. */
  readonly file: StackFile
  readonly say: (line: string) => void
}

/** A program of the clone, and what it is called on the screen and in `stack.json`. */
export interface Program {
  readonly name: string
  readonly entry: string
  readonly url?: string
}

/** Runs a program to its end. @throws ServiceDied when its exit code is not 0 */
export async function runToEnd(program: Program, context: ServicesContext): Promise<void> {
  const service = await begin(program, context)
  const ending = await service.ended
  if (ending.code !== 0) throw died(service, describeEnding(ending))
}

/**
 * Starts a program that is to run until it is stopped.
 *
 * @param onDeath told when it ends, whoever ended it
 */
export async function keepRunning(program: Program, context: ServicesContext, onDeath: (died: ServiceDied) => void): Promise<Service> {
  const service = await begin(program, context)
  void service.ended.then((ending) => onDeath(died(service, describeEnding(ending))))
  return service
}

/**
 * As `npm run gateway` and the containers start them: a small young heap is collected often, and the buffers of uploads with it
 * (docs/decisions/2026-11-24-a-small-young-heap.md).
 */
const nodeFlags = ['--max-semi-space-size=2']

async function begin({ name, entry, url }: Program, { root, env, file, say }: ServicesContext): Promise<Service> {
  const logFile = join(file.folder, 'logs', `${name}.log`)
  const service = await startService({ name, args: [...nodeFlags, join(root, entry)], cwd: root, env, logFile, say })
  const identity = identityOf(service.pid)
  if (identity !== null) file.process(name, { ...identity, logFile, ...(url !== undefined && { url }) })
  return service
}

function died(service: Service, how: string): ServiceDied {
  const lines = service.lastLines().map((line) => `  ${line}`)
  return new ServiceDied(
    [`${service.name} ${how}.${lines.length === 0 ? '' : ' Its last lines:'}`, ...lines, `All of its log: ${service.logFile}`].join('\n'),
  )
}
