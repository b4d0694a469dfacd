import { CreateUsers1795478400000 } from './1795478400000-create-users.ts'
import { CreateUploads1795478400001 } from './1795478400001-create-uploads.ts'
import { GuardUploadMoves1795478400002 } from './1795478400002-guard-upload-moves.ts'
import { RegisterUpload1795478400003 } from './1795478400003-register-upload.ts'
import { CreateAssets1795478400004 } from './1795478400004-create-assets.ts'

/** Every step of the schema, oldest first. A step that has landed is never edited: what it got wrong, the next one puts right. */
export const migrations = [
  CreateUsers1795478400000,
  CreateUploads1795478400001,
  GuardUploadMoves1795478400002,
  RegisterUpload1795478400003,
  CreateAssets1795478400004,
]
