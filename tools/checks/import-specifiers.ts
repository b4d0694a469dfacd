/** An import as it stands in a file. */
export interface Import {
  readonly specifier: string
  readonly line: number
}

/**
 * @param source TypeScript
 * @returns every module that it names in an import, an export from, a dynamic import or a require; also of types,
 *   which say as well what a file knows about
 */
export function importsIn(source: string): Import[] {
  const code = withoutCommentsAndTemplates(source)
  return [...code.matchAll(imported)].map((match) => ({
    specifier: match[1] ?? match[2] ?? match[3] ?? '',
    line: code.slice(0, match.index + match[0].length).split('\n').length,
  }))
}

/** `import … from 'x'` and `export … from 'x'`; `import 'x'`; `import('x')` and `require('x')`. */
const imported =
  /\b(?:import|export)\b[^'"`;=()]*?\bfrom\s*['"]([^'"\n]+)['"]|\bimport\s*['"]([^'"\n]+)['"]|\b(?:import|require)\s*\(\s*['"]([^'"\n]+)['"]/g

/** Comments give examples of imports and templates print them. Both become spaces, and lines stay where they are. */
function withoutCommentsAndTemplates(source: string): string {
  return source.replace(stringsCommentsTemplates, (text) => (/^['"]/.test(text) ? text : text.replace(/[^\n]/g, ' ')))
}

const stringsCommentsTemplates = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
