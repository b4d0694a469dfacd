/** The prefix in Airlock's bucket under which the video pipeline stores its files. */
export const inboxPrefix = 'pipeline-inbox/'

/** The key of a video in the inbox. Airlock accepts its ids in lower case only. */
export const inboxKey = ({ projectId, uploadId }: { projectId: string; uploadId: string }): string =>
  `${inboxPrefix}${projectId.toLowerCase()}/${uploadId.toLowerCase()}.mp4`
