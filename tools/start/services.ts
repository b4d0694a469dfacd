import { join } from 'node:path'
import type { StackFile } from '@airlock/dev-servers'
import { identityOf } from '@airlock/dev-servers'
import { describeEnding, type Service, startService } from './service.ts'

/** A service ended by itself. The message contains how, and its last output. */
export class ServiceDied extends Error {
  override name = 'ServiceDied'
}

/** What all processes of a run share. */
export interface ServicesContext {
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  /** `stack.json`, which lists them. */
  readonly file: StackFile
  readonly say: (line: string) => void
}

/** A program of the repository, with its name on the screen and in `stack.json`. */
export interface Program {
  readonly name: string
  readonly entry: string
  readonly url?: string
}

/** Runs a program to its end. @throws ServiceDied if its exit code is not 0 */
export async function runToEnd(program: Program, context: ServicesContext): Promise<void> {
  const service = await begin(program, context)
  const ending = await service.ended
  if (ending.code !== 0) throw died(service, describeEnding(ending))
}

/**
 * Starts a program that runs until it is stopped.
 *
 * @param onDeath called when it ends for any reason
 */
export async function keepRunning(program: Program, context: ServicesContext, onDeath: (died: ServiceDied) => void): Promise<Service> {
  const service = await begin(program, context)
  void service.ended.then((ending) => onDeath(died(service, describeEnding(ending))))
  return service
}

/**
 * The arguments of `npm run gateway` and the containers: a small young heap is collected often, and the buffers of uploads with it
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
