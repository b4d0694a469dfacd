/** Where the video pipeline puts its files, in Airlock's bucket. */
export const inboxPrefix = 'pipeline-inbox/'

/** The key of a video in the inbox, its ids in lower case: the one spelling that Airlock looks for. */
export const inboxKey = ({ projectId, uploadId }: { projectId: string; uploadId: string }): string =>
  `${inboxPrefix}${projectId.toLowerCase()}/${uploadId.toLowerCase()}.mp4`
