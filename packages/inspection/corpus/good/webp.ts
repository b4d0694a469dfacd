import sharp from 'sharp'
import { type CorpusFile, good, original } from '../corpus-file.ts'
import { exifWith, xmpPacket } from '../surgery/jpeg.ts'
import { randomBytes } from '../surgery/payloads.ts'
import { chunk, chunksOf, extendedHeader, webpOf, withChunks } from '../surgery/webp.ts'

const lossy = () => original('cwebp-lossy.webp')
const noise = () =>
  sharp({ create: { width: 50, height: 40, channels: 3, background: '#808080', noise: { type: 'gaussian', mean: 128, sigma: 30 } } })

export const goodWebps: readonly CorpusFile[] = [
  good('vips.webp', 'libvips, lossy', () => noise().webp().toBuffer()),
  good('vips-lossless.webp', 'libvips, lossless', () => noise().webp({ lossless: true }).toBuffer()),
  good('vips-best.webp', 'libvips, slowest, smart colours', () =>
    noise().webp({ effort: 6, smartSubsample: true, quality: 95 }).toBuffer(),
  ),
  good('vips-profile.webp', 'libvips, with a profile', () => noise().withIccProfile('p3').webp().toBuffer()),
  good('vips-turned.webp', 'libvips, with an orientation', () => noise().withMetadata({ orientation: 6 }).webp().toBuffer()),
  good('one-pixel.webp', 'a WebP of one pixel', () => noise().resize(1, 1).webp().toBuffer()),
  good('unknown-chunks.webp', 'unknown chunks, one of odd length', () =>
    webpOf([extendedHeader(64, 48), ...chunksOf(lossy()), chunk('ABCD', randomBytes(33)), chunk('C2PA', randomBytes(300))]),
  ),
  good('late-metadata.webp', 'XMP before EXIF', () =>
    webpOf([
      extendedHeader(64, 48, 0x0c),
      ...chunksOf(lossy()),
      chunk('XMP ', xmpPacket('dc:format="image/webp"')),
      chunk('EXIF', exifWith(0x010f, 'Phone\0')),
    ]),
  ),
  good('misspelt-xmp.webp', 'XMP whose name ends with a NUL, as some editors write it', () =>
    webpOf([extendedHeader(64, 48, 0x04), ...chunksOf(lossy()), chunk('XMP\0', xmpPacket('dc:format="image/webp"'))]),
  ),
  good('exif-like-jpeg.webp', "EXIF with JPEG's identifier in front, as some editors write", () =>
    webpOf([
      extendedHeader(64, 48, 0x08),
      ...chunksOf(lossy()),
      chunk('EXIF', Buffer.concat([Buffer.from('Exif\0\0'), exifWith(0x0131, 'Editor\0')])),
    ]),
  ),
  good('extended-for-nothing.webp', 'the extended format without extensions', () => webpOf([extendedHeader(64, 48), ...chunksOf(lossy())])),
  good('alpha-said-not-there.webp', 'the header declares transparency that is missing', () =>
    webpOf([extendedHeader(64, 48, 0x10), ...chunksOf(lossy())]),
  ),
  good('simple-with-more.webp', 'the simple format with a second chunk', () =>
    withChunks(lossy(), chunk('EXIF', exifWith(0x0131, 'Editor\0'))),
  ),
  good('padded.webp', 'zeros after the length in the RIFF header', () => Buffer.concat([lossy(), Buffer.alloc(512)])),
  good('still-animation.webp', 'an animation of one frame', async () =>
    webpOf(
      chunksOf(
        await sharp([await noise().png().toBuffer(), await noise().negate().png().toBuffer()], { join: { animated: true } })
          .webp({ delay: [100, 100] })
          .toBuffer(),
      ).filter(({ type }, i, all) => type !== 'ANMF' || all.findIndex((each) => each.type === 'ANMF') === i),
    ),
  ),
  good('many-frames.webp', 'forty frames', async () =>
    sharp(
      await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          noise()
            .resize(16, 16)
            .modulate({ hue: i * 9 })
            .png()
            .toBuffer(),
        ),
      ),
      { join: { animated: true } },
    )
      .webp({ delay: 40, loop: 0 })
      .toBuffer(),
  ),
]
