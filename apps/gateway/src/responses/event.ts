import { type EventType, events, eventTypes } from '@airlock/domain'
import type { PublishedEvent } from '@airlock/notifications'
import Type, { type TProperties } from 'typebox'
import { nullableProvenance } from './provenance.ts'
import { AssetTypeName, Metadata, Moment, nullable, Reason, Uuid } from './schemas.ts'

/** Data of every event. */
const common = {
  event_id: Type.String({ format: 'uuid', description: 'The same each time the event is read or delivered' }),
  upload_id: Uuid,
  sequence: Type.Integer({ minimum: 1, description: 'Numbers the events of the upload from 1, without gaps' }),
  user_id: Uuid,
  asset_type: AssetTypeName,
  project_id: nullable(Uuid),
  brand_id: nullable(Uuid),
  filename: Type.String(),
  size_bytes: Type.Integer(),
  metadata: nullable(Metadata),
}

const hash = Type.String({ description: 'SHA-256 in hexadecimal' })

const Facts = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  additionalProperties: { type: ['string', 'number', 'boolean', 'null'] },
  description: 'Results of inspection, such as width, height and duration, by the kind of file',
})

const asset = { content_hash: hash, asset_id: Uuid, s3_key: Type.String(), mime_type: Type.String() }

const refused = { content_hash: nullable(hash), error: Reason }

const expiringAt = Type.String({ format: 'date-time', description: 'When the asset is deleted unless it is used before' })

/** The name of each type's schema, and its additional data. */
const types = {
  'upload.completed': { name: 'UploadCompleted', data: { ...asset, facts: Facts, provenance: Type.Optional(nullableProvenance) } },
  'upload.rejected': { name: 'UploadRejected', data: refused },
  'upload.parked': { name: 'UploadParked', data: refused },
  'asset.expiring': { name: 'AssetExpiring', data: { ...asset, expiring_at: expiringAt } },
  'asset.deleted': { name: 'AssetDeleted', data: { ...asset, expiring_at: nullable(expiringAt) } },
} as const satisfies Record<EventType, { name: string; data: TProperties }>

/** Each type of event in feed and webhooks, with its schema and the schema's name. */
export const eventSchemas = eventTypes.map((type) => {
  const { name, data } = types[type]
  const schema = Type.Object(
    { type: Type.Literal(type), timestamp: Moment, data: Type.Object({ ...common, ...data }, { title: `${name}Data` }) },
    { title: name, description: `${type}: ${events[type]}` },
  )
  return { type, name, schema }
})

/** Any event, discriminated by `type`. */
export const Event = Type.Unsafe<PublishedEvent>({
  title: 'Event',
  description: 'An event with the data of its type. New types may be added: ignore unknown ones',
  oneOf: eventSchemas.map(({ schema }) => schema),
  discriminator: {
    propertyName: 'type',
    mapping: Object.fromEntries(eventSchemas.map(({ type, name }) => [type, `#/components/schemas/${name}`])),
  },
})
