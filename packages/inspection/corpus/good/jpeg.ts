import sharp from 'sharp'
import { type CorpusFile, good, original } from '../corpus-file.ts'
import { anyLetters, colourProfile } from '../surgery/colour-profile.ts'
import {
  app,
  canonData,
  comment,
  edited,
  exif,
  exifWith,
  multiPicture,
  patched,
  samsungTrailer,
  segment,
  takeApart,
  withSegments,
  xmp,
  xmpPacket,
} from '../surgery/jpeg.ts'
import { randomBytes } from '../surgery/payloads.ts'

const photo = () => original('im-baseline.jpg')
const film = () => original('ff-avc.mp4')
const noise = (width = 64, height = 48) =>
  sharp({ create: { width, height, channels: 3, background: '#808080', noise: { type: 'gaussian', mean: 128, sigma: 30 } } })
const zeros = (count: number) => Buffer.concat([photo(), Buffer.alloc(count)])
const isApp = (marker: number) => marker >= 0xe0 && marker <= 0xef

const motion = (attributes: string) => Buffer.concat([withSegments(photo(), xmp(xmpPacket(attributes))), film()])
const directory = `<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="999"/></rdf:li></rdf:Seq></Container:Directory>`

const encoders: readonly CorpusFile[] = [
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((orientation) =>
    good(`orientation-${orientation}.jpg`, `libvips, to be turned by ${orientation} of EXIF's eight ways`, () =>
      noise().withMetadata({ orientation }).jpeg().toBuffer(),
    ),
  ),
  good('mozjpeg.jpg', 'mozjpeg: trellis, many scans', () => noise().jpeg({ mozjpeg: true }).toBuffer()),
  good('vips-444-progressive.jpg', 'libvips, progressive, colours at full size', () =>
    noise().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
  ),
  good('vips-grey-progressive.jpg', 'libvips, grey and progressive', () =>
    noise().toColourspace('b-w').jpeg({ progressive: true }).toBuffer(),
  ),
  good('vips-p3.jpg', 'libvips, with the profile of wide-gamut phones', () => noise().withIccProfile('p3').jpeg().toBuffer()),
  good('vips-cmyk.jpg', 'libvips, CMYK with its profile of 500 KiB in several segments', () =>
    noise().withIccProfile('cmyk').toColourspace('cmyk').jpeg().toBuffer(),
  ),
  good('one-pixel.jpg', 'one pixel', () => noise(1, 1).jpeg().toBuffer()),
  good('panorama.jpg', 'as wide as JPEG allows, one pixel high', () => noise(65_500, 1).jpeg().toBuffer()),
  good('photo-sized.jpg', 'six megapixels', () => noise(3000, 2000).jpeg({ quality: 40 }).toBuffer()),
  good('gps-by-vips.jpg', 'libvips, EXIF with a GPS position', () =>
    noise()
      .withExif({ IFD0: { Make: 'Airlock' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '52/1 25/1 48/1' } })
      .jpeg()
      .toBuffer(),
  ),
]

const behind: readonly CorpusFile[] = [
  good('padded-1.jpg', 'one zero after its end', () => zeros(1)),
  good('padded-4096.jpg', 'zeros to the end of a block, as cameras write to their cards', () => zeros(4096)),
  good('padded-much.jpg', 'a quarter MiB of zeros', () => zeros(262_144)),
  good('line-end.jpg', 'a line end after it, as text tools leave', () => Buffer.concat([photo(), Buffer.from('\r\n')])),
  good('mpf-two.jpg', 'two pictures in one file by CIPA DC-007: photo and preview', () =>
    multiPicture(photo(), [original('turbo-baseline.jpg')]),
  ),
  good('mpf-three.jpg', 'three pictures in one file', () =>
    multiPicture(photo(), [original('im-grey.jpg'), original('turbo-progressive.jpg')]),
  ),
  good('mpf-padded.jpg', 'two pictures with zeros between and after', () =>
    Buffer.concat([multiPicture(photo(), [original('im-444.jpg')], 512), Buffer.alloc(700)]),
  ),
  good('mpf-left-over.jpg', 'a list of pictures whose second picture an editor dropped', () => {
    const whole = multiPicture(photo(), [original('im-444.jpg')])
    return whole.subarray(0, whole.length - original('im-444.jpg').length)
  }),
  good('ultra-hdr.jpg', 'a gain map after its end, declared by a directory in XMP', () =>
    Buffer.concat([withSegments(photo(), xmp(xmpPacket('Container:Version="1"', directory))), original('im-grey.jpg')]),
  ),
  good('motion-photo.jpg', "a video after its end: Google's motion photo", () =>
    motion('GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"'),
  ),
  good('micro-video.jpg', "a video after its end: Google's former format", () =>
    motion('GCamera:MicroVideo="1" GCamera:MicroVideoOffset="5000"'),
  ),
  good('motion-photo-elements.jpg', 'a motion photo whose XMP has elements, not attributes', () =>
    Buffer.concat([withSegments(photo(), xmp(xmpPacket('', '<GCamera:MotionPhoto>1</GCamera:MotionPhoto>'))), film()]),
  ),
  good('motion-photo-padded.jpg', 'a motion photo with zeros after the video', () =>
    Buffer.concat([motion('GCamera:MotionPhoto="1"'), Buffer.alloc(64)]),
  ),
  good('motion-photo-fragments.jpg', 'a motion photo whose video comes in fragments', () =>
    Buffer.concat([withSegments(photo(), xmp(xmpPacket('GCamera:MotionPhoto="1"'))), original('ff-fragments.mp4')]),
  ),
  good('samsung-motion.jpg', "a video in Samsung's trailer, no XMP", () =>
    Buffer.concat([
      photo(),
      samsungTrailer([
        { name: 'Image_UTC_Data', data: Buffer.from('1714810272000') },
        { name: 'MotionPhoto_Data', data: film() },
      ]),
    ]),
  ),
  good('samsung-time.jpg', "only the time in Samsung's trailer", () =>
    Buffer.concat([photo(), samsungTrailer([{ name: 'Image_UTC_Data', data: Buffer.from('1714810272000') }])]),
  ),
  good('samsung-and-google.jpg', "Google's motion photo with Samsung's trailer after the video", () =>
    Buffer.concat([motion('GCamera:MotionPhoto="1"'), samsungTrailer([{ name: 'MotionPhoto_Version', data: Buffer.from('mpv2') }])]),
  ),
  good('canon-recipe.jpg', "Canon's settings for developing it", () => Buffer.concat([photo(), canonData(300)])),
]

const layouts: readonly CorpusFile[] = [
  good('no-jfif.jpg', 'no application segment at all', () => edited(photo(), (each) => (isApp(each.marker) ? null : each))),
  good('exif-first.jpg', 'EXIF before JFIF, as phones write', () => withSegments(photo(), exif(exifWith(0x010f, 'Phone\0')))),
  good('filled-markers.jpg', 'fill bytes before markers, which the standard allows', () => {
    const bytes = photo()
    const at = bytes.indexOf(Buffer.from([0xff, 0xdb]))
    return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(5, 0xff), bytes.subarray(at)])
  }),
  good('empty-comment.jpg', 'an empty comment and a long one', () => withSegments(photo(), comment(''), comment('x'.repeat(65_533)))),
  good('empty-huffman.jpg', 'a Huffman segment without a table, which decoders skip', () => withSegments(photo(), segment(0xc4, ''))),
  good('equal-components.jpg', 'colour components of one id, in the order of the frame', () => {
    const ids = patched(photo(), 0xc0, (body) => {
      for (const at of [6, 9, 12]) body.writeUInt8(1, at)
    })
    const scan = ids.indexOf(Buffer.from([0xff, 0xda]))
    for (const at of [5, 7, 9]) ids.writeUInt8(1, scan + at)
    return ids
  }),
  good('two-strays.jpg', 'two zeros after EXIF that belong to nothing, as a signer of content credentials leaves them', () => {
    const { segments, rest } = takeApart(withSegments(photo(), exif(exifWith(0x010f, 'Phone\0'))))
    const [first, ...others] = segments.map(({ marker, body }) => segment(marker, body))
    return Buffer.concat([Buffer.from('ffd8', 'hex'), first ?? Buffer.alloc(0), Buffer.alloc(2), ...others, rest])
  }),
  good('profile-of-any-letters.jpg', 'a CMYK profile whose table of colours has bytes that read as code', () =>
    withSegments(photo(), app(2, Buffer.concat([Buffer.from('ICC_PROFILE\0\x01\x01', 'latin1'), colourProfile('CMYK', anyLetters())]))),
  ),
  good('no-restarts.jpg', 'a restart interval of 0', () => withSegments(photo(), segment(0xdd, Buffer.alloc(2)))),
  good('tables-together.jpg', 'all quantization tables in one segment', () => {
    const tables = Buffer.concat(tablesOf(original('im-odd-size.jpg')))
    let done = false
    return edited(original('im-odd-size.jpg'), (each) => {
      if (each.marker !== 0xdb) return each
      if (done) return null
      done = true
      return { marker: 0xdb, body: tables }
    })
  }),
  good('unknown-segments.jpg', 'segments of unknown manufacturers', () =>
    withSegments(photo(), app(5, randomBytes(400)), app(10, 'Maker\0x'), app(11, randomBytes(3000))),
  ),
  good('maker-note.jpg', "60 KiB of a maker's own binary data in EXIF", () =>
    withSegments(photo(), exif(exifWith(0x927c, randomBytes(60_000, 5), 7))),
  ),
  good('thumbnail-in-maker-data.jpg', "a JPEG in a maker's segment", () =>
    withSegments(photo(), app(6, Buffer.concat([Buffer.from('MKR\0'), original('im-worst-quality.jpg')]))),
  ),
  good('photoshop-printing.jpg', 'printing settings with a document type, as Photoshop keeps them', () =>
    withSegments(
      photo(),
      app(
        13,
        `Photoshop 3.0\x008BIM\x04\x25\0\0\0\0\x02\0<?xml version="1.0"?><!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd"><plist version="1.0"><dict/></plist>`,
      ),
    ),
  ),
  good('broken-exif.jpg', 'EXIF whose directory is out of bounds, which programs ignore', () =>
    withSegments(photo(), exif(Buffer.from('MM\0*\xff\xff\xff\xf0\0\0', 'latin1'))),
  ),
  good('empty-exif.jpg', 'an EXIF segment with nothing in it', () => withSegments(photo(), exif(Buffer.alloc(0)))),
  good('long-xmp.jpg', 'XMP in extension segments', () =>
    withSegments(
      photo(),
      xmp(xmpPacket('xmlns:xmpNote="http://ns.adobe.com/xmp/note/"')),
      app(1, `http://ns.adobe.com/xmp/extension/\0${'A'.repeat(32)}\0\0\0\0\0\0\0\0<x:xmpmeta/>`),
    ),
  ),
]

function tablesOf(jpeg: Buffer): Buffer[] {
  const tables: Buffer[] = []
  edited(jpeg, (each) => {
    if (each.marker === 0xdb) tables.push(each.body)
    return each
  })
  return tables
}

/** Captions that people write. */
const captions: readonly (readonly [name: string, why: string, text: string])[] = [
  ['script', 'the word script', 'Handwritten script, final version. javascript, vbscript and php are languages.'],
  ['title', 'the title of a book with a colon', 'Cover of "JavaScript: The Good Parts" (2008), JavaScript: basics'],
  [
    'markup',
    'harmless markup',
    'A <b>bold</b> and <i lang="en">slanted</i> caption<br/> with <a href="https://example.org/?on=1&off=2">a link</a>',
  ],
  ['arithmetic', 'signs of arithmetic', 'if a < b and c > d then 5 <% of 7>, x<-y, 1<2>1, <3'],
  ['handler', 'words that event handlers are called', 'onload = the crane; onerror=retry; "online = yes"'],
  ['php-name', 'names of files', 'see index.php, page.asp?id=5, run.sh, a.jar, %PDF and MZ and PK and ELF'],
  ['shell', 'a command that is no script', 'convert in.png -resize 50% out.jpg # made with bash, /bin/sh'],
  ['quoted-title', 'the title of a book in quotes', 'Cover of JavaScript: "The Good Parts", by D. C. (2008); JavaScript: (re)introduced'],
  [
    'tags',
    'tags as words',
    'a neon sign that says <script>, an <object> on a table, <svg> style, <embed>, an <html> page, (glow:1.2), [a|b]',
  ],
  ['tags-left-open', 'a tag at the end', 'a wall with graffiti: <script'],
  ['prompt-of-a-book', 'a prompt with a title', 'book cover, title text "JavaScript: \\"The Good Parts\\"", isometric, <object:1.2>'],
  ['page-head', 'the names of heads', 'a poster of the letters %PDF-1.7 and <!DOCTYPE html>, GIF89a'],
  [
    'page-tags',
    "the names of a page's tags",
    'a website with <html> and <head> tags drawn on a wall, <!DOCTYPE html> above a <title> and a <body>',
  ],
  ['php-echo-tag', "PHP's short tag", 'a mug that says <?= in green letters'],
  ['php-tag', "PHP's opening tag", 'a mug that says <?php in green letters, "<?php" on a shirt, a <?php tag. Neon lights, <?php'],
  [
    'php-tag-words',
    "PHP's opening tag in a sentence of another language",
    'Tasse mit <?php überall drauf, ein <?php Schild und ein <?php, nachts',
  ],
  ['url', 'addresses', 'https://example.org/javascript:void/ data:image/png;base64,iVBORw0KGgo='],
  ['prompt', 'a prompt of an image generator', 'masterpiece, <lora:film_grain:0.8>, (sharp:1.2), [a|b], {c}, $lighting, <embedding>'],
  ['quotes', 'letters and quotes of many languages', '“Grüße” «привет» 「写真」 — ¿qué? <3 <- -> <=>'],
]

const inCaptions = captions.map(([name, why, text]) =>
  good(`caption-${name}.jpg`, `in a comment: ${why}`, () => withSegments(photo(), comment(text))),
)
const inXmp = captions.map(([name, why, text]) =>
  good(`xmp-${name}.jpg`, `in XMP, escaped: ${why}`, () =>
    withSegments(
      photo(),
      xmp(xmpPacket('', `<dc:description><rdf:Alt><rdf:li xml:lang="x-default">${escaped(text)}</rdf:li></rdf:Alt></dc:description>`)),
    ),
  ),
)

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

export const goodJpegs: readonly CorpusFile[] = [...encoders, ...behind, ...layouts, ...inCaptions, ...inXmp]
