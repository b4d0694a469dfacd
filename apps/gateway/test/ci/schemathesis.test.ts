import { installSchemathesis, schemathesis } from '@airlock/testkit'
import { expect, test } from 'vitest'
import { Client, startGateway } from '../gateway.ts'

const missing = await installSchemathesis()
if (missing !== null) process.stderr.write(`skipped: schemathesis against the gateway, ${missing}\n`)

test.skipIf(missing !== null)(
  'generated requests cause no 5xx and no undocumented response',
  async () => {
    const gateway = await startGateway({ filesPerHour: 100_000 })
    try {
      const token = await new Client(gateway.url).token({ scope: 'service ops' })
      const args = ['--max-examples', '4', '--phases', 'examples,coverage,fuzzing', '--generation-deterministic']
      const { code, output } = await schemathesis({ url: gateway.url, token, args, timeoutMs: 300_000 })
      expect(code, output.slice(-4000)).toBe(0)
      expect(output).toMatch(/Operations: +\d+ selected/)
    } finally {
      await gateway.close()
    }
  },
  360_000,
)
