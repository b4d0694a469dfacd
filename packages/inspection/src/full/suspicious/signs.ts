import { holdsExecutableScript } from './executable-script.ts'
import { isExecutable, isMachO, isZipEnd, isZipEntry } from './heads.ts'
import { holdsPage } from './html-page.ts'
import { holdsPhp } from './php-code.ts'
import { holdsScriptAddress } from './script-address.ts'

/** A PDF's head, and what each has an object begin with. A sentence that mentions the head has none. */
export const pdfHead = /%PDF-\d/
export const pdfObject = /\d\s{1,20}obj\b/

/** Something that another program would run, or would take for a file of its own. */
export interface Sign {
  /** As the client reads it: "it holds {found} in its comment". */
  readonly found: string
  /** Why it is looked for, for whoever reads the table. */
  readonly reason: string
  /** Takes time in proportion to the text that it searches, whatever that is: patterns.test.ts measures it, and `npm run test:long -- patterns` has each checked. */
  readonly pattern: RegExp
  /** What must stand somewhere after the first place where `pattern` matches. */
  readonly followedBy?: RegExp
  /** A second look at the bytes where the pattern is too short to be sure. */
  readonly confirms?: (bytes: Buffer, at: number) => boolean
  /** A second look at the whole text, once the pattern is in it. */
  readonly confirmsText?: (text: string) => boolean
  /** So few characters that other bytes than texts hold them by chance: of those, only long printable runs are searched. */
  readonly inTextsOnly?: true
}

/** The letters of a word, with the tabs and line ends between them that browsers drop from an address. */
const spaced = (word: string): string => [...word].join('[\\t\\n\\r]{0,20}')

/** An address that runs, with the colon that makes it one; then what has an effect: a call, an assignment, an escape, a comment. */
const scriptAddress = new RegExp(String.raw`(?<![\w-])(?:${spaced('javascript')}|${spaced('vbscript')})[\t\n\r]{0,20}:`, 'i')

const pageTag = /<(?:!doctype\s{1,20}html|html)[\s>]/i
const pagePart = /<(?:head|body|title|form|meta|link|style)[\s>/]/i

/**
 * What is looked for in texts: comments, captions, EXIF, XMP. Each is code that something would run, never a word alone: people write about
 * scripts, PHP and JavaScript in captions, and about tags in prompts (docs/decisions/2026-11-27-code-not-words.md).
 */
export const textSigns: readonly Sign[] = [
  {
    found: 'a script in HTML',
    reason: 'runs when a text of the picture is shown in a page unescaped, or the file is opened as HTML',
    pattern: /<(?:[\w.-]{1,40}:)?script[\s>/]/i,
    confirmsText: holdsExecutableScript,
  },
  {
    found: 'PHP code',
    reason: 'runs when a server takes the file for PHP, by its name or by an include',
    pattern: /<\?(?:php(?![\w-])|=)/i,
    confirmsText: holdsPhp,
    inTextsOnly: true,
  },
  {
    found: 'PHP code',
    reason: 'runs when a server takes the file for PHP, by its name or by an include',
    pattern: /<\?\s+(?:eval|system|exec|passthru|shell_exec|echo|include|require|if|\$\w)\b/i,
    inTextsOnly: true,
  },
  {
    found: 'ASP or JSP code',
    reason: 'runs when a server takes the file for a page of its own',
    pattern: /<%(?:[@=!#]\s*[\w"'(]|\s*[\w.$]+\s*[.(=;"]|[^%<>]{1,500}%>)/i,
    inTextsOnly: true,
  },
  {
    found: 'an address that is a script',
    reason: 'runs when a text is made a link',
    pattern: scriptAddress,
    confirmsText: (text) => holdsScriptAddress(text, scriptAddress),
  },
  {
    found: 'an address that is a script',
    reason: 'runs when a text is made a link',
    pattern: new RegExp(`${spaced('data:text/html')}[;,]`, 'i'),
  },
  {
    found: 'markup with an event handler',
    reason: 'runs when a text is shown in a page unescaped',
    pattern:
      /<[a-z][^<>]{0,2000}?[\s"'/](?:on[a-z]{3,24}\s{0,20}=\s{0,20}[^<>\s][^<>]{0,300}?[(`=&[]|attributename\s{0,20}=\s{0,20}["']?\s{0,20}on[a-z])/i,
    inTextsOnly: true,
  },
  {
    found: 'markup that loads something',
    reason: 'runs or shows what lies elsewhere when a text is shown in a page unescaped',
    pattern:
      /<(?:iframe|frame|object|embed|applet|base|meta)(?=[\s/])[^<>]{0,1000}?[\s"'/](?:src|srcdoc|data|classid|codebase|code|archive|object|href|http-equiv)\s{0,20}=/i,
  },
  {
    found: 'an HTML page',
    reason: 'the file could be opened as one',
    pattern: pageTag,
    followedBy: pagePart,
    confirmsText: holdsPage,
  },
  {
    found: 'an XML entity',
    reason: 'makes readers of XML fetch files or fill their memory',
    // A document type alone is in the printing settings that Photoshop keeps
    pattern: /<!ENTITY\s|<!DOCTYPE\s[^<>[]{0,500}\[/i,
  },
  {
    found: 'a server-side include',
    reason: 'runs when a server takes the file for a page of its own',
    pattern: /<!--#\s{0,20}(?:exec|include|echo)\b/i,
  },
  {
    found: 'a shell script',
    reason: 'runs when the file, or what is cut out of it, is started',
    pattern: /(?:^|[\r\n\0])#!\s{0,20}\/(?:bin|usr|system|opt)\//,
  },
  {
    found: 'a Windows script',
    reason: 'runs when the file, or what is cut out of it, is started',
    pattern: /(?:^|[\r\n])@echo off\b|\bpowershell(?:\.exe)?\s{1,20}-(?:e|ec|enc|encodedcommand|nop|w|c|command|ep|executionpolicy)\b/i,
  },
  { found: 'a JNDI lookup', reason: 'makes old Java loggers fetch code when they log the text', pattern: /\$\{jndi:/i },
  {
    found: 'a PDF',
    reason: 'readers of PDF look for its head anywhere in the first part of a file',
    pattern: pdfHead,
    followedBy: pdfObject,
  },
]

/** What is looked for in XMP besides: it has no document type, and a reader that heeds one can be made to fetch files. */
export const xmpSigns: readonly Sign[] = [
  { found: 'an XML document type', reason: 'XMP has none; readers of XML fetch what it names', pattern: /<!DOCTYPE/i },
]

/** A pattern of bytes, as latin1 text: heads of programs and archives are made of control characters. */
const raw = (pattern: TemplateStringsArray): RegExp => new RegExp(String.raw(pattern))

/** What is looked for everywhere, in pixels too: long enough that pixels do not hold it by chance. */
export const byteSigns: readonly Sign[] = [
  {
    found: 'a script in HTML',
    reason: 'a file that is also a page',
    pattern: /<(?:[\w.-]{1,40}:)?script[\s>/]/i,
    confirmsText: holdsExecutableScript,
  },
  {
    found: 'PHP code',
    reason: 'survives in pixels that are packed just so',
    // The tag alone is too short for pixels: it counts with a few printable characters after it, or with what hides the bytes that follow from PHP:
    // a comment or a string. A checksum between two texts is enough for that.
    pattern: /<\?php[\t\n\r ](?:[\t\n\r -~]{6}|[\t\n\r -~]{0,5}(?:\/[*/]|<<<|[#$"'`]))/i,
    confirmsText: holdsPhp,
  },
  {
    found: 'PHP code',
    reason: 'survives in pixels that are packed just so',
    pattern:
      /<\?=[\t\n\r ]{0,8}@?(?:`\$_[a-z]|\$_(?:GET|POST|REQUEST|COOKIE|SERVER|FILES)|(?:system|exec|passthru|shell_exec|popen|proc_open|eval|assert|include|require|phpinfo|base64_decode|file_get_contents|file_put_contents)\b)/i,
  },
  { found: 'an HTML page', reason: 'a file that is also a page', pattern: pageTag, followedBy: pagePart, confirmsText: holdsPage },
  { found: 'a PHP archive', reason: 'PHP unpacks and runs it wherever it opens the file', pattern: /__HALT_COMPILER\s{0,20}\(\s{0,20}\)/i },
  { found: 'a program for Linux', reason: 'an ELF head', pattern: raw`\x7fELF[\x01\x02][\x01\x02]\x01` },
  { found: 'a program for Windows', reason: 'an MZ head that leads to a PE head', pattern: /MZ/, confirms: isExecutable },
  {
    found: 'a program for macOS',
    reason: 'a Mach-O head of either byte order',
    pattern: raw`\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe`,
    confirms: isMachO,
  },
  { found: 'a Java program', reason: 'a class file, or a Mach-O for several processors', pattern: raw`\xca\xfe\xba\xbe\0\0\0[\x02-\x45]` },
  { found: 'an Android program', reason: 'a DEX head', pattern: raw`dex\n03[5-9]\0` },
  { found: 'a WebAssembly program', reason: 'its head', pattern: raw`\0asm\x01\0\0\0` },
  {
    found: 'a ZIP or JAR archive',
    reason: 'readers of ZIP look from the end, whatever comes before',
    pattern: raw`PK\x05\x06`,
    confirms: isZipEnd,
  },
  { found: 'a ZIP archive', reason: 'its entries can be got out even without a directory', pattern: raw`PK\x03\x04`, confirms: isZipEntry },
  { found: 'a RAR archive', reason: 'its reader looks for the head anywhere', pattern: raw`Rar!\x1a\x07[\0\x01]` },
  { found: 'a 7z archive', reason: 'self-extracting archives begin in the middle', pattern: raw`7z\xbc\xaf\x27\x1c\0[\0-\x04]` },
]
