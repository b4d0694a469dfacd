import { endOfTag } from './html-page.ts'

/** More tags count as a script: each costs time, and no caption mentions a thousand script elements. */
const maxTags = 1000

const opening = /<(?:[\w.-]{1,40}:)?script(?=[\s>/])/gi
const closing = /<\/(?:[\w.-]{1,40}:)?script(?=[\s>/])/gi

/** An attribute that loads the script from a URL. */
const loadsProgram = /[\s"'/](?:xlink:)?(?:src|href)\s{0,20}=/i

/** What a script needs to have an effect: a call, an assignment, a template literal, an index. In SVG each may be written as an entity. */
const effect = /[(`=&[]|\bimport\b|\bnew\b/

const called = String.raw`[a-z_$][\w$.\\]{0,100}(?:\(|\[|\x60|\s{0,20}=)`
const known =
  '(?:alert|confirm|prompt|eval|fetch|open|write|location|document|window|self|top|parent|frames|globalThis|import|Function|setTimeout|setInterval)'
const statements: readonly string[] = [
  String.raw`${known}\s{1,20}[([\x60.]`,
  String.raw`(?:var|let|const)\s{1,20}[\w$]{1,60}\s{0,20}[=;,]`,
  String.raw`(?:var|let|const)\s{0,20}[[{]`,
  String.raw`function\s{0,20}\*?\s{0,20}[\w$]{0,60}\s{0,20}\(`,
  String.raw`(?:if|for|while|with|switch)\s{0,20}\(`,
  String.raw`(?:try|do)\s{0,20}\{`,
  String.raw`(?:new|void|typeof|delete|await|throw|async|yield|export)\s{1,20}[\w$.]{1,100}\s{0,20}[(=\x60[]`,
  String.raw`import\s{0,20}["'{*]`,
  String.raw`\)\s{0,20}=>`,
  String.raw`[\w$]{1,60}\s{0,20}=>`,
  String.raw`\/[/*]`,
  '<!--',
  String.raw`\x60`,
]

/** A literal at the beginning of an expression, and the operator after it. */
const value = String.raw`(?:"[^"\n]{0,60}"|'[^'\n]{0,60}'|\d[\w.]{0,30})\s{0,20}[;,.+\-*/%&|^?<>=[(]{1,3}\s{0,20}`

/** The beginning of a program that has an effect, after operators and literals. Every quantifier is bounded. */
const program = new RegExp(
  String.raw`[\s!+~\-({[;]{0,100}(?:${value}){0,4}[\s!+~\-({[]{0,10}(?:${[called, ...statements].join('|')})`,
  'iy',
)

/** Whether a text begins like a JavaScript program that has an effect; a sentence does not. */
export function startsWithProgram(text: string, at: number): boolean {
  program.lastIndex = at
  return program.test(text)
}

/**
 * Whether a browser would run a script if the text were served as a page or inserted into one unescaped: a script element that loads a program,
 * contains one up to its end tag, or begins with one and is not closed. A sentence that mentions `<script>` runs nothing.
 *
 * Takes linear time.
 */
export function containsExecutableScript(text: string): boolean {
  let tags = 0
  let closedAt = 0
  for (const { index, 0: tag } of text.matchAll(opening)) {
    if (++tags > maxTags) return true
    const at = index + tag.length
    const tagEnd = endOfTag(text, at)
    if (loadsProgram.test(text.slice(at, tagEnd))) return true
    if (text[tagEnd] !== '>') continue
    const start = tagEnd + 1
    if (startsWithProgram(text, start)) return true
    if (index < closedAt) continue
    closing.lastIndex = start
    const end = closing.exec(text)?.index
    if (end === undefined) closedAt = Number.POSITIVE_INFINITY
    else {
      if (effect.test(text.slice(start, end))) return true
      closedAt = end
    }
  }
  return false
}

/** More URLs count as a script: no caption has a thousand with such a scheme. */
const maxUrls = 1000

/** A percent-encoded character: browsers decode the URL before they run it, so all of it may be encoded. */
const escaped = /\s{0,20}%[0-9a-f]{2}/iy

/**
 * Whether a URL with a scheme for scripts continues with a program that has an effect. `JavaScript: "The Good Parts"` does not.
 *
 * Takes linear time.
 *
 * @param scheme matches up to and including the colon
 */
export function containsScriptUrl(text: string, scheme: RegExp): boolean {
  let urls = 0
  for (const { index, 0: found } of text.matchAll(new RegExp(scheme, 'gi'))) {
    if (++urls > maxUrls) return true
    const at = index + found.length
    if (isEscapedAt(text, at) || startsWithProgram(text, at)) return true
  }
  return false
}

function isEscapedAt(text: string, at: number): boolean {
  escaped.lastIndex = at
  return escaped.test(text)
}
