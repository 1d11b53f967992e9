import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Backend } from '@g3/backend'
import { loadModel, type Model } from '@g3/runtime'
import { decodeImage, type RgbImage } from '@g3/vision'

/** One of 500 questions, each about a scene that training never drew. */
export interface HeldOut {
  readonly topic: 'shapes' | 'pair' | 'number' | 'word'
  readonly question: string
  /** The question's, without markers. */
  readonly ids: readonly number[]
  readonly answer: string
  /** What PyTorch says with the same weights, greedily. */
  readonly said: string
}

const SIDE = 96
const COLUMNS = 25

const read = (path: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url))))

/** `tooling/tiny-vision/exam.py` made them. */
export const heldOut: readonly HeldOut[] = JSON.parse(
  new TextDecoder().decode(read('fixtures/tiny-vision/held-out.json')),
)

/** PyTorch's logits [8, vocab] after the first questions. */
export const spelt = (): Float32Array => new Float32Array(read('fixtures/tiny-vision/logits.f32.bin').buffer)

/** The scenes of {@link heldOut}, in order. */
export async function heldOutScenes(): Promise<readonly RgbImage[]> {
  const { width, data } = await decodeImage(read('fixtures/tiny-vision/held-out.png'))
  return heldOut.map((_, i) => {
    const [x, y] = [(i % COLUMNS) * SIDE, Math.floor(i / COLUMNS) * SIDE]
    const scene = new Uint8Array(3 * SIDE * SIDE)
    for (let row = 0; row < SIDE; row++) {
      const start = 3 * ((y + row) * width + x)
      scene.set(data.subarray(start, start + 3 * SIDE), 3 * SIDE * row)
    }
    return { width: SIDE, height: SIDE, data: scene }
  })
}

export const tinyVision = (backend: Backend): Promise<Model> =>
  loadModel({
    source: read('assets/tiny-vision/tiny-vision-f16.gguf'),
    mmproj: read('assets/tiny-vision/mmproj-tiny-vision-f16.gguf'),
    backend,
  })

/** The ids of a question about a scene, ready for an answer. */
export async function asked(model: Model, scene: RgbImage, question: string): Promise<Int32Array> {
  const image = await model.picture(scene)
  const content = [
    { type: 'image', image },
    { type: 'text', text: question },
  ]
  return model.encode([{ role: 'user', content }])
}

/** The greedy answer. */
export async function answerTo(model: Model, scene: RgbImage, question: string): Promise<string> {
  const ids = await asked(model, scene, question)
  const { text } = await model.generate(ids, { temperature: 0, maxTokens: 16 }).result()
  return text
}
