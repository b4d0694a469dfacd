import { parseArgs } from 'node:util'
import { isUuid } from '@airlock/domain'
import { type Command, UsageError } from '../../command.ts'
import { withInspector } from './inspector.ts'
import { fillInProvenance } from './provenance.ts'
import { reportRejected } from './rules.ts'

const options = {
  'dry-run': { type: 'boolean', default: false },
  provenance: { type: 'boolean', default: false },
  all: { type: 'boolean', default: false },
  after: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

export const reinspectCommand: Command = {
  name: 'reinspect',
  summary: 'list stored assets that the current rules would reject, or fill in their provenance',
  usage: `--dry-run [--all] [--json]
       npm run ops -- reinspect --provenance [--dry-run] [--all] [--after <id>] [--json]

  --dry-run          without --provenance required: the command only reports. With it: lists what would be filled in
  --provenance       inspects the pictures and videos whose provenance is unknown, and stores it with their assets.
                     Nothing else of an asset is changed, none is rejected or deleted
  --all              inspects all assets: not only those accepted under other versions of the rules, or of unknown provenance
  --after <id>       continues after this asset; progress is printed every 10 s
  --json             prints one JSON object

Prints a line for each asset that would be rejected, or whose file states something about its making, then the totals.
Exit codes: 0 done, 1 an asset is rejected by the current rules or could not be read, 2 invalid arguments.`,
  example: '--provenance --dry-run',
  async run(args, io) {
    const { values } = parseArgs({ args, options })
    const { 'dry-run': dryRun, provenance, all, after = null, json } = values
    if (!provenance && !dryRun)
      throw new UsageError('--dry-run or --provenance is missing: without --provenance this command only reports, it never changes assets')
    if (!provenance && after !== null) throw new UsageError('--after is for --provenance')
    if (after !== null && !isUuid(after)) throw new UsageError(`--after is '${after}': the id of an asset`)
    if (!provenance) return withInspector(io, (inspector) => reportRejected(inspector, { all, json }, io))
    // an asset that a policy would reject has a provenance as well
    return withInspector(io, (inspector) => fillInProvenance(inspector, { dryRun, all, after, json }, io), {})
  },
}
