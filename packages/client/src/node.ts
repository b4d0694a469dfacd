import { AirlockClient, type AirlockOptions } from './airlock.ts'
import { hash, memoryIn, openPath } from './node-file.ts'
import { send } from './node-send.ts'

export * from './exports.ts'

/** A client of Airlock. One is enough for a program: all its uploads share one stream of events. */
export class Airlock extends AirlockClient {
  constructor(options: AirlockOptions) {
    super(options, { send, openPath, hash, memory: options.resumeFile === undefined ? undefined : memoryIn(options.resumeFile) })
  }
}
