import type { DeclaredOrigin } from '@airlock/domain'
import { type CorpusFile, good, original } from '../corpus-file.ts'
import { app, exif, exifWith, withSegments, xmp, xmpPacket } from '../surgery/jpeg.ts'
import { box } from '../surgery/mp4.ts'
import { before, internationalText, text } from '../surgery/png.ts'
import { chunk, chunksOf, extendedHeader, webpOf } from '../surgery/webp.ts'
import { comfy } from './generators.ts'

interface DeclaredRow {
  readonly file: string
  readonly why: string
  readonly make: () => Buffer
  /** What the file says about its origin without a signature; null if it says nothing. */
  readonly declared: DeclaredOrigin | null
}

const photo = () => original('im-baseline.jpg')
const png = () => original('ff-rgb24.png')
const says = (digitalSourceType: string | null, ai: boolean | null, generator: string | null = null): DeclaredOrigin => ({
  generator,
  digital_source_type: digitalSourceType,
  ai_generated: ai,
})
const trained = says('trainedAlgorithmicMedia', true)

const vocabulary = 'http://cv.iptc.org/newscodes/digitalsourcetype/'
const extension = (prefix = 'Iptc4xmpExt') => `xmlns:${prefix}="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"`
const attribute = (term: string, more = '') => xmpPacket(`${extension()} Iptc4xmpExt:DigitalSourceType="${vocabulary}${term}" ${more}`)
const element = (inside: string) => xmpPacket(extension(), inside)
const jpegWith = (packet: string) => withSegments(photo(), xmp(packet))

/** A dataset of IPTC-IIM: record 2, its number, its length, its text. */
const dataset = (number: number, words: string): Buffer =>
  Buffer.concat([Buffer.from([0x1c, 2, number, 0, words.length]), Buffer.from(words)])

/** Datasets in the resource of Photoshop that holds them. */
function iim(...datasets: Buffer[]): Buffer {
  const all = Buffer.concat(datasets)
  const head = Buffer.from('Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\0', 'latin1')
  head.writeUInt32BE(all.length, head.length - 4)
  return app(13, Buffer.concat([head, all, Buffer.alloc(all.length % 2)]))
}

/** Statements of origin that anyone can write: IPTC's property in XMP, and what programs say about themselves. */
export const declaredRows: readonly DeclaredRow[] = [
  {
    file: 'source-type.jpg',
    why: "XMP's DigitalSourceType as an attribute, in a JPEG",
    make: () => jpegWith(attribute('trainedAlgorithmicMedia')),
    declared: trained,
  },
  {
    file: 'source-type.png',
    why: "XMP's DigitalSourceType in an international text of a PNG",
    make: () => before(png(), 'IDAT', internationalText('XML:com.adobe.xmp', attribute('trainedAlgorithmicMedia'))),
    declared: trained,
  },
  {
    file: 'source-type-packed.png',
    why: "XMP's DigitalSourceType in a compressed text of a PNG",
    make: () => before(png(), 'IDAT', internationalText('XML:com.adobe.xmp', attribute('trainedAlgorithmicMedia'), true)),
    declared: trained,
  },
  {
    file: 'source-type.webp',
    why: "XMP's DigitalSourceType in a chunk of a WebP",
    make: () =>
      webpOf([
        extendedHeader(64, 48, 0x04),
        ...chunksOf(original('cwebp-lossy.webp')),
        chunk('XMP ', attribute('trainedAlgorithmicMedia')),
      ]),
    declared: trained,
  },
  {
    file: 'source-type.mp4',
    why: "XMP's DigitalSourceType in a uuid box of an MP4",
    make: () =>
      Buffer.concat([
        original('ff-avc.mp4'),
        box('uuid', Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex'), attribute('trainedAlgorithmicMedia')),
      ]),
    declared: trained,
  },
  {
    file: 'source-type-element.jpg',
    why: 'DigitalSourceType as an element with a text',
    make: () => jpegWith(element(`<Iptc4xmpExt:DigitalSourceType>${vocabulary}algorithmicMedia</Iptc4xmpExt:DigitalSourceType>`)),
    declared: says('algorithmicMedia', null),
  },
  {
    file: 'source-type-resource.jpg',
    why: 'DigitalSourceType as an element with a resource',
    make: () => jpegWith(element(`<Iptc4xmpExt:DigitalSourceType rdf:resource="${vocabulary}compositeWithTrainedAlgorithmicMedia"/>`)),
    declared: says('compositeWithTrainedAlgorithmicMedia', true),
  },
  {
    file: 'source-type-prefix.jpg',
    why: 'DigitalSourceType with another prefix of its namespace, and https',
    make: () =>
      jpegWith(
        xmpPacket(`${extension('e')} e:DigitalSourceType="https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"`),
      ),
    declared: trained,
  },
  {
    file: 'source-type-camera.jpg',
    why: 'DigitalSourceType of a camera',
    make: () => jpegWith(attribute('digitalCapture')),
    declared: says('digitalCapture', false),
  },
  {
    file: 'source-type-in-a-caption.jpg',
    why: 'a caption about DigitalSourceType, which states nothing',
    make: () =>
      jpegWith(
        xmpPacket(
          '',
          '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">Set DigitalSourceType to trainedAlgorithmicMedia</rdf:li></rdf:Alt></dc:description>',
        ),
      ),
    declared: null,
  },
  {
    file: 'made-with-google-ai.jpg',
    why: "Google's credit beside DigitalSourceType",
    make: () =>
      jpegWith(
        attribute('trainedAlgorithmicMedia', 'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Credit="Made with Google AI"'),
      ),
    declared: trained,
  },
  {
    file: 'firefly.jpg',
    why: "Adobe Firefly as XMP's program",
    make: () => jpegWith(xmpPacket('xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Adobe Firefly"')),
    declared: says(null, true, 'Adobe Firefly'),
  },
  {
    file: 'comfyui.jpg',
    why: "ComfyUI's graph as make in the EXIF of a JPEG",
    make: () => withSegments(photo(), exif(exifWith(0x010f, `workflow:${comfy('a castle on a cliff').workflow}\0`))),
    declared: says(null, true, 'ComfyUI'),
  },
  {
    file: 'novelai.png',
    why: "NovelAI's program and parameters in texts",
    make: () =>
      before(
        png(),
        'IDAT',
        text('Title', 'NovelAI generated image'),
        text('Software', 'NovelAI'),
        text('Source', 'NovelAI Diffusion V4 37442FCA'),
        text('Comment', JSON.stringify({ prompt: 'a castle', steps: 28, sampler: 'k_euler', seed: 1234, uc: 'lowres' })),
      ),
    declared: says(null, true, 'NovelAI'),
  },
  {
    file: 'iptc-iim.jpg',
    why: 'IPTC-IIM: it has no dataset for the type of source, and a caption states nothing',
    make: () =>
      withSegments(
        photo(),
        iim(dataset(5, 'A castle'), dataset(65, 'Example Editor'), dataset(120, 'digitalSourceType: trainedAlgorithmicMedia')),
      ),
    declared: null,
  },
]

export const declaredFiles: readonly CorpusFile[] = declaredRows.map(({ file, why, make }) => good(file, why, make))
