/**
 * The OpenAPI document as a page, by Scalar. Everything comes from the page's own server: by default Scalar loads fonts, sends requests through a proxy,
 * and offers an assistant, an editor and an app of its vendor.
 */
const settings = {
  _integration: 'fastify',
  telemetry: false,
  withDefaultFonts: false,
  proxyUrl: '',
  externalUrls: { dashboardUrl: '', registryUrl: '', proxyUrl: '', apiBaseUrl: '' },
  agent: { disabled: true, hideAddApi: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: 'never',
  persistAuth: false,
  theme: 'none',
  operationTitleSource: 'summary',
  documentDownloadType: 'json',
  defaultOpenFirstTag: true,
  hideModels: false,
} as const

export interface ReferenceOptions {
  /** Of the OpenAPI document. */
  readonly documentUrl: string
  /** Whether the page may send requests to the server of the document. */
  readonly canSend: boolean
}

/** The page. Its script and its style are beside it, so that a policy can forbid inline ones. */
export const referenceHtml = (folder: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Airlock: HTTP API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="${folder}/reference.css">
  </head>
  <body>
    <div id="reference"></div>
    <noscript>This page needs JavaScript. The document that it shows is <a href="${folder}/../openapi.json">openapi.json</a>.</noscript>
    <script src="${folder}/scalar.js"></script>
    <script src="${folder}/reference.js"></script>
  </body>
</html>
`

/** The program of the page. */
export const referenceProgram = ({ documentUrl, canSend }: ReferenceOptions): string =>
  `Scalar.createApiReference('#reference', ${JSON.stringify({ ...settings, url: documentUrl, hideTestRequestButton: !canSend }, null, 2)})\n`

/** The rest of the page's style comes from Scalar's script. */
export const referenceCss = `body { margin: 0; font-family: system-ui, sans-serif }
:root { --scalar-font: system-ui, sans-serif; --scalar-font-code: ui-monospace, monospace }
a[href^='https://www.scalar.com'], a[href^='https://scalar.com'] { display: none }
`
