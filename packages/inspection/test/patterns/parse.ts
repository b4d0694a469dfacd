/**
 * A parsed regular expression, with the syntax that this repository uses: enough to generate matching texts, and to compute the probability of a random
 * match. Characters above U+00FF are not generated.
 */
export type Node =
  | { readonly type: 'set'; readonly characters: readonly number[] }
  | { readonly type: 'sequence'; readonly items: readonly Node[] }
  | { readonly type: 'choice'; readonly options: readonly Node[] }
  | { readonly type: 'repeat'; readonly item: Node; readonly min: number; readonly max: number }
  /** An assertion, which matches no character. */
  | { readonly type: 'look'; readonly item: Node | null; readonly ahead: boolean }

const all = Array.from({ length: 256 }, (_, code) => code)
const matching = (test: RegExp): number[] => all.filter((code) => test.test(String.fromCharCode(code)))

const classes: Readonly<Record<string, readonly number[]>> = Object.fromEntries(
  ['d', 'D', 'w', 'W', 's', 'S'].map((name) => [name, matching(new RegExp(`\\${name}`))]),
)
const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, '0': 0 }

/** @throws Error for unsupported syntax */
export function parse({ source, flags }: RegExp): Node {
  const parser = new Parser(source, flags)
  return parser.choice(true)
}

class Parser {
  readonly #source: string
  readonly #flags: string
  #at = 0

  constructor(source: string, flags: string) {
    this.#source = source
    this.#flags = flags
  }

  choice(toTheEnd = false): Node {
    const options: Node[] = [this.#sequence()]
    while (this.#take('|')) options.push(this.#sequence())
    if (toTheEnd && this.#at < this.#source.length) throw new Error(`what is '${this.#source.slice(this.#at)}'?`)
    return options.length === 1 ? (options[0] as Node) : { type: 'choice', options }
  }

  #sequence(): Node {
    const items: Node[] = []
    while (this.#at < this.#source.length && this.#peek !== '|' && this.#peek !== ')') items.push(this.#repeated(this.#atom()))
    return { type: 'sequence', items }
  }

  #repeated(item: Node): Node {
    const found = /^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/.exec(this.#source.slice(this.#at))
    if (!found) return item
    this.#at += found[0].length
    const [, sign, from, comma, to] = found
    if (sign) return { type: 'repeat', item, min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Number.POSITIVE_INFINITY }
    const min = Number(from)
    return { type: 'repeat', item, min, max: comma ? (to ? Number(to) : Number.POSITIVE_INFINITY) : min }
  }

  #atom(): Node {
    if (this.#take('(')) return this.#group()
    if (this.#take('[')) return this.#class()
    if (this.#take('^') || this.#take('$')) return { type: 'look', item: null, ahead: true }
    if (this.#take('.')) return { type: 'set', characters: all.filter((code) => this.#flags.includes('s') || (code !== 10 && code !== 13)) }
    if (this.#source.startsWith('\\b', this.#at) || this.#source.startsWith('\\B', this.#at)) {
      this.#at += 2
      return { type: 'look', item: null, ahead: true }
    }
    return { type: 'set', characters: this.#withCase(this.#characters()) }
  }

  #group(): Node {
    const look = ['?=', '?!', '?<=', '?<!'].find((each) => this.#take(each))
    if (!look && !this.#take('?:')) {
      const name = /^\?<\w+>/.exec(this.#source.slice(this.#at))
      this.#at += name?.[0].length ?? 0
    }
    const item = this.choice()
    if (!this.#take(')')) throw new Error('a group is not closed')
    return look ? { type: 'look', item: look.includes('!') ? null : item, ahead: !look.includes('<') } : item
  }

  #class(): Node {
    const negated = this.#take('^')
    const found = new Set<number>()
    while (!this.#take(']')) {
      const from = this.#characters()
      if (this.#peek === '-' && this.#source[this.#at + 1] !== ']') {
        this.#at++
        const to = this.#characters()
        for (let code = from[0] ?? 0; code <= Math.min(to[0] ?? 0, 255); code++) found.add(code)
      } else for (const code of from) found.add(code)
    }
    const characters = this.#withCase([...found])
    return { type: 'set', characters: negated ? all.filter((code) => !characters.includes(code)) : characters }
  }

  /** One character, or the class of an escape. */
  #characters(): readonly number[] {
    const character = this.#next()
    if (character !== '\\') return [character.codePointAt(0) ?? 0]
    const letter = this.#next()
    if (classes[letter]) return classes[letter]
    if (letter in controls) return [controls[letter] ?? 0]
    const hex = letter === 'x' ? 2 : letter === 'u' && this.#peek !== '{' ? 4 : 0
    if (hex > 0) return [Number.parseInt(this.#cut(hex), 16)]
    if (/[pPu]/.test(letter) && this.#peek === '{') {
      const length = this.#source.indexOf('}', this.#at) + 1 - this.#at
      const name = `\\${letter}${this.#cut(length)}`
      return matching(new RegExp(name, 'u'))
    }
    if (/[1-9k]/.test(letter)) throw new Error('references to groups are not taken apart')
    return [letter.codePointAt(0) ?? 0]
  }

  #withCase(characters: readonly number[]): number[] {
    if (!this.#flags.includes('i')) return [...characters]
    const cases = (code: number) => [String.fromCharCode(code).toLowerCase(), String.fromCharCode(code).toUpperCase()]
    return [...new Set(characters.flatMap(cases).map((letter) => letter.charCodeAt(0)))].filter((code) => code < 256)
  }

  get #peek(): string | undefined {
    return this.#source[this.#at]
  }

  #next(): string {
    return this.#cut(1)
  }

  #cut(length: number): string {
    this.#at += length
    return this.#source.slice(this.#at - length, this.#at)
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }
}
