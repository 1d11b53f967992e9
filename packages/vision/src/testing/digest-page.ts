import { preprocess } from '../index.js'

/** What a page and Node make of a file, to compare: size, crops and SHA-256 of the first view, or an error's code. */
export async function digest(bytes: Uint8Array): Promise<string> {
  try {
    const { width, height, crops, pixels } = await preprocess(bytes, { panAndScan: true })
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', pixels[0]))
    return `${width} x ${height}, ${crops.length} crops, ${Array.from(hash, (byte) => byte.toString(16)).join()}`
  } catch (error) {
    return error instanceof Error && 'code' in error ? `error ${String(error.code)}` : String(error)
  }
}

/** The page's program: fetches each file that its server names, and posts what came of them. */
export async function digestAll(): Promise<void> {
  const names: readonly string[] = await (await fetch('/names')).json()
  const found: Record<string, string> = {}
  for (const name of names) {
    found[name] = await digest(new Uint8Array(await (await fetch(`/file/${name}`)).arrayBuffer()))
  }
  await fetch('/found', { method: 'POST', body: JSON.stringify(found) })
}
