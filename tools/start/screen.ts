import { stripVTControlCharacters, styleText } from 'node:util'

/** Where `npm start` writes for the person who started it. */
export interface Screen {
  /** Writes lines, wrapped at spaces to the width of the terminal. */
  say(text: string): void
  /** Writes a line as it is. */
  raw(line: string): void
  /** Colours a text, on a terminal and without `NO_COLOR` only. */
  colour(colour: Colour, text: string): string
}

type Colour = 'green' | 'red' | 'yellow' | 'dim'

/** Of output that is not a terminal. */
const usualColumns = 80
const leastColumns = 40

export function screenOn(stream: NodeJS.WriteStream): Screen {
  const columns = () => Math.max(leastColumns, stream.columns || usualColumns)
  const raw = (line: string): void => void stream.write(`${line}\n`)
  return {
    raw,
    say: (text) => raw(wrapped(text, columns())),
    colour: (colour, text) => styleText(colour, text, { stream }),
  }
}

/** Wraps each line at spaces. The rest of an indented line is indented by two more columns. A word that is too long, such as a path, is kept whole. */
export const wrapped = (text: string, columns: number): string =>
  text
    .split('\n')
    .flatMap((line) => (width(line) <= columns ? [line] : wrappedLine(line, columns)))
    .join('\n')

function wrappedLine(line: string, columns: number): string[] {
  const indent = /^ */.exec(line)?.[0] ?? ''
  const lines: string[] = []
  let current = indent
  for (const word of line.trim().split(' ')) {
    const isFirst = current.trim() === ''
    if (!isFirst && width(current) + 1 + width(word) > columns) {
      lines.push(current)
      current = `${indent === '' ? '' : `${indent}  `}${word}`
    } else {
      current += isFirst ? word : ` ${word}`
    }
  }
  return [...lines, current]
}

/** The columns that a text takes in most terminals: combining characters and colours take none. */
export const width = (text: string): number => [...stripVTControlCharacters(text).replace(/\p{Mark}/gu, '')].length
