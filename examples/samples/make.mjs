// Generates the sample files in this folder: `node examples/samples/make.mjs`. Needs ffmpeg (with libx264 and aac), zip and Python on the PATH.
// The generated files are in the repository; run this only to change them.
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'

const here = new URL('./', import.meta.url)
const good = new URL('good/', here)
const bad = new URL('bad/', here)
const run = promisify(execFile)

/** A small landscape: sky, sun, hills and water, with the grain of a camera. */
async function landscape(width, height, [sky, glow, hill, water]) {
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200" width="${width}" height="${height}" preserveAspectRatio="none">
    <defs><linearGradient id="sky" x2="0" y2="1"><stop stop-color="${sky}"/><stop offset=".7" stop-color="${glow}"/></linearGradient></defs>
    <rect width="300" height="200" fill="url(#sky)"/>
    <circle cx="210" cy="92" r="22" fill="#fff6d8"/>
    <path d="M0 130 Q60 70 120 120 T240 105 T300 125 V200 H0Z" fill="${hill}"/>
    <path d="M0 150 Q75 142 150 150 T300 150 V200 H0Z" fill="${water}"/>
    <path d="M96 150 l10 -34 l10 34Z M102 150 h26 l-5 8 h-16Z" fill="#fffdf5"/>
  </svg>`
  const grain = { create: { width, height, channels: 3, background: '#808080', noise: { type: 'gaussian', mean: 128, sigma: 10 } } }
  return sharp(
    await sharp(Buffer.from(drawing))
      .composite([{ input: await sharp(grain).png().toBuffer(), blend: 'soft-light' }])
      .png()
      .toBuffer(),
  )
}

/** A lighthouse at night; with a moon if it was edited. */
const lighthouse = (edited) =>
  sharp(
    Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200" width="900" height="600">
      <defs><linearGradient id="night" x2="0" y2="1"><stop stop-color="#0b1437"/><stop offset=".75" stop-color="#4b5d9a"/><stop offset="1" stop-color="#e9a178"/></linearGradient>
      <linearGradient id="beam"><stop stop-color="#fff3c4" stop-opacity=".9"/><stop offset="1" stop-color="#fff3c4" stop-opacity="0"/></linearGradient></defs>
      <rect width="300" height="200" fill="url(#night)"/>
      <g fill="#fff">${Array.from({ length: 60 }, (_, i) => `<circle cx="${(i * 79) % 300}" cy="${(i * 37) % 110}" r="${0.3 + (i % 4) / 5}"/>`).join('')}</g>
      ${edited ? '<circle cx="245" cy="40" r="20" fill="#f5f0dc"/>' : ''}
      <path d="M86 66 L300 20 V104Z" fill="url(#beam)"/>
      <path d="M0 150 Q60 118 130 150Z" fill="#1c2541"/>
      <path d="M70 140 L76 72 H92 L98 140Z" fill="#f4f1ea"/><path d="M73 106 H95 L96 120 H72Z M75 84 H93 L94 94 H74Z" fill="#c8453b"/>
      <path d="M75 72 V62 H93 V72Z" fill="#ffe38a"/><path d="M73 62 L84 52 L95 62Z" fill="#c8453b"/>
      <path d="M0 148 Q75 141 150 149 T300 147 V200 H0Z" fill="#16305c"/>
      <g stroke="#e8c58f" stroke-opacity=".5">${Array.from({ length: 14 }, (_, i) => `<path d="M${90 + i * 13} ${154 + (i % 5) * 8} h${26 - i}"/>`).join('')}</g>
    </svg>`),
  ).jpeg({ quality: 82 })

/**
 * A generated picture with content credentials, and another picture with the credentials of the first. The root goes to `examples/trust`. Needs a
 * Python with c2pa-python and cryptography, which signs with a new key each time.
 */
async function signedPictures() {
  const signed = path(good, 'Lighthouse by AI.jpg')
  await lighthouse(false).toFile(signed)
  await run('python3', [path(here, 'sign.py'), signed, path(new URL('../trust/', here), 'sample-root.pem')])
  const credentials = segmentsOf(await readFile(signed)).filter((segment) => segment[1] === 0xeb)
  const edited = await lighthouse(true).toBuffer()
  await writeFile(path(good, 'Lighthouse, edited.jpg'), Buffer.concat([edited.subarray(0, 2), ...credentials, edited.subarray(2)]))
}

/** The segments of a JPEG before its first scan: complete ones, each of which starts with 0xff and its marker. */
function segmentsOf(jpeg) {
  const segments = []
  for (let at = 2; jpeg[at + 1] !== 0xda; at += 2 + jpeg.readUInt16BE(at + 2)) {
    segments.push(jpeg.subarray(at, at + 2 + jpeg.readUInt16BE(at + 2)))
  }
  return segments
}

/** A badge on a transparent background, rotated by this many degrees. */
const badge = (side, degrees = 0) =>
  sharp(
    Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="-50 -50 100 100" width="${side}" height="${side}">
      <g transform="rotate(${degrees})"><path d="M0-44 L38-22 V22 L0 44 L-38 22 V-22Z" fill="#12355b"/>
      <path d="M0-26 L22 18 H-22Z" fill="#f2c14e"/></g></svg>`),
  )

const dusk = ['#27346b', '#f28f5b', '#2b2d42', '#3d5a80']
const noon = ['#2f80c2', '#dff3ff', '#3f7d4e', '#2a9fb5']

async function pictures() {
  await (await landscape(1200, 800, dusk))
    .jpeg({ quality: 78, progressive: true })
    .withExif({ IFD0: { Make: 'Airlock', Model: 'Sample', Copyright: 'CC0' } })
    .toFile(path(good, 'Harbour at dusk.jpg'))
  // like a phone: pixels in the sensor's orientation, and EXIF to rotate them
  await (await landscape(900, 675, noon)).jpeg({ quality: 80 }).withMetadata({ orientation: 6 }).toFile(path(good, 'IMG_4211.JPG'))
  await (await landscape(800, 600, noon)).jpeg({ quality: 82 }).toFile(path(good, 'Sommer – Grüße vom Müggelsee.jpeg'))
  await badge(512).png().toFile(path(good, 'logo.png'))
  await badge(256).png({ palette: true, progressive: true }).toFile(path(good, 'logo small (2).png'))
  await (await landscape(1000, 667, dusk)).webp({ quality: 75 }).toFile(path(good, 'poster.webp'))
  const frames = await Promise.all([0, 15, 30, 45].map((degrees) => badge(160, degrees).png().toBuffer()))
  await sharp(frames, { join: { animated: true } })
    .webp({ loop: 0, delay: [120, 120, 120, 120] })
    .toFile(path(good, 'spinning badge.webp'))
}

const ffmpeg = (...args) => run('ffmpeg', ['-v', 'error', '-y', ...args])
const film = (seconds, size) => [
  '-f',
  'lavfi',
  '-i',
  `mandelbrot=size=${size}:rate=24`,
  '-f',
  'lavfi',
  '-i',
  'sine=frequency=330',
  '-t',
  String(seconds),
]
const h264 = ['-c:v', 'libx264', '-crf', '30', '-pix_fmt', 'yuv420p', '-threads', '1', '-bitexact']
const aac = ['-c:a', 'aac', '-b:a', '48k']

async function videos() {
  await ffmpeg(...film(3, '480x270'), ...h264, ...aac, '-movflags', '+faststart', path(good, 'scene-01.mp4'))
  await ffmpeg(...film(2, '360x640'), ...h264, ...aac, path(good, 'Final cut v2.mp4'))
  await ffmpeg(
    ...film(2, '320x180'),
    ...h264,
    '-an',
    '-g',
    '12',
    '-movflags',
    '+frag_keyframe+empty_moov+default_base_moof',
    path(good, 'scene-02-stream.mp4'),
  )
}

/** Three pictures, two of them with a caption. */
async function trainingSet() {
  const folder = new URL('boats/', good)
  await mkdir(folder)
  for (const [i, colours] of [dusk, noon, dusk].entries()) {
    await (await landscape(320, 240, colours)).jpeg({ quality: 70 }).toFile(path(folder, `boat-${i + 1}.jpg`))
  }
  await writeFile(new URL('boat-1.txt', folder), 'a sailing boat at dusk, calm water\n')
  await writeFile(new URL('boat-2.json', folder), '{"caption": "a sailing boat at noon"}\n')
  await run('zip', ['-q', '-X', '-r', '../boats.zip', '.'], { cwd: path(good, 'boats') })
  await rm(folder, { recursive: true })
}

/** A chunk of a PNG. */
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data])
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  checksum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, checksum])
}

/** A black square with one bit per pixel: a valid, small file with more pixels than a decoder should accept. */
function bomb(side) {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header[8] = 1
  const rows = Buffer.alloc((side / 8 + 1) * side)
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** Inserts a comment (COM) after a JPEG's first marker. */
function withComment(jpeg, text) {
  const head = Buffer.from([0xff, 0xfe, 0, 0])
  head.writeUInt16BE(text.length + 2, 2)
  return Buffer.concat([jpeg.subarray(0, 2), head, Buffer.from(text), jpeg.subarray(2)])
}

async function badFiles() {
  await writeFile(new URL('holiday.mp4', bad), await readFile(new URL('logo.png', good)))
  await writeFile(new URL('empty.png', bad), '')
  const note = 'This is no photo: three bytes of a JPEG, and then only text.\n'
  await writeFile(new URL('note.jpg', bad), Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from(note.repeat(20))]))
  const photo = await readFile(new URL('Harbour at dusk.jpg', good))
  await writeFile(new URL('half a photo.jpg', bad), photo.subarray(0, Math.floor(photo.length / 2)))
  const small = await (await landscape(320, 240, dusk)).jpeg({ quality: 70 }).toBuffer()
  await writeFile(new URL('photo that is a page.jpg', bad), withComment(small, '<html><script>alert(document.domain)</script></html>'))
  await writeFile(new URL('photo with an archive.jpg', bad), Buffer.concat([small, await readFile(new URL('boats.zip', good))]))
  await writeFile(new URL('bomb.png', bad), bomb(12_000))
  const scene = await readFile(new URL('Final cut v2.mp4', good))
  await writeFile(new URL('half a scene.mp4', bad), scene.subarray(0, 20_000))
}

const path = (folder, name) => decodeURIComponent(new URL(encodeURIComponent(name), folder).pathname)

for (const folder of [good, bad]) {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
}
await pictures()
await videos()
await trainingSet()
await signedPictures()
await badFiles()
