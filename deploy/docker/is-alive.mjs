// The HEALTHCHECK of both images, which have no curl: exit code 0 when the service in this container answers.
//
//   node is-alive.mjs VARIABLE    the environment variable that holds the service's port
//
// It asks whether the process lives, not whether it is ready: a restart does not help a service whose database is away.
import { get } from 'node:http'

const port = process.env[process.argv[2]]

get({ host: '127.0.0.1', port, path: '/health/live', timeout: 3000 }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1))
