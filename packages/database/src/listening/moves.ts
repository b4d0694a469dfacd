import { type UploadState, uploadStates } from '@airlock/domain'
import { type Listening, type ListenOptions, listen } from './listen.ts'

export interface MoveOptions extends ListenOptions {
  /** Called when an accepted upload has moved. The row has its current state. Acceptance itself is not notified. */
  onMove(uploadId: string, state: UploadState): void
}

/**
 * Listens for committed moves of accepted uploads, with one connection for a whole process.
 * To wait for an upload, subscribe first, and then read its row.
 *
 * @example const moves = listenForMoves({ url, log, onMove: (id) => wake(id), onReady: wakeAll, onLost: startPolling })
 */
export const listenForMoves = ({ onMove, ...options }: MoveOptions): Listening =>
  listen(
    'airlock_uploads',
    (payload) => {
      const [uploadId = '', state = ''] = payload.split(':')
      if (isState(state)) onMove(uploadId, state)
      else options.log.warn({ payload }, 'unknown notification on airlock_uploads')
    },
    options,
  )

const isState = (value: string): value is UploadState => (uploadStates as readonly string[]).includes(value)
