/** A process that owns a stack, for tests that kill it. Usage: node owner.ts FOLDER|ephemeral */
import { startStack } from '../../src/index.ts'

const [folder = ''] = process.argv.slice(2)
const options = folder === 'ephemeral' ? { ephemeral: true } : { dataDir: folder }
const stack = await startStack({ ...options, say: (line) => process.stderr.write(`${line}\n`) })
process.stdout.write(`${JSON.stringify({ folder: stack.file.folder, environment: stack.environment })}\n`)
process.on('SIGTERM', async () => {
  await stack.stop()
  process.exit(0)
})
setInterval(() => {}, 60_000)
