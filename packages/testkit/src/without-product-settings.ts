/**
 * Loaded before each test file: removes the settings of a running product from the environment, so that no test can reach its servers by an
 * accidental default. Tests get their servers from `TEST_…` variables or from the stack.
 */
const ofTheProduct = /^(DATABASE_|REDIS_|S3_|AWS_|JWT_|JWKS_|AIRLOCK_DATA_DIR$)/

for (const name of Object.keys(process.env)) {
  if (ofTheProduct.test(name)) delete process.env[name]
}
process.env.AIRLOCK_ENV_FILE = ''
