import { isExecutable, isMachO, isZipEnd, isZipEntry } from './heads.ts'

/** Something that another program would run, or would take for a file of its own. */
export interface Sign {
  /** As the client reads it: "it holds {found} in its comment". */
  readonly found: string
  /** Why it is looked for, for whoever reads the table. */
  readonly reason: string
  readonly pattern: RegExp
  /** A second look at the bytes where the pattern is too short to be sure. */
  readonly confirms?: (bytes: Buffer, at: number) => boolean
}

/**
 * What is looked for in texts: comments, captions, EXIF, XMP. Each is code with its punctuation, never a word alone: people write about
 * scripts, PHP and JavaScript in captions.
 */
export const textSigns: readonly Sign[] = [
  {
    found: 'a script in HTML',
    reason: 'runs when a text of the picture is shown in a page unescaped, or the file is opened as HTML',
    pattern: /<script(?=[\s>/]|$)/i,
  },
  {
    found: 'PHP code',
    reason: 'runs when a server takes the file for PHP, by its name or by an include',
    pattern:
      /<\?(?:php(?![\w-])|=\s*(?:[$`"']|[a-z_]\w*\s*\()|\s+(?:eval|system|exec|passthru|shell_exec|echo|include|require|if|\$\w)\b)/i,
  },
  {
    found: 'ASP or JSP code',
    reason: 'runs when a server takes the file for a page of its own',
    pattern: /<%(?:[@=!#]\s*[\w"'(]|\s*[\w.$]+\s*[.(=;"]|[^%<>]{1,500}%>)/i,
  },
  {
    found: 'an address that is a script',
    reason: 'runs when a text is made a link',
    pattern: /(?<![\w-])(?:javascript|vbscript):\s*(?:\/\/|%[0-9a-f]{2}|[\w.$]+[(=[`]|[(["'`{])|data:text\/html[;,]/i,
  },
  {
    found: 'markup with an event handler',
    reason: 'runs when a text is shown in a page unescaped',
    pattern: /<[a-z][^<>]{0,2000}?[\s"'/]on[a-z]{3,24}\s*=/i,
  },
  {
    found: 'an HTML page',
    reason: 'the file could be opened as one',
    pattern: /<(?:!doctype\s+html|html|iframe|frameset|object|embed|applet|base|svg|meta\s+http-equiv)(?=[\s>/=])/i,
  },
  {
    found: 'an XML entity',
    reason: 'makes readers of XML fetch files or fill their memory',
    // A document type alone is in the printing settings that Photoshop keeps
    pattern: /<!ENTITY\s|<!DOCTYPE\s[^>]{0,500}\[/i,
  },
  {
    found: 'a server-side include',
    reason: 'runs when a server takes the file for a page of its own',
    pattern: /<!--#\s*(?:exec|include|echo)\b/i,
  },
  {
    found: 'a shell script',
    reason: 'runs when the file, or what is cut out of it, is started',
    pattern: /(?:^|[\r\n\0])#!\s*\/(?:bin|usr|system|opt)\//,
  },
  {
    found: 'a Windows script',
    reason: 'runs when the file, or what is cut out of it, is started',
    pattern: /(?:^|[\r\n])@echo off\b|\bpowershell(?:\.exe)?\s+-(?:e|ec|enc|encodedcommand|nop|w|c|command|ep|executionpolicy)\b/i,
  },
  { found: 'a JNDI lookup', reason: 'makes old Java loggers fetch code when they log the text', pattern: /\$\{jndi:/i },
  { found: 'a PDF', reason: 'readers of PDF look for its head anywhere in the first part of a file', pattern: /%PDF-\d\.\d/ },
]

/** A pattern of bytes, as latin1 text: heads of programs and archives are made of control characters. */
const raw = (pattern: TemplateStringsArray): RegExp => new RegExp(String.raw(pattern))

/** What is looked for everywhere, in pixels too: long enough that pixels do not hold it by chance. */
export const byteSigns: readonly Sign[] = [
  { found: 'a script in HTML', reason: 'a file that is also a page', pattern: /<script[\s>/]/i },
  { found: 'PHP code', reason: 'survives in pixels that are packed just so', pattern: /<\?php[\s(]|<\?=[\s$`a-z_("'][ -~]{12}/i },
  { found: 'an HTML page', reason: 'a file that is also a page', pattern: /<(?:html|!doctype html)[\s>]/i },
  { found: 'a PHP archive', reason: 'PHP unpacks and runs it wherever it opens the file', pattern: /__HALT_COMPILER\s*\(\s*\)/i },
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
