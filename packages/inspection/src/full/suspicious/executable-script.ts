import { endOfTag } from './html-page.ts'

/** So many tags are looked at. No caption mentions a script element a thousand times, and each costs a look at what follows it. */
const maxTags = 1000

const opening = /<(?:[\w.-]{1,40}:)?script(?=[\s>/])/gi
const closing = /<\/(?:[\w.-]{1,40}:)?script(?=[\s>/])/gi

/** An attribute that loads the program from elsewhere. */
const loadsProgram = /[\s"'/](?:xlink:)?(?:src|href)\s{0,20}=/i

/** What a program needs to have an effect: a call, an assignment, a template, an index. In SVG each may be written as an entity. */
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

/** A value that an expression may begin with, and the sign that goes on with it. */
const value = String.raw`(?:"[^"\n]{0,60}"|'[^'\n]{0,60}'|\d[\w.]{0,30})\s{0,20}[;,.+\-*/%&|^?<>=[(]{1,3}\s{0,20}`

/** The beginning of a program that does something, after signs and values that may stand before it. Every quantifier is bounded. */
const program = new RegExp(
  String.raw`[\s!+~\-({[;]{0,100}(?:${value}){0,4}[\s!+~\-({[]{0,10}(?:${[called, ...statements].join('|')})`,
  'iy',
)

/** Whether a text begins like a JavaScript program that has an effect when it runs; a sentence does not. */
export function beginsAsProgram(text: string, at: number): boolean {
  program.lastIndex = at
  return program.test(text)
}

/**
 * Whether a browser that is served the text as a page, or shown it unescaped inside of one, would run a script of it: a script element that
 * loads a program, holds one up to its end tag, or begins with one and is left open. A sentence that mentions `<script>` runs nothing.
 *
 * Takes time in proportion to the text.
 */
export function holdsExecutableScript(text: string): boolean {
  let tags = 0
  let closedAt = 0
  for (const { index, 0: tag } of text.matchAll(opening)) {
    if (++tags > maxTags) return true
    const at = index + tag.length
    const tagEnd = endOfTag(text, at)
    if (loadsProgram.test(text.slice(at, tagEnd))) return true
    if (text[tagEnd] !== '>') continue
    const start = tagEnd + 1
    if (beginsAsProgram(text, start)) return true
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
