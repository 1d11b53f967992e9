import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { G3Error } from '@g3/backend'
import { preprocess, VIEW_SIDE, type Box, type PreprocessedImage, type Resampler } from '@g3/vision'
import { readImage } from '../image-file.js'
import { onInterrupt } from '../interrupt.js'
import { note, print, printJson } from '../output.js'
import { encodePng } from '../png.js'
import { table } from '../table.js'

export interface VisionFlags {
  readonly panAndScan?: boolean
  readonly resampler: Resampler
  readonly json?: true
  readonly out?: string
}

/** `g3 vision FILE`: what the encoder and the prompt get of an image. */
export async function vision(file: string, { panAndScan = false, resampler, json, out }: VisionFlags): Promise<void> {
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const image = await preprocess(await readImage(file), { panAndScan, resampler, signal })
  if (out !== undefined) await writeViews(image, out)
  const { width, height, crops, tokens, prompt } = image
  await (json ? printJson({ width, height, crops, tokens, prompt }) : print(page(basename(file), image)))
}

/** `whole.png`, `crop-1.png`, …: [-1, 1] as levels again, which is exact. */
async function writeViews({ pixels }: PreprocessedImage, folder: string): Promise<void> {
  const names = pixels.map((_, i) => join(folder, i === 0 ? 'whole.png' : `crop-${i}.png`))
  try {
    await mkdir(folder, { recursive: true })
    for (const [i, view] of pixels.entries()) await writeFile(names[i], encodePng(VIEW_SIDE, VIEW_SIDE, levelsOf(view)))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new G3Error('cli/unwritable-output', `${folder} cannot be written to: ${why}`, { cause })
  }
  for (const name of names) note(name)
}

/** [3, height, width] in [-1, 1] as [height, width, 3] in 0 to 255. */
function levelsOf(pixels: Float32Array): Uint8Array {
  const plane = pixels.length / 3
  const levels = new Uint8Array(pixels.length)
  for (let i = 0, to = 0; i < plane; i++) {
    for (let at = i; at < pixels.length; at += plane) levels[to++] = Math.round(127.5 * (pixels[at] + 1))
  }
  return levels
}

function page(name: string, { width, height, crops, tokens, prompt }: PreprocessedImage): string {
  const rows = [{ x: 0, y: 0, width, height }, ...crops].map((box: Box, i) => [
    i === 0 ? 'whole' : `crop ${i}`,
    ...[box.x, box.y, box.width, box.height].map(String),
  ])
  const views = table(['view', 'x', 'y', 'width', 'height'], rows, [1, 2, 3, 4])
  const soft = /(?:<image_soft_token>)+/g
  const shown = prompt.replace(soft, (run) => `<image_soft_token>*${run.length / '<image_soft_token>'.length}`)
  return `${name}: ${tokens} tokens\n\n${views}\nprompt  ${JSON.stringify(shown)}\n`
}
