/** What is needed to try Airlock manually. */
export interface Welcome {
  /** For example `http://127.0.0.1:3000`. */
  readonly url: string
  readonly token: string
  readonly userId: string
  /** Folder of the logs. */
  readonly logFolder: string
  /** Duration of the start. */
  readonly seconds: number
}

/** The last lines of `npm start`: the address of Airlock, a token, and three commands. */
export const welcome = ({ url, token, userId, logFolder, seconds }: Welcome): string =>
  `
Airlock is up: ${url}

A token for 24 hours, for the user ${userId}; 'npm run token' makes more:

  export TOKEN=${token}

Upload a picture, look at its job, get a URL of the asset:

  curl -H "authorization: Bearer $TOKEN" -F asset_type=brand_image -F "files=@examples/samples/good/logo.png" ${url}/api/upload
  curl -H "authorization: Bearer $TOKEN" ${url}/api/jobs/<job_id>
  curl -H "authorization: Bearer $TOKEN" ${url}/api/assets/<asset_id>/presigned

Up after ${seconds} s. Logs are in ${logFolder}. Ctrl-C stops everything; the data stays, until 'npm start -- --reset'.
`
