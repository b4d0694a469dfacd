import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitepress'

/** Written by main.ts. */
const { base, description, sidebar } = JSON.parse(readFileSync(new URL('../dist/source/site.json', import.meta.url), 'utf8'))

export default defineConfig({
  title: 'Airlock',
  description,
  lang: 'en',
  base,
  srcDir: './dist/source',
  srcExclude: ['public/**'],
  outDir: './dist/site',
  cacheDir: './dist/cache',
  metaChunk: true,
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  // the anchors of GitHub, which the pages use among themselves
  markdown: {
    anchor: {
      slugify: (heading) =>
        heading
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\s_-]/gu, '')
          .trim()
          .replace(/\s/g, '-'),
    },
  },
  vite: { build: { chunkSizeWarningLimit: 3000 } },
  transformHead: ({ page, siteConfig }) =>
    page === '404.md' ? [] : [['link', { rel: 'alternate', type: 'text/markdown', href: `${siteConfig.site.base}${page}` }]],
  themeConfig: {
    search: { provider: 'local', options: { detailedView: true } },
    nav: [
      { text: 'API reference', link: '/api/index.html', target: '_self', noIcon: true },
      { text: 'Changelog', link: '/repository/CHANGELOG' },
      { text: 'For agents', link: '/llms.txt', target: '_self', noIcon: true },
    ],
    sidebar,
    outline: { level: [2, 3] },
    externalLinkIcon: true,
  },
})
