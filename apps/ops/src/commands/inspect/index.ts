import { parseArgs } from 'node:util'
import { databaseSettings, databaseVariables, readConfig, storeSettings, storeVariables } from '@airlock/config'
import { openDatabase } from '@airlock/database'
import { uploadStates } from '@airlock/domain'
import { s3ObjectStore } from '@airlock/storage'
import { type Command, UsageError } from '../../command.ts'
import { printable } from '../../table.ts'
import { filterOf, selectionOf } from '../jobs/selection.ts'
import { linesOf } from './print-story.ts'
import { maxRows, maxStories, readStories } from './read-stories.ts'
import { storyForPrograms } from './story-for-programs.ts'

/** As long as the longest request id that is stored. */
const maxCharacters = 200

const defaultSince = '1d'

export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'show all that is known about an upload, an asset or a request',
  usage: `<upload, asset or request id> [--since <time>] [--json]

  --since <time>     for a request id: only uploads that came to their state at this time or later, such as 2026-11-28T03:00:00Z, 2h or 7d;
                     default: ${defaultSince}. Request ids have no index, so a long time may exceed DATABASE_STATEMENT_TIMEOUT_MS
  --json             prints one JSON object, also if nothing was found

Prints the row of the upload with its attempts, faults, lease and next attempt, the times of its moves, its objects as the store shows them now,
its asset, events, webhook deliveries with the last failure, and changes by operators; at most ${maxRows} of each, the newest. For a request id all its
uploads are printed, at most ${maxStories}. Of an upload whose row was deleted, what is left is printed.
Exit codes: 0 found, 1 nothing was found, or an object could not be read, 2 invalid arguments.`,
  example: '01a20c8b-724d-7095-91c9-d71ee21ec7a9',
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { since: { type: 'string', default: defaultSince }, json: { type: 'boolean', default: false } },
    })
    const [id = '', ...more] = positionals
    if (id === '' || more.length > 0) throw new UsageError('inspect takes one id, of an upload, an asset or a request')
    if ([...id].length > maxCharacters) throw new UsageError(`the id is longer than ${maxCharacters} characters`)
    const selection = selectionOf({ since: values.since })
    const config = readConfig(io.env, [...databaseVariables, ...storeVariables])
    const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
    const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
    const store = s3ObjectStore(storeSettings(config))
    try {
      const now = await database.uploads.clock()
      const { since } = await filterOf(selection, uploadStates, database.uploads)
      const { stories, hasMore } = await readStories(id, since ?? now, { database, store })
      if (values.json) io.out(JSON.stringify({ found: stories.map(storyForPrograms), has_more: hasMore }, null, 2))
      else if (stories.length > 0) io.out(stories.map((story) => linesOf(story, now).join('\n')).join('\n\n'))
      if (hasMore) io.err(`${stories.length} uploads of the request printed, there are more`)
      if (stories.length === 0) io.err(`No upload or asset has the id ${printable(id)}, and no upload of a request since ${values.since}.`)
      return stories.length > 0 && stories.every(({ objects }) => objects.every(({ exists }) => exists !== null)) ? 0 : 1
    } finally {
      await database.close()
      store.close()
    }
  },
}
