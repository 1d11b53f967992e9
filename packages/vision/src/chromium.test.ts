import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { digestInChromium } from './testing/chromium.js'
import { digest } from './testing/digest-page.js'
import { fixture } from './testing/fixtures.js'

/** Unpacks and starts a browser: `G3_CHROMIUM=1 npm test -- packages/vision/src/chromium`, on Linux. */
const IS_ASKED_FOR = process.env.G3_CHROMIUM !== undefined

const IMAGE = /\.(?:png|jpg|webp|gif|avif)$/

it.runIf(IS_ASKED_FOR)('a page and Node make the same of every fixture', { timeout: 300_000 }, async () => {
  const paths = ['hf/images', 'pillow'].flatMap((folder) =>
    readdirSync(new URL(`../fixtures/${folder}`, import.meta.url)).map((name) => `${folder}/${name}`),
  )
  const files = new Map<string, Uint8Array>([['cut.jpg', fixture('pillow/jpeg-444.jpg').subarray(0, 900)]])
  for (const path of paths) if (IMAGE.test(path)) files.set(path.replaceAll('/', '-'), fixture(path))
  const inNode: Record<string, string> = {}
  for (const [name, bytes] of files) inNode[name] = await digest(bytes)
  const folder = mkdtempSync(join(tmpdir(), 'g3-vision-'))
  try {
    expect(await digestInChromium(files, folder)).toEqual(inNode)
    expect(Object.values(inNode).filter((found) => found.startsWith('error'))).toEqual(['error vision/truncated'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
