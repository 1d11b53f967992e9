import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { g3 } from '../testing/g3.js'

const example = (topic: string): string =>
  fileURLToPath(new URL(`../../fixtures/tiny-vision/examples/${topic}.png`, import.meta.url))

async function answer(topic: string, question: string, ...more: string[]): Promise<string> {
  const args = ['run', '--model', 'tiny-vision', '--image', example(topic), '--temperature', '0', ...more, question]
  const { code, stdout, stderr } = await g3(args)
  expect(code, stderr).toBe(0)
  return stdout
}

describe('run --model tiny-vision', () => {
  it.each([
    ['shapes', 'How many squares are there?', '4'],
    ['pair', 'Describe the image.', 'a yellow heart and a purple triangle'],
    ['number', 'What number is this?', '43'],
  ])('asked about a picture of %s: %s %s', async (topic, question, right) => {
    expect(await answer(topic, question)).toBe(`${right}\n`)
  })

  it('has its image encoder with it, and takes another one where it is told to', async () => {
    const report = JSON.parse(await answer('word', 'Read the word.', '--json'))
    expect(report).toMatchObject({ text: 'go', stopReason: 'stop' })
    const { code, stderr } = await g3(['run', '--model', 'tiny-vision', '--mmproj', '/nowhere.gguf', 'hi'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/cli\/missing-file/)
  })
})
