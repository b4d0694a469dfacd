/** What Vite makes of imported files. */

declare module '*.css'

declare module '*.svg' {
  const url: string
  export default url
}
