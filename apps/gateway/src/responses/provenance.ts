import { contentBindings, provenanceStates } from '@airlock/domain'
import Type from 'typebox'
import { nullable } from './schemas.ts'

const origin = {
  generator: nullable(Type.String({ description: 'The program that says it made the file' })),
  digital_source_type: nullable(
    Type.String({ description: 'The last part of an IPTC address, such as trainedAlgorithmicMedia or digitalCapture' }),
  ),
  ai_generated: nullable(Type.Boolean({ description: 'Null: it does not say' })),
}

const DeclaredOrigin = Type.Object(origin, {
  title: 'DeclaredOrigin',
  description: 'What the file says about itself without a signature: anyone can write or remove it',
})

/** One object for files with and without credentials, so that `provenance?.state` needs no case distinction in any language. */
const Provenance = Type.Object(
  {
    present: Type.Boolean({ description: 'Whether the file has content credentials (C2PA); the next seven fields are present only then' }),
    state: Type.Optional(
      Type.Enum([...provenanceStates], {
        title: 'ProvenanceState',
        description:
          'trusted: signed by a certificate of the trust list; valid: signed by some certificate; invalid: they do not match this file, or were changed; unreadable: they cannot be parsed',
      }),
    ),
    content: Type.Optional(
      Type.Enum([...contentBindings], {
        title: 'ContentBinding',
        description: 'Whether they contain the hash of these very bytes; not_checked: it was not computed, and nothing contradicts it',
      }),
    ),
    generator: Type.Optional(origin.generator),
    digital_source_type: Type.Optional(origin.digital_source_type),
    ai_generated: Type.Optional(origin.ai_generated),
    signer: Type.Optional(
      nullable(Type.String({ description: 'Whom the certificate names. Only in the state trusted has anyone checked it' })),
    ),
    signed_at: Type.Optional(
      nullable(Type.String({ format: 'date-time', description: 'From a timestamp that verifies; null without one' })),
    ),
    declared: Type.Optional(DeclaredOrigin),
  },
  { title: 'Provenance', description: 'What the file states about how it was made, and whether that statement holds' },
)

/** For jobs and assets. */
export const nullableProvenance = nullable(Provenance)
