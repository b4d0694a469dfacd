import type { S3Client } from '@aws-sdk/client-s3'

/**
 * Spares each body a second SHA-256, where the connection already proves it: over TLS, and to this very machine.
 * S3 takes `UNSIGNED-PAYLOAD` for this (Signature Version 4, "Unsigned payload option"); the CRC32 of `checksums` still travels along.
 * Over plain HTTP on a network the body stays under the signature.
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

/** Whether nobody between us and the store can change what we send. */
export const isTrusted = ({ protocol, hostname }: { protocol: string; hostname: string }): boolean =>
  protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
