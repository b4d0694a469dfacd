import { randomUUID } from 'node:crypto'
import express from 'express'
import multer from 'multer'
import multerS3 from 'multer-s3'
import { bucket, port, s3Client } from './settings.ts'

/** A program: express with multer and multer-s3, as their READMEs show it. */

const upload = multer({
  storage: multerS3({ s3: s3Client(), bucket: bucket(), key: (_request, _file, done) => done(null, randomUUID()) }),
})

express()
  .post('/upload', upload.array('files', 3), (request, response) => {
    const files = request.files as Express.MulterS3.File[]
    response.json(files.map(({ key, size, etag }) => ({ key, size, etag })))
  })
  .listen(port(), '127.0.0.1')
