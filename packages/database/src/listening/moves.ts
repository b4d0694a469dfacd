import { type UploadState, uploadStates } from '@airlock/domain'
import { type Listening, type ListenOptions, listen } from './listen.ts'

export interface MoveOptions extends ListenOptions {
  /** An accepted upload has moved. Tells only that: where it stands, its record says. Acceptance itself is not told. */
  onMove(uploadId: string, state: UploadState): void
}

/**
 * Hears of each accepted upload that moves, once its move is committed: one connection for a whole process.
 * Whoever waits for an upload subscribes first, and then reads its record.
 *
 * @example const moves = listenForMoves({ url, log, onMove: (id) => wake(id), onReady: wakeAll, onLost: startPolling })
 */
export const listenForMoves = ({ onMove, ...options }: MoveOptions): Listening =>
  listen(
    'airlock_uploads',
    (payload) => {
      const [uploadId = '', state = ''] = payload.split(':')
      if (isState(state)) onMove(uploadId, state)
      else options.log.warn({ payload }, 'somebody else notifies on airlock_uploads')
    },
    options,
  )

const isState = (value: string): value is UploadState => (uploadStates as readonly string[]).includes(value)
