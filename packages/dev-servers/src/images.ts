import type { ServerName } from './stack-file.ts'

/** The tested version of SeaweedFS, for the container's tag and the PyPI wheel. */
export const seaweedfsVersion = '4.48'

/** The images that the stack starts. docker-compose.yml names the same ones. */
export const images = {
  postgres: 'postgres:18',
  redis: 'valkey/valkey:8',
  s3: `chrislusf/seaweedfs:${seaweedfsVersion}`,
} as const satisfies Record<ServerName, string>
