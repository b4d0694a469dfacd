import { CreateBucketCommand, HeadBucketCommand } from '@aws-sdk/client-s3'
import { statusOf } from '../../probe/s3-target.ts'
import type { Setting } from '../setting.ts'

/** Everything else is a setting of this. */
export const bucketItself: Setting = {
  name: 'the bucket',
  read: async ({ client, bucket: Bucket }) => {
    const isThere = await client.send(new HeadBucketCommand({ Bucket })).then(
      () => true,
      (error) => {
        if (statusOf(error) === 404) return false
        throw error
      },
    )
    if (isThere) return { is: 'ok', remark: Bucket }
    return {
      is: 'differs',
      remark: `there is no ${Bucket}`,
      change: async () => {
        await client.send(new CreateBucketCommand({ Bucket }))
      },
    }
  },
}
