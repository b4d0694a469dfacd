import { GetPublicAccessBlockCommand, PutPublicAccessBlockCommand } from '@aws-sdk/client-s3'
import { orNull, type Setting } from '../setting.ts'

const wanted = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true } as const
const names = Object.keys(wanted) as (keyof typeof wanted)[]

/** Assets are read only through presigned URLs; a mistake in a policy or an ACL must not make the bucket public. */
export const publicAccess: Setting = {
  name: 'block public access',
  read: async ({ client, bucket: Bucket }) => {
    const found = await orNull(client.send(new GetPublicAccessBlockCommand({ Bucket })), 'NoSuchPublicAccessBlockConfiguration')
    const open = names.filter((name) => found?.PublicAccessBlockConfiguration?.[name] !== true)
    if (open.length === 0) return { is: 'ok', remark: '' }
    return {
      is: 'differs',
      remark: `off: ${open.join(', ')}`,
      change: async () => {
        await client.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: wanted }))
      },
    }
  },
}
