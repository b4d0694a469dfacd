import { variable, wholeNumber } from './parsers.ts'

const MiB = 1024 * 1024

/** The settings of uploads that go straight to the bucket. */
export const directVariables = {
  DIRECT_UPLOAD_MAX_SECONDS: variable({
    about:
      'time in which a direct upload must be completed; at most 2 days, after which the rule that `ops bucket` sets aborts incomplete uploads',
    parse: wholeNumber(10, 172_800),
    default: '86400',
  }),
  DIRECT_UPLOADS_PER_USER: variable({
    about: 'direct uploads that one user may have open at once; 0 = none',
    parse: wholeNumber(0, 100_000),
    default: '100',
  }),
  DIRECT_BYTES_PER_USER: variable({
    about: 'maximum bytes of the open direct uploads of one user, as declared',
    parse: wholeNumber(1, 1_000_000 * MiB),
    default: String(64 * 1024 * MiB),
  }),
  DIRECT_PUT_MAX_BYTES: variable({
    about: 'direct uploads up to this size are sent in one PUT, if the store enforces If-None-Match on it; 0 = none, all are sent in parts',
    parse: wholeNumber(0, 5 * 1024 * MiB),
    default: String(16 * MiB),
  }),
  DIRECT_PART_BYTES: variable({
    about: 'size of the parts of direct uploads, at least 5 MiB; larger for files of more than 10,000 parts',
    parse: wholeNumber(5 * MiB, 5 * 1024 * MiB),
    default: String(16 * MiB),
  }),
  DIRECT_URL_SECONDS: variable({
    about: 'validity of the URL of a direct upload or one of its parts; the store checks it when a request begins',
    parse: wholeNumber(10, 3600),
    default: '900',
  }),
} as const
