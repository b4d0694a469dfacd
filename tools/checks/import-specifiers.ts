/** An import in a file. */
export interface Import {
  readonly specifier: string
  readonly line: number
}

/**
 * @param source TypeScript
 * @returns every module in an import, an export from, a dynamic import or a require; type imports included, because they are dependencies too
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

/** Replaces comments and templates, which may contain examples of imports, by spaces, without changing lines. */
function withoutCommentsAndTemplates(source: string): string {
  return source.replace(stringsCommentsTemplates, (text) => (/^['"]/.test(text) ? text : text.replace(/[^\n]/g, ' ')))
}

const stringsCommentsTemplates = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
