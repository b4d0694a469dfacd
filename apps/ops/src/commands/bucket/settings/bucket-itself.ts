import { CreateBucketCommand, HeadBucketCommand } from '@aws-sdk/client-s3'
import { httpStatusOf } from '../../probe/s3-target.ts'
import type { Setting } from '../setting.ts'

/** The existence of the bucket, which all other settings require. */
export const bucketItself: Setting = {
  name: 'the bucket',
  read: async ({ client, bucket: Bucket }) => {
    const exists = await client.send(new HeadBucketCommand({ Bucket })).then(
      () => true,
      (error) => {
        if (httpStatusOf(error) === 404) return false
        throw error
      },
    )
    if (exists) return { is: 'ok', remark: Bucket }
    return {
      is: 'differs',
      remark: `${Bucket} does not exist`,
      change: async () => {
        await client.send(new CreateBucketCommand({ Bucket }))
      },
    }
  },
}
