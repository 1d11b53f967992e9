import type { Backend } from '@g3/backend'
import { openModel } from '@g3/runtime'
import { student, type Student } from '../student/student.js'
import type { Example } from '../student/rows.js'
import { TARGETS } from '../student/targets.js'
import { bytesAt, fixture, fixtureJson, tinyFile } from './tiny-model.js'

interface Case {
  readonly name: string
  readonly leash: number
  readonly examples: readonly {
    readonly ids: readonly number[]
    readonly images?: readonly { readonly at: number; readonly image: number }[]
    readonly wanted: Example['wanted']
  }[]
  readonly loss: number
  readonly divergence: number
}

/** Gradients in float64 of `tooling/distill/make_gradient_goldens.py`. */
export const gradientGoldens = () =>
  fixtureJson<{ rank: number; alpha: number; cases: readonly Case[] }>('train/cases.json')

const floats = (name: string): Float32Array => new Float32Array(fixture(`train/${name}`).buffer)

/** The tiny model with the matrices of the goldens. */
export async function goldenStudent(backend: Backend, rows = 64): Promise<Student> {
  const { rank, alpha } = gradientGoldens()
  const opened = await openModel(tinyFile('tiny-text-f32.gguf'))
  const options = { rank, alpha, targets: TARGETS, seed: 1, rows, mostTargets: 8 }
  const taught = await student(backend, opened.tensor, opened.config, options)
  const values = floats('values.bin')
  let at = 0
  for (const each of taught.parameters.all) {
    each.values.set(values.subarray(at, at + each.values.length))
    at += each.values.length
  }
  await taught.parameters.write()
  return taught
}

/** Two images of four soft tokens. */
const softTokens = (): Float32Array =>
  new Float32Array(bytesAt('vision/fixtures/tiny-random/vision.soft_tokens.bin').buffer)

export function examplesOf({ examples }: Case): readonly Example[] {
  const soft = softTokens()
  return examples.map(({ ids, images = [], wanted }) => ({
    ids: Int32Array.from(ids),
    images: images.map(({ at, image }) => ({
      at,
      values: soft.slice((image * soft.length) / 2, ((image + 1) * soft.length) / 2),
    })),
    wanted,
  }))
}

/** The largest relative error (L2) of a matrix's gradient, and which it is. */
export async function worstGradient({ parameters }: Student, { name }: Case) {
  const want = floats(`${name}.bin`)
  const got = await parameters.gradients()
  let worst = { error: 0, matrix: '' }
  let at = 0
  for (const [n, grad] of got.entries()) {
    let [off, size] = [0, 0]
    for (const [i, value] of grad.entries()) {
      off += (value - want[at + i]) ** 2
      size += want[at + i] ** 2
    }
    at += grad.length
    const error = Math.sqrt(off / size)
    // NaN is the worst.
    if (!(error <= worst.error)) worst = { error, matrix: parameters.all[n].name }
  }
  return worst
}
