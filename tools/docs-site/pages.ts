import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, extname, join, normalize, relative } from 'node:path'
import { withoutDiagrams } from './diagrams.ts'

/** A page of the site. */
export interface Page {
  /** Its file in the repository, or the folder that it lists. */
  readonly source: string
  /** In the site, such as `decisions/x.md`. */
  readonly path: string
  readonly title: string
  /** Markdown, with links within the site. */
  readonly text: string
}

export interface SiteContents {
  readonly pages: readonly Page[]
  /** Other files that pages link to, by their paths in the site. */
  readonly files: ReadonlyMap<string, string>
}

/** Browsers show these; every other file is shown as text. */
const pictures = ['.png', '.jpg', '.jpeg', '.webp', '.svg']

const isPicture = (path: string): boolean => pictures.includes(extname(path))

/**
 * The pages of `docs`, and what they link to elsewhere in the repository: Markdown as further pages, folders as lists, and other files.
 *
 * @param root of the repository
 */
export function siteContents(root: string): SiteContents {
  const pages = new Map<string, Page>()
  const files = new Map<string, string>()
  const waiting = globSync('docs/**/*.md', { cwd: root }).toSorted()
  const seen = new Set(waiting)

  /** @returns the place of a linked file in the site, which it will have a page or a copy at */
  function place(target: string): string {
    if (!existsSync(join(root, target))) throw new Error(`a page links to ${target}, which does not exist`)
    const source = sourceOf(target)
    if (!source.endsWith('.md') && !isFolder(source)) {
      const path = `files/${source}${isPicture(source) ? '' : '.txt'}`
      files.set(path, source)
      return path
    }
    if (!seen.has(source)) {
      seen.add(source)
      waiting.push(source)
    }
    return pathOf(source)
  }
  /** A folder with a README has a page already, and the index lists the decisions. */
  const sourceOf = (target: string): string => {
    if (target === 'docs/decisions') return 'docs/README.md'
    return isFolder(target) && existsSync(join(root, target, 'README.md')) ? join(target, 'README.md') : target
  }
  const isFolder = (path: string): boolean => statSync(join(root, path)).isDirectory()
  const pathOf = (source: string): string => {
    if (isFolder(source)) return `repository/${source}/index.md`
    if (!source.startsWith('docs/')) return `repository/${source}`
    return source === 'docs/README.md' ? 'index.md' : source.slice('docs/'.length)
  }

  for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
    const markdown = isFolder(source) ? listOf(root, source) : readFileSync(join(root, source), 'utf8')
    const from = isFolder(source) ? join(source, 'index.md') : source
    const path = pathOf(source)
    const text = withLinks(withoutDiagrams(markdown), (link) => {
      const [to = '', heading] = link.split('#')
      const place_ = relative(dirname(path), place(normalize(join(dirname(from), decodeURI(to)))))
      return `${place_.split('/').map(encodeURIComponent).join('/')}${heading === undefined ? '' : `#${heading}`}`
    })
    pages.set(path, { source, path, title: /^# (.*)$/m.exec(text)?.[1] ?? source, text })
  }
  return { pages: [...pages.values()], files }
}

/** A page that lists the files of a folder. */
function listOf(root: string, folder: string): string {
  const names = globSync('**', { cwd: join(root, folder), exclude: (path) => /(^|\/)(node_modules|dist|built)$/.test(path) })
  const files = names.filter((name) => statSync(join(root, folder, name)).isFile()).toSorted()
  return `# ${folder}\n\n${files.map((file) => `- [${file}](${file.split('/').map(encodeURIComponent).join('/')})`).join('\n')}\n`
}

/** Replaces the targets of links and pictures that are relative to a page, outside of code. */
const withLinks = (markdown: string, replace: (link: string) => string): string =>
  markdown
    .split(/(^```[\s\S]*?^```|`[^`\n]*`)/m)
    .map((part, index) =>
      index % 2 === 1
        ? part
        : part
            .replace(/\]\((?![a-z]+:|#)(?:<([^>]+)>|([^)\s]+))\)/g, (_, spaced, link) => `](${replace(spaced ?? link)})`)
            .replace(/ (src|srcset)="(?![a-z]+:)([^"]+)"/g, (_, name, link) => ` ${name}="${replace(link).replace(/^(?!\.)/, './')}"`),
    )
    .join('')
