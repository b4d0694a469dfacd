import { quarantinePrefix } from '@airlock/domain'
import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
  type TransitionDefaultMinimumObjectSize,
} from '@aws-sdk/client-s3'
import { type BucketContext, orNull, type Setting } from '../setting.ts'

const ruleId = 'airlock-incomplete-uploads'

/** Longer than any upload takes. The sweeper aborts much earlier; this is a fallback. */
const days = 2

const wanted: LifecycleRule = {
  ID: ruleId,
  Status: 'Enabled',
  Filter: { Prefix: quarantinePrefix },
  AbortIncompleteMultipartUpload: { DaysAfterInitiation: days },
}

/**
 * Aborts incomplete multipart uploads under quarantine. Complete objects there deliberately have no rule: parked uploads are kept until an
 * operator decides.
 */
export const incompleteUploads: Setting = {
  name: `lifecycle: incomplete uploads under ${quarantinePrefix} are aborted after ${days} days`,
  read: async ({ client, bucket: Bucket }) => {
    const found = await lifecycleOf({ client, bucket: Bucket })
    const rules = found?.Rules ?? []
    const expiring = rules.find(expiresQuarantine)
    if (expiring !== undefined) {
      return {
        is: 'differs',
        remark: `rule '${expiring.ID}' expires objects in quarantine, including parked ones: change it manually`,
        change: null,
      }
    }
    const serving = rules.find(endsIncompleteUploads)
    if (serving !== undefined) return { is: 'ok', remark: rules.length === 1 ? '' : `rule '${serving.ID}' of ${rules.length}` }
    return {
      is: 'differs',
      remark: rules.length === 0 ? 'no rules' : `not among the ${rules.length} rules`,
      change: async () => {
        const others = rules.filter(({ ID }) => ID !== ruleId)
        const command = new PutBucketLifecycleConfigurationCommand({
          Bucket,
          LifecycleConfiguration: { Rules: [...others, wanted] },
          ...minimumSizeOf(found),
        })
        await client.send(command)
      },
    }
  },
}

/** With versioning, a deletion keeps the bytes: those of rejected files would stay for ever. Whether to version is the operator's decision. */
export const oldVersions: Setting = {
  name: `versioning: old versions under ${quarantinePrefix} expire`,
  read: async (context) => {
    const { Status } = await context.client.send(new GetBucketVersioningCommand({ Bucket: context.bucket }))
    if (Status !== 'Enabled') return { is: 'ok', remark: 'not enabled' }
    const expiring = (await lifecycleOf(context))?.Rules?.find(expiresOldVersions)
    if (expiring !== undefined) return { is: 'ok', remark: `rule '${expiring.ID}'` }
    return { is: 'differs', remark: 'enabled, and no rule removes them: add one manually, or deleted files stay', change: null }
  },
}

const lifecycleOf = ({ client, bucket: Bucket }: Pick<BucketContext, 'client' | 'bucket'>) =>
  orNull(client.send(new GetBucketLifecycleConfigurationCommand({ Bucket })), 'NoSuchLifecycleConfiguration')

function expiresOldVersions(rule: LifecycleRule): boolean {
  const prefix = prefixOf(rule)
  const days = rule.NoncurrentVersionExpiration?.NoncurrentDays
  return rule.Status === 'Enabled' && prefix !== null && quarantinePrefix.startsWith(prefix) && days !== undefined
}

/** A rule's prefix from any of its three locations; null if the rule also filters by tag or size. */
function prefixOf({ Filter, Prefix }: LifecycleRule): string | null {
  if (Filter?.Tag || Filter?.And?.Tags?.length || Filter?.ObjectSizeGreaterThan || Filter?.ObjectSizeLessThan) return null
  return Filter?.Prefix ?? Filter?.And?.Prefix ?? Prefix ?? ''
}

const endsIncompleteUploads = (rule: LifecycleRule): boolean => {
  const prefix = prefixOf(rule)
  const after = rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation ?? Number.POSITIVE_INFINITY
  return rule.Status === 'Enabled' && prefix !== null && quarantinePrefix.startsWith(prefix) && after <= days
}

/** Includes rules that filter by tag or size: they might match a parked upload. */
function expiresQuarantine(rule: LifecycleRule): boolean {
  const prefix = rule.Filter?.Prefix ?? rule.Filter?.And?.Prefix ?? rule.Prefix ?? ''
  const expires = rule.Expiration?.Days !== undefined || rule.Expiration?.Date !== undefined
  return rule.Status === 'Enabled' && expires && (quarantinePrefix.startsWith(prefix) || prefix.startsWith(quarantinePrefix))
}

/** A setting of the whole configuration, which a put without it would reset. */
const minimumSizeOf = (
  found: { TransitionDefaultMinimumObjectSize?: TransitionDefaultMinimumObjectSize | undefined } | null,
): { TransitionDefaultMinimumObjectSize?: TransitionDefaultMinimumObjectSize } =>
  found?.TransitionDefaultMinimumObjectSize === undefined
    ? {}
    : { TransitionDefaultMinimumObjectSize: found.TransitionDefaultMinimumObjectSize }
