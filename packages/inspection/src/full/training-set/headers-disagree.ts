import { ArchiveNotAllowed, quoted } from '../bad-bytes.ts'

/** What an archive says of an entry in one place is not what it says in another. */
export class HeadersDisagree extends ArchiveNotAllowed {
  constructor(entry: string) {
    super(`its directory and the entry ${quoted(entry)} itself say different things`)
  }
}
