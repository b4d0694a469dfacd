import { oneOf, optional, variable, wholeNumber } from './parsers.ts'
import { trustList } from './trust-list.ts'

const provenancePolicy = (kind: string) =>
  variable({
    about: `content credentials (C2PA) that a ${kind} needs: report = none, require = some that can be read, strict = trusted ones, which needs C2PA_TRUST_FILE`,
    parse: oneOf('report', 'require', 'strict'),
    default: 'report',
  })

/** The settings of inspection, except for the sizes of files. */
export const inspectionVariables = {
  MAX_IMAGE_PIXELS: variable({
    about: 'maximum number of pixels of a picture, all frames together; checked in its header before decoding',
    parse: wholeNumber(1, 1_000_000_000),
    default: '100000000',
  }),
  INSPECT_PICTURE_SECONDS: variable({
    about:
      'wall-clock limit for inspecting a picture; beyond it the machine is considered too slow, and the picture is inspected again later',
    parse: wholeNumber(1, 3600),
    default: '60',
  }),
  INSPECT_VIDEO_SECONDS: variable({ about: 'the same limit for a video', parse: wholeNumber(1, 3600), default: '120' }),
  INSPECT_ARCHIVE_SECONDS: variable({
    about: 'the same limit for an archive, per entry',
    parse: wholeNumber(1, 3600),
    default: '120',
  }),
  INSPECT_PICTURE_CPU_SECONDS: variable({
    about: 'CPU-time limit for inspecting a picture; beyond it the file is considered too complex. Less than INSPECT_PICTURE_SECONDS',
    parse: wholeNumber(1, 3600),
    default: '20',
  }),
  INSPECT_VIDEO_CPU_SECONDS: variable({
    about: 'the same limit for a video; less than INSPECT_VIDEO_SECONDS',
    parse: wholeNumber(1, 3600),
    default: '30',
  }),
  INSPECT_ARCHIVE_CPU_SECONDS: variable({
    about: 'the same limit for an archive, per entry; less than INSPECT_ARCHIVE_SECONDS',
    parse: wholeNumber(1, 3600),
    default: '30',
  }),
  INSPECT_MEMORY_MIB: variable({
    about: 'memory limit of one inspector process, in MiB; a picture of 100 megapixels needs up to 924',
    parse: wholeNumber(150, 65_536),
    default: '1024',
  }),
  PROVENANCE_POLICY_BRAND_IMAGE: provenancePolicy('brand_image'),
  PROVENANCE_POLICY_GENERATED_VIDEO: provenancePolicy('generated_video'),
  C2PA_TRUST_FILE: variable({
    about: 'path of a list of certificates (PEM) whose content credentials are trusted; empty = nobody is trusted',
    parse: optional(trustList),
    default: '',
  }),
} as const
