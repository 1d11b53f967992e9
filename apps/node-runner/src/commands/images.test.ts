import { fileURLToPath } from 'node:url'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodePng } from '../png.js'
import { g3, TINY } from '../testing/g3.js'

const MMPROJ = fileURLToPath(
  new URL('../../../../packages/runtime/fixtures/tiny-random/tiny-mmproj-f16.gguf', import.meta.url),
)
const EYES = ['--model', TINY, '--mmproj', MMPROJ, '--max-tokens', '6', '--temperature', '0'] as const

let folder = ''
const image = (name: string): string => join(folder, name)
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'g3-images-'))
  const [width, height] = [640, 300]
  const pixels = (of: (x: number) => number) =>
    Uint8Array.from({ length: 3 * width * height }, (_, i) => of(Math.floor(i / 3) % width))
  writeFileSync(
    image('dark.png'),
    encodePng(
      width,
      height,
      pixels(() => 20),
    ),
  )
  writeFileSync(
    image('stripes.png'),
    encodePng(
      width,
      height,
      pixels((x) => (x % 64 < 32 ? 255 : 0)),
    ),
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Report {
  readonly ids: readonly number[]
  readonly promptTokens: number
}

async function run(...args: string[]): Promise<Report> {
  const { code, stdout, stderr } = await g3(['run', ...EYES, '--json', ...args, 'what'])
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

describe('run --image', () => {
  it('shows what is in the file, in crops too, and several', async () => {
    const dark = await run('--image', image('dark.png'))
    const stripes = await run('--image', image('stripes.png'))
    expect(stripes.promptTokens).toBe(dark.promptTokens)
    expect(stripes.ids).not.toEqual(dark.ids)
    const scanned = await run('--image', image('dark.png'), '--pan-and-scan')
    const both = await run('--image', image('dark.png'), '--image', image('stripes.png'))
    expect(both.promptTokens).toBeGreaterThan(dark.promptTokens)
    // Two crops beside the whole, and words between them.
    expect(scanned.promptTokens).toBeGreaterThan(both.promptTokens)
  })

  it('says what is missing', async () => {
    const blind = await g3(['run', '--model', TINY, '--image', image('dark.png'), 'what'])
    expect(blind).toMatchObject({ code: 1, stderr: expect.stringContaining('(generate/no-eyes)') })
    const nothing = await g3(['run', ...EYES, '--image', image('none.png'), 'what'])
    expect(nothing.stderr).toContain('(cli/missing-file)')
    const text = await g3(['run', '--model', TINY, '--mmproj', TINY, 'what'])
    expect(text.stderr).toContain('(gguf/architecture)')
  })
})

describe('run --mmproj vision_encoder.onnx', () => {
  const fixture = (name: string): string =>
    fileURLToPath(new URL(`../../../../packages/vision/fixtures/${name}`, import.meta.url))
  const ask = ['--model', TINY, '--max-tokens', '6', '--temperature', '0', '--threads', '1', '--json'] as const
  const answer = (mmproj: string, ...args: readonly string[]) =>
    g3(['run', ...ask, '--mmproj', mmproj, ...args, 'what'])

  it('answers as with the GGUF of the same encoder, weights beside the model', async () => {
    const onnx = await answer(fixture('onnx/vision_encoder_data.onnx'), '--image', image('stripes.png'))
    expect(onnx.code, onnx.stderr).toBe(0)
    const gguf = await answer(
      fixture('tiny-random/tiny-mmproj-f32-legacy-ffn-names.gguf'),
      '--image',
      image('stripes.png'),
    )
    expect(JSON.parse(onnx.stdout).ids).toEqual(JSON.parse(gguf.stdout).ids)
  })

  it('says what is missing', async () => {
    expect((await answer(image('none.onnx'))).stderr).toContain('(cli/missing-file)')
    const lonely = image('lonely.onnx')
    copyFileSync(fixture('onnx/vision_encoder_data.onnx'), lonely)
    expect((await answer(lonely)).stderr).toContain('(vision/onnx-model)')
  })
})

it('/image shows a file with the next message of a chat, and only that', async () => {
  const chat = (stdin: string, ...args: readonly string[]) => g3(['chat', ...args], { stdin })
  const { stdout, stderr } = await chat(`/image ${image('stripes.png')}\nwhat\n/reset\nwhat\n`, ...EYES)
  expect(stderr).toContain('The next message shows')
  const { stdout: plain } = await chat('what\n', ...EYES)
  expect(stdout.endsWith(plain)).toBe(true)
  expect(stdout.slice(0, -plain.length)).not.toBe(plain)
  const wrong = await chat(`/image ${image('none.png')}\nwhat\n`, ...EYES)
  expect(wrong).toMatchObject({ code: 0, stdout: plain })
  expect(wrong.stderr).toContain('cli/missing-file')
})
