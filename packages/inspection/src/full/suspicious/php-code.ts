/** More tags count as code: each costs time, and no caption has a thousand. */
const maxTags = 1000

const opening = /<\?(?:php(?![\w-])|=)/gi

/** Keywords of PHP that an identifier may follow. */
const leading =
  'abstract|as|break|case|catch|class|clone|const|continue|declare|do|echo|else|enum|extends|final|finally|fn|function|global|goto|implements|' +
  'include|include_once|insteadof|interface|match|namespace|new|print|private|protected|public|readonly|require|require_once|return|static|' +
  'throw|trait|try|use|var|yield'
const joining = 'and|or|xor|instanceof'

const space = String.raw`[\t\n\r ]`
/** A name in bytes: to PHP a word in UTF-8 is a name in any language. */
const name = String.raw`(?!(?:${leading}|${joining})\b)[a-z\x80-\xff][\w\x80-\xff]{0,60}(?![\w\x80-\xff(\\])`
/** An operator that joins two names into one expression. */
const joint = `(?:${space}{0,9}[.?:!-]${space}{1,9}|${space}{1,9}(?:and|or|xor)${space}{1,9})`
/** A syntax error after a name or at the beginning of a statement; the end tag is XML's. */
const misplaced = String.raw`[,)\]}]|<\/[a-z]`
const notCompiled = String.raw`(?:${name}${joint}){0,5}${name}(?:${space}{1,9}(?!(?:${joining})\b)[a-z\x80-\xff]|${space}{0,9}(?:${misplaced})|${space}{1,9}["'])`

const misread = String.raw`(?:${joining})\b|${misplaced}|${notCompiled}`

/** What follows a tag in a sentence, up to where PHP can't compile it, or to the end of the text. White space makes `<?php` a tag. */
const mention = new RegExp(String.raw`[\x80-\xff]{0,9}(?:${misplaced}|["'\x60]|[.!?:]?(?:$|\0|${space}{1,20}(?:${misread})))`, 'iy')

/** The same for `<?=`, which is a tag by itself. An undecided end of the text is not a mention: the bytes after it would decide. */
const echoMention = new RegExp(`${space}{0,20}(?:${misread})`, 'iy')

/**
 * Whether PHP would run a part of the text. It compiles a file as a whole before it runs any of it, and two adjacent names, as in every sentence,
 * are a syntax error: `a mug that says <?php in green letters` runs nothing. In case of doubt it counts as code.
 *
 * Takes linear time.
 */
export function containsPhp(text: string): boolean {
  let tags = 0
  for (const { index, 0: tag } of text.matchAll(opening)) {
    if (++tags > maxTags) return true
    const follows = tag.endsWith('=') ? echoMention : mention
    follows.lastIndex = index + tag.length
    if (!follows.test(text)) return true
  }
  return false
}
