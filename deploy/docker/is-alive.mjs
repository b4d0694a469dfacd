// The HEALTHCHECK of both images, which have no curl: exits with 0 if the service in this container responds.
//
//   node is-alive.mjs VARIABLE    the environment variable that holds the service's port
//
// It checks liveness, not readiness: a restart does not help a service whose database is unavailable.
import { get } from 'node:http'

const port = process.env[process.argv[2]]

get({ host: '127.0.0.1', port, path: '/health/live', timeout: 3000 }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1))
