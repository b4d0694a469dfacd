import { assetTypes } from '@airlock/domain'
import Type from 'typebox'
import { maxFiles } from '../../upload/form.ts'

/** The body of `POST /api/upload`, only for the document: code reads the form part by part, in any order. */
export const UploadForm = Type.Object(
  {
    files: Type.Array(Type.Unsafe<Blob>({ type: 'string', format: 'binary' }), {
      minItems: 1,
      maxItems: maxFiles,
      description: 'The files. A part may have a Content-Digest: sha-256=:…: (RFC 9530), which must match its bytes.',
    }),
    asset_type: Type.Enum([...assetTypes], { description: 'The purpose of the files; applies to all of them', examples: ['brand_image'] }),
    project_id: Type.Optional(Type.String({ format: 'uuid', description: 'Required for generated_video' })),
    brand_id: Type.Optional(Type.String({ format: 'uuid', description: 'Required for lora_training' })),
    metadata: Type.Optional(
      Type.String({
        maxLength: 4096,
        examples: ['{"order": 4711}'],
        description: 'A JSON object of strings, numbers and booleans, at most 4 KiB; returned unchanged with the job and the asset',
      }),
    ),
  },
  { additionalProperties: false, description: 'Fields may come before, between or after the files.' },
)
