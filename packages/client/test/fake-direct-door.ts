import { type FakeGateway, goodRoutes, jobId, problem, type Received, type Reply, type Routes } from './fake-gateway.ts'

const capability = 'cap_of-this-upload'

/** What the direct door answers at a gateway, and a store that takes the parts, on the same server. */
export class FakeDirectDoor {
  readonly partBytes: number
  readonly parts = new Map<number, Buffer>()
  /** Replies of the store in place of the next ones, by the number of the part. */
  readonly faults = new Map<number, Reply[]>()
  /** The largest number of parts that arrived at the same time. */
  #declared = { size_bytes: 0, filename: '' }
  isComplete = false
  /** After this the upload no longer exists. */
  ended: Reply | null = null

  constructor(gateway: FakeGateway, { partBytes = 1000 } = {}) {
    this.partBytes = partBytes
    gateway.routes = { ...goodRoutes, ...this.#routes(gateway) }
  }

  /** The stored bytes. */
  get bytes(): Buffer {
    return Buffer.concat([...this.parts.entries()].toSorted(([a], [b]) => a - b).map(([, bytes]) => bytes))
  }

  #routes(gateway: FakeGateway): Routes {
    const path = `/api/uploads/${jobId}`
    const withCapability = (reply: (request: Received) => Reply) => [
      (request: Received) => {
        if (request.headers.authorization !== `Bearer ${capability}`) return { status: 401, json: problem('capability_invalid') }
        return this.ended ?? reply(request)
      },
    ]
    const targetOf = (number: number) => ({
      number,
      url: `${gateway.url}/store/${number}`,
      headers: { 'content-length': '1', 'x-amz-part': String(number) },
    })
    const store = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`PUT /store/${i + 1}`, [(request: Received) => this.#store(i + 1, request)]]),
    )
    return {
      ...store,
      'POST /api/uploads': [
        ({ body }) => {
          this.#declared = JSON.parse(body.toString()).files[0]
          const multipart = { part_size_bytes: this.partBytes, part_count: this.#count }
          return { status: 201, json: { uploads: [{ index: 0, upload_id: jobId, job_id: jobId, capability, multipart }], rejected: [] } }
        },
      ],
      [`POST ${path}/parts`]: withCapability(({ body }) => ({ json: { parts: JSON.parse(body.toString()).numbers.map(targetOf) } })),
      [`GET ${path}/parts`]: withCapability(() => ({
        json: {
          part_size_bytes: this.partBytes,
          parts: [...this.parts].map(([number, { length }]) => ({ number, size_bytes: length, etag: 'e' })),
        },
      })),
      [`POST ${path}/complete`]: withCapability(() => {
        const missing = this.parts.size < this.#count
        if (missing) return { status: 409, json: problem('upload_incomplete') }
        this.isComplete = true
        return { status: 202, json: { uploads: [{ index: 0, upload_id: jobId, job_id: jobId, status: 'queued' }], rejected: [] } }
      }),
      [`DELETE ${path}`]: withCapability(() => ({ status: 204 })),
    }
  }

  get #count(): number {
    return Math.ceil(this.#declared.size_bytes / this.partBytes)
  }

  #store(number: number, { body }: Received): Reply {
    const fault = this.faults.get(number)?.shift()
    if (fault !== undefined) return fault
    this.parts.set(number, body)
    return { text: '' }
  }
}
