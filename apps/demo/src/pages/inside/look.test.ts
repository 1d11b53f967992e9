import { expect, it } from 'vitest'
import { labModels } from '../../lab/opened.js'
import { context, example, tinyVision } from '../../lab/testing/site-model.js'
import { look as work } from './look.js'

const look = work(labModels())

const coded = (code: string) => expect.objectContaining({ code })
const prompt = { text: 'Describe the image.', form: 'chat', image: example('pair') } as const
const model = tinyVision()

it('follows the likeliest token to the answer that the model gives, and shows what it attends to', async () => {
  const chosen: number[] = []
  let text = ''
  for (;;) {
    const looked = await look({ model, prompt, chosen }, context())
    expect(looked.layers.map(({ kind }) => kind)).toEqual(['local', 'local', 'local', 'local', 'local', 'global'])
    const best = looked.layers.at(-1)?.candidates[0]
    if (best === undefined || looked.ends.includes(best.id) || chosen.length > 20) break
    expect(looked.tokens).toHaveLength(looked.promptTokens + chosen.length)
    chosen.push(best.id)
    text += best.text
  }
  expect(text).toBe('a yellow heart and a purple triangle')
})

it('looks at an earlier token, which knows nothing of later ones', async () => {
  const whole = await look({ model, prompt, chosen: [] }, context())
  expect(whole.tokens.filter(({ kind }) => kind === 'image')).toHaveLength(9)
  const earlier = await look({ model, prompt, chosen: [], at: whole.promptTokens - 2 }, context())
  expect(earlier.at).toBe(whole.promptTokens - 2)
  expect(earlier.layers[0].attention).toHaveLength(earlier.heads * (earlier.at + 1))
  const image = whole.tokens.findIndex(({ kind }) => kind === 'image')
  await expect(look({ model, prompt, chosen: [], at: image }, context())).rejects.toThrow(coded('demo/image-row'))
})

it('continues a text as it stands, and names what is too much', async () => {
  const looked = await look({ model, prompt: { text: 'a red', form: 'text' }, chosen: [] }, context())
  expect(looked.tokens[0]).toMatchObject({ kind: 'special' })
  expect(
    looked.tokens
      .slice(1)
      .map(({ text }) => text)
      .join(''),
  ).toBe('a red')
  const long = { text: 'a red heart '.repeat(400), form: 'text' } as const
  await expect(look({ model, prompt: long, chosen: [] }, context())).rejects.toThrow(coded('model/context-full'))
})
