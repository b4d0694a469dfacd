/** So many opening tags are looked at. No caption has a thousand, and each costs a look at what follows it. */
const maxTags = 1000

const opening = /<\?(?:php(?![\w-])|=)/gi

/** Words of PHP that an identifier may follow. */
const leading =
  'abstract|as|break|case|catch|class|clone|const|continue|declare|do|echo|else|enum|extends|final|finally|fn|function|global|goto|implements|' +
  'include|include_once|insteadof|interface|match|namespace|new|print|private|protected|public|readonly|require|require_once|return|static|' +
  'throw|trait|try|use|var|yield'
const joining = 'and|or|xor|instanceof'

const space = String.raw`[\t\n\r ]`
/** In bytes: a word in UTF-8 is a name to PHP, whatever its language. */
const name = String.raw`(?!(?:${leading}|${joining})\b)[a-z\x80-\xff][\w\x80-\xff]{0,60}(?![\w\x80-\xff(\\])`
/** A sign or word that makes one expression of two names. */
const joint = `(?:${space}{0,9}[.?:!-]${space}{1,9}|${space}{1,9}(?:and|or|xor)${space}{1,9})`
/** After a name or at the beginning of a statement it is an error; the end tag is one of XML. */
const misplaced = String.raw`[,)\]}]|<\/[a-z]`
const notCompiled = String.raw`(?:${name}${joint}){0,5}${name}(?:${space}{1,9}(?!(?:${joining})\b)[a-z\x80-\xff]|${space}{0,9}(?:${misplaced})|${space}{1,9}["'])`

const misread = String.raw`(?:${joining})\b|${misplaced}|${notCompiled}`

/** What follows a tag that a sentence mentions, up to the place that PHP can't compile, or to the end of the text. Space makes `<?php` a tag. */
const mention = new RegExp(String.raw`[\x80-\xff]{0,9}(?:${misplaced}|["'\x60]|[.!?:]?(?:$|\0|${space}{1,20}(?:${misread})))`, 'iy')

/** The same of `<?=`, which is a tag by itself. Where a text ends undecided, the bytes after it decide: so that is no mention. */
const echoMention = new RegExp(`${space}{0,20}(?:${misread})`, 'iy')

/**
 * Whether PHP would run something of the text. It compiles a file as a whole before it runs any of it, and two names side by side, as in
 * every sentence, are an error of syntax: `a mug that says <?php in green letters` runs nothing. What is not certain to be one counts as code.
 *
 * Takes time in proportion to the text.
 */
export function holdsPhp(text: string): boolean {
  let tags = 0
  for (const { index, 0: tag } of text.matchAll(opening)) {
    if (++tags > maxTags) return true
    const follows = tag.endsWith('=') ? echoMention : mention
    follows.lastIndex = index + tag.length
    if (!follows.test(text)) return true
  }
  return false
}
