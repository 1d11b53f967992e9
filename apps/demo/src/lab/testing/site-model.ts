import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { LabContext, LabModel } from '../calls.js'

const RUNNER = new URL('../../../../node-runner/', import.meta.url)
const blob = (path: string): Blob => new Blob([readFileSync(fileURLToPath(new URL(path, RUNNER)))])

/** The model that comes with the site, as the lab gets it. */
export const tinyVision = (): LabModel => ({
  id: 'tiny-vision',
  source: blob('assets/tiny-vision/tiny-vision-f16.gguf'),
  mmproj: blob('assets/tiny-vision/mmproj-tiny-vision-f16.gguf'),
  wish: { backend: 'cpu', threads: 1 },
})

/** One of the pictures that come with the site. */
export const example = (name: string): Blob => blob(`fixtures/tiny-vision/examples/${name}.png`)

/** What a call of the lab's gets, and what it has told. */
export function context<Item>(
  signal: AbortSignal = new AbortController().signal,
): LabContext<Item> & { readonly told: Item[] } {
  const told: Item[] = []
  return { signal, tell: (item) => told.push(item), told }
}
