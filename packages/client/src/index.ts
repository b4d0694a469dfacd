import { AirlockClient, type AirlockOptions } from './airlock.ts'
import { browser } from './browser.ts'

export * from './exports.ts'

/** A client of Airlock. One is enough for a page: all its uploads share one stream of events. */
export class Airlock extends AirlockClient {
  constructor(options: AirlockOptions) {
    if (options.resumeFile !== undefined) throw new TypeError('resumeFile is for Node: a browser keeps unfinished uploads in IndexedDB')
    super(options, browser)
  }
}
