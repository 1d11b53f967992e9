import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeImage, imagePrompt, normalise, preprocess } from '@g3/vision'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { g3 } from '../testing/g3.js'

const image = (name: string): string =>
  fileURLToPath(new URL(`../../../../packages/vision/fixtures/hf/images/${name}`, import.meta.url))

const bytesOf = (pixels: Float32Array): Uint8Array => new Uint8Array(pixels.buffer)

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'g3-vision-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const crops = [
  { x: 0, y: 0, width: 257, height: 300 },
  { x: 257, y: 0, width: 256, height: 300 },
]

it('--json has the fields of the contract and no others', async () => {
  const whole = await g3(['vision', image('two_crops_513x300.png'), '--json'])
  expect(whole).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(whole.stdout)).toEqual({ width: 513, height: 300, crops: [], tokens: 256, prompt: imagePrompt() })
  const cut = await g3(['vision', image('two_crops_513x300.png'), '--pan-and-scan', '--json'])
  expect(JSON.parse(cut.stdout)).toEqual({ width: 513, height: 300, crops, tokens: 768, prompt: imagePrompt(2) })
})

it('tells people the same', async () => {
  const { stdout } = await g3(['vision', image('jpeg_exif6_400x300.jpg')])
  expect(stdout).toBe(
    'jpeg_exif6_400x300.jpg: 256 tokens\n\nview   x  y  width  height\nwhole  0  0    300     400\n\n' +
      'prompt  "\\n\\n<start_of_image><image_soft_token>*256<end_of_image>\\n\\n"\n',
  )
})

it('--out writes what the encoder sees, whatever the file is called', async () => {
  const file = join(folder, 'picture.jpg')
  copyFileSync(image('two_crops_513x300.png'), file)
  const out = join(folder, 'new', 'views')
  const args = ['--pan-and-scan', '--resampler', 'torchvision', '--out', out]
  expect(await g3(['vision', file, ...args])).toMatchObject({ code: 0 })
  expect(readdirSync(out).sort()).toEqual(['crop-1.png', 'crop-2.png', 'whole.png'])
  const { pixels } = await preprocess(readFileSync(file), { panAndScan: true, resampler: 'torchvision' })
  for (const [i, name] of ['whole.png', 'crop-1.png', 'crop-2.png'].entries()) {
    const view = await decodeImage(readFileSync(join(out, name)))
    expect([view.width, view.height]).toEqual([896, 896])
    expect(Buffer.compare(bytesOf(normalise(view, 'torchvision')), bytesOf(pixels[i]))).toBe(0)
  }
})

it('ends with one line where there is no image', async () => {
  const text = join(folder, 'text.png')
  writeFileSync(text, 'no image at all')
  const huge = join(folder, 'huge.png')
  writeFileSync(huge, '')
  truncateSync(huge, 2 ** 40)
  for (const [args, line] of [
    [[join(folder, 'nothing.png')], /^g3: there is no file .*nothing\.png \(cli\/missing-file\)\n$/],
    [[folder], /^g3: .* is no file; give the path of an image \(cli\/unreadable-file\)\n$/],
    [[text], /^g3: the file is no image by its first bytes; .* \(vision\/unknown-type\)\n$/],
    [[huge], /^g3: .* has 1099511627776 bytes; 67108864 are allowed \(vision\/too-large\)\n$/],
    [
      [image('small_32x32.png'), '--out', text],
      /^g3: .*text\.png cannot be written to: .* \(cli\/unwritable-output\)\n$/,
    ],
  ] as const) {
    const { code, stdout, stderr } = await g3(['vision', ...args])
    expect(stderr).toMatch(line)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  }
})
