import type { S3Client } from '@aws-sdk/client-s3'

/**
 * Omits the SHA-256 of request bodies where the connection protects them: over TLS, and on the local machine.
 * S3 accepts `UNSIGNED-PAYLOAD` for this (Signature Version 4, "Unsigned payload option"); the CRC32 of `checksums` is still sent.
 * Over plain HTTP on a network, the body is signed.
 */
export function leavePayloadUnsigned(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { protocol: string; hostname: string; headers: Record<string, string>; body?: unknown }
      if (ArrayBuffer.isView(request.body) && isTrusted(request)) request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD'
      return next(args)
    },
    { name: 'leavePayloadUnsigned', step: 'build', priority: 'low' },
  )
}

/** Whether requests can't be changed on their way to the store. */
export const isTrusted = ({ protocol, hostname }: { protocol: string; hostname: string }): boolean =>
  protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
