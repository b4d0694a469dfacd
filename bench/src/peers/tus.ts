import { createServer } from 'node:http'
import { S3Store } from '@tus/s3-store'
import { Server } from '@tus/server'
import { bucket, port, s3Settings } from './settings.ts'

/** A program: @tus/server with @tus/s3-store, as their READMEs show it. Its clients send each file with its creation, in one request. */

const datastore = new S3Store({ partSize: 8 * 1024 * 1024, s3ClientConfig: { ...s3Settings(), bucket: bucket() } })
const tus = new Server({ path: '/files', datastore })

createServer((request, response) => tus.handle(request, response)).listen(port(), '127.0.0.1')
