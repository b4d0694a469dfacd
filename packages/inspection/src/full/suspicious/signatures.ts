import { containsExecutableScript, containsScriptUrl } from './executable-script.ts'
import { isExecutable, isMachO, isZipEnd, isZipEntry } from './file-headers.ts'
import { containsPage } from './html-page.ts'
import { containsPhp } from './php-code.ts'

/** A PDF's header, and the beginning of an object, which every PDF has. A sentence that mentions the header has none. */
export const pdfHeader = /%PDF-\d/
export const pdfObject = /\d\s{1,20}obj\b/

/** Content that another program would execute, or read as a separate file. */
export interface Signature {
  /** For the message: "contains data that …: {found} in its comment". */
  readonly found: string
  /** Why it is searched, for readers of this table. */
  readonly reason: string
  /** Takes linear time for every text: patterns.test.ts measures it, and `npm run test:long -- patterns` checks each pattern. */
  readonly pattern: RegExp
  /** What must also match somewhere after the first match of `pattern`. */
  readonly followedBy?: RegExp
  /** A further check of the whole text, if the pattern matches. */
  readonly confirmsText?: (text: string) => boolean
  /** Too short for bytes that are not text, which contain it by chance: there only long printable runs are searched. */
  readonly inTextsOnly?: true
}

/** The letters of a word, with tabs and line ends in between, which browsers remove from a URL. */
const spaced = (word: string): string => [...word].join('[\\t\\n\\r]{0,20}')

/** The scheme of a script URL, with its colon. */
const scriptUrl = new RegExp(String.raw`(?<![\w-])(?:${spaced('javascript')}|${spaced('vbscript')})[\t\n\r]{0,20}:`, 'i')

const pageTag = /<(?:!doctype\s{1,20}html|html)[\s>]/i
const pagePart = /<(?:head|body|title|form|meta|link|style)[\s>/]/i

/**
 * What is searched in texts: comments, captions, EXIF, XMP. Each is code that some program would execute, never a word alone: people write about
 * scripts, PHP and JavaScript in captions, and about tags in prompts (docs/decisions/2026-11-27-code-not-words.md).
 */
export const textSignatures: readonly Signature[] = [
  {
    found: 'a script in HTML',
    reason: 'runs if a text of the picture is inserted into a page unescaped, or the file is opened as HTML',
    pattern: /<(?:[\w.-]{1,40}:)?script[\s>/]/i,
    confirmsText: containsExecutableScript,
  },
  {
    found: 'PHP code',
    reason: 'runs if a server executes the file as PHP, because of its name or of an include',
    pattern: /<\?(?:php(?![\w-])|=)/i,
    confirmsText: containsPhp,
    inTextsOnly: true,
  },
  {
    found: 'PHP code',
    reason: 'runs if a server executes the file as PHP, because of its name or of an include',
    pattern: /<\?\s+(?:eval|system|exec|passthru|shell_exec|echo|include|require|if|\$\w)\b/i,
    inTextsOnly: true,
  },
  {
    found: 'ASP or JSP code',
    reason: 'runs if a server treats the file as one of its pages',
    pattern: /<%(?:[@=!#]\s*[\w"'(]|\s*[\w.$]+\s*[.(=;"]|[^%<>]{1,500}%>)/i,
    inTextsOnly: true,
  },
  {
    found: 'a script URL',
    reason: 'runs if the text becomes a link',
    pattern: scriptUrl,
    confirmsText: (text) => containsScriptUrl(text, scriptUrl),
  },
  {
    found: 'a script URL',
    reason: 'runs if the text becomes a link',
    pattern: new RegExp(`${spaced('data:text/html')}[;,]`, 'i'),
  },
  {
    found: 'markup with an event handler',
    reason: 'runs if the text is inserted into a page unescaped',
    pattern:
      /<[a-z][^<>]{0,2000}?[\s"'/](?:on[a-z]{3,24}\s{0,20}=\s{0,20}[^<>\s][^<>]{0,300}?[(`=&[]|attributename\s{0,20}=\s{0,20}["']?\s{0,20}on[a-z])/i,
    inTextsOnly: true,
  },
  {
    found: 'markup that loads external content',
    reason: 'loads content from elsewhere if the text is inserted into a page unescaped',
    pattern:
      /<(?:iframe|frame|object|embed|applet|base|meta)(?=[\s/])[^<>]{0,1000}?[\s"'/](?:src|srcdoc|data|classid|codebase|code|archive|object|href|http-equiv)\s{0,20}=/i,
  },
  {
    found: 'an HTML page',
    reason: 'the file could be opened as a page',
    pattern: pageTag,
    followedBy: pagePart,
    confirmsText: containsPage,
  },
  {
    found: 'an XML entity',
    reason: 'makes readers of XML fetch files or fill their memory',
    // a document type alone occurs in the print settings of Photoshop
    pattern: /<!ENTITY\s|<!DOCTYPE\s[^<>[]{0,500}\[/i,
  },
  {
    found: 'a server-side include',
    reason: 'runs if a server treats the file as one of its pages',
    pattern: /<!--#\s{0,20}(?:exec|include|echo)\b/i,
  },
  {
    found: 'a shell script',
    reason: 'runs if the file, or a part of it, is started',
    pattern: /(?:^|[\r\n\0])#!\s{0,20}\/(?:bin|usr|system|opt)\//,
  },
  {
    found: 'a Windows script',
    reason: 'runs if the file, or a part of it, is started',
    pattern: /(?:^|[\r\n])@echo off\b|\bpowershell(?:\.exe)?\s{1,20}-(?:e|ec|enc|encodedcommand|nop|w|c|command|ep|executionpolicy)\b/i,
  },
  { found: 'a JNDI lookup', reason: 'makes old Java loggers fetch code if they log the text', pattern: /\$\{jndi:/i },
  {
    found: 'a PDF',
    reason: 'readers of PDF search for its header in the first part of a file',
    pattern: pdfHeader,
    followedBy: pdfObject,
  },
]

/** What is also searched in XMP: a document type declaration, which XMP never has, can make a reader fetch files. */
export const xmpSignatures: readonly Signature[] = [
  { found: 'an XML document type', reason: 'XMP has none; readers of XML fetch the file that it names', pattern: /<!DOCTYPE/i },
]

/** A signature that is searched in all bytes, pixels included. */
export interface ByteSignature extends Signature {
  /**
   * How every match begins: with one of these, as written here. They are searched first, which is several times faster than to try the pattern at each
   * byte.
   */
  readonly begins: readonly string[]
  /** A further check of the bytes at a match, for patterns that are too short to be reliable. */
  readonly confirms?: (bytes: Buffer, at: number) => boolean
}

/** A pattern of bytes in Latin-1: headers of programs and archives contain control characters. */
const raw = (pattern: TemplateStringsArray): RegExp => new RegExp(String.raw(pattern))

/** What is searched everywhere, in pixels too: long enough not to occur there by chance. */
export const byteSignatures: readonly ByteSignature[] = [
  {
    found: 'a script in HTML',
    reason: 'a file that is also a page',
    pattern: /<(?:[\w.-]{1,40}:)?script[\s>/]/i,
    begins: ['<'],
    confirmsText: containsExecutableScript,
  },
  {
    found: 'PHP code',
    reason: 'can be hidden in pixels that compress to it',
    // The tag alone is too short for pixels: it counts if some printable characters follow, or a comment or a string, which hides the bytes after it
    // from PHP. A checksum between two texts is enough for that.
    begins: ['<?'],
    pattern: /<\?php[\t\n\r ](?:[\t\n\r -~]{6}|[\t\n\r -~]{0,5}(?:\/[*/]|<<<|[#$"'`]))/i,
    confirmsText: containsPhp,
  },
  {
    found: 'PHP code',
    reason: 'can be hidden in pixels that compress to it',
    begins: ['<?='],
    pattern:
      /<\?=[\t\n\r ]{0,8}@?(?:`\$_[a-z]|\$_(?:GET|POST|REQUEST|COOKIE|SERVER|FILES)|(?:system|exec|passthru|shell_exec|popen|proc_open|eval|assert|include|require|phpinfo|base64_decode|file_get_contents|file_put_contents)\b)/i,
  },
  {
    found: 'an HTML page',
    reason: 'a file that is also a page',
    begins: ['<'],
    pattern: pageTag,
    followedBy: pagePart,
    confirmsText: containsPage,
  },
  {
    found: 'a PHP archive',
    reason: 'PHP unpacks and runs it if it opens the file in any way',
    begins: ['__'],
    pattern: /__HALT_COMPILER\s{0,20}\(\s{0,20}\)/i,
  },
  { found: 'a program for Linux', reason: 'an ELF header', begins: ['\x7fELF'], pattern: raw`\x7fELF[\x01\x02][\x01\x02]\x01` },
  { found: 'a program for Windows', reason: 'an MZ header with a PE header', begins: ['MZ'], pattern: /MZ/, confirms: isExecutable },
  {
    found: 'a program for macOS',
    reason: 'a Mach-O header of either byte order',
    begins: ['\xfe\xed\xfa', '\xce\xfa\xed\xfe', '\xcf\xfa\xed\xfe'],
    pattern: raw`\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe`,
    confirms: isMachO,
  },
  {
    found: 'a Java program',
    reason: 'a class file, or a Mach-O for several processors',
    begins: ['\xca\xfe\xba\xbe'],
    pattern: raw`\xca\xfe\xba\xbe\0\0\0[\x02-\x45]`,
  },
  { found: 'an Android program', reason: 'a DEX header', begins: ['dex\n'], pattern: raw`dex\n03[5-9]\0` },
  { found: 'a WebAssembly program', reason: 'its header', begins: ['\0asm'], pattern: raw`\0asm\x01\0\0\0` },
  {
    found: 'a ZIP or JAR archive',
    reason: 'readers of ZIP search from the end, whatever precedes it',
    begins: ['PK\x05\x06'],
    pattern: raw`PK\x05\x06`,
    confirms: isZipEnd,
  },
  {
    found: 'a ZIP archive',
    reason: 'its entries can be unpacked even without a directory',
    begins: ['PK\x03\x04'],
    pattern: raw`PK\x03\x04`,
    confirms: isZipEntry,
  },
  { found: 'a RAR archive', reason: 'its reader searches for the header everywhere', begins: ['Rar!'], pattern: raw`Rar!\x1a\x07[\0\x01]` },
  {
    found: 'a 7z archive',
    reason: 'self-extracting archives begin in the middle',
    begins: ['7z\xbc\xaf'],
    pattern: raw`7z\xbc\xaf\x27\x1c\0[\0-\x04]`,
  },
]
