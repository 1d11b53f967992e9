import { existsSync } from 'node:fs'

const SYSTEM_FONTS = '/etc/fonts'

/** Unpacks the headless browser of a dev dependency (Linux on x64), and tells what it needs of the environment. */
export async function unpackChromium(
  folder: string,
): Promise<{ readonly path: string; readonly env: NodeJS.ProcessEnv }> {
  const before = { ...process.env }
  // It unpacks to the temporary folder, and brings its libraries only where it believes to be in a cloud function.
  Object.assign(process.env, { TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x' })
  try {
    const { default: chromium } = await import('@sparticuz/chromium')
    const path = await chromium.executablePath()
    // The one font that it brings is not enough for a page with controls: it gives up where another is asked for.
    const fonts = existsSync(SYSTEM_FONTS) ? { FONTCONFIG_PATH: SYSTEM_FONTS } : {}
    return { path, env: { ...process.env, ...fonts } }
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
    Object.assign(process.env, before)
  }
}

/** A container has no user namespaces for the sandbox, and what runs here is our own page. */
export const CHROMIUM_ARGS = [
  '--headless',
  '--no-sandbox',
  '--no-zygote',
  '--enable-unsafe-webgpu',
  '--disable-dev-shm-usage',
] as const
