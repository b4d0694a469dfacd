import { expect, test } from 'vitest'
import { Client, startGateway } from '../gateway.ts'
import { installSchemathesis, schemathesis } from '../schemathesis.ts'

const missing = await installSchemathesis()
if (missing !== null) process.stderr.write(`skipped: schemathesis against the gateway, ${missing}\n`)

test.skipIf(missing !== null)(
  'whatever the OpenAPI document allows or forbids: no 5xx, and no answer that the document does not describe',
  async () => {
    const gateway = await startGateway({ filesPerHour: 100_000 })
    try {
      const { code, says } = await schemathesis(gateway.url, await new Client(gateway.url).token({ scope: 'service ops' }))
      expect(code, says.slice(-4000)).toBe(0)
      expect(says).toMatch(/Operations: +\d+ selected/)
      await gateway.leavesNothing()
    } finally {
      await gateway.close()
    }
  },
  240_000,
)
