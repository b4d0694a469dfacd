/**
 * Where Node keeps what it made of modules, when `npm test` has named a place: for processes whose whole environment a test chooses, so that
 * they start sooner.
 */
export function compileCache(): Record<string, string> {
  const { NODE_COMPILE_CACHE } = process.env
  return NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }
}
