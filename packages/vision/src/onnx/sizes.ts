import { check } from '@g3/backend'
import { INPUT, OUTPUT, type End } from './protocol.js'

/** Sizes for where the model leaves them open; for the others, what they have to be. */
export interface OnnxSizes {
  /** Pixels of a view's side. Default 896. */
  readonly side?: number
  /** Soft tokens of a view. Default: one for each 56 x 56 pixels, which is 256. */
  readonly tokens?: number
  /** Values of each: the text model's width. */
  readonly width?: number
}

/** What all published encoders have: pixels of a side, and of the squares that become a soft token. */
const SIDE = 896
const SQUARE = 4 * 14

/**
 * A view's sizes, out of what a model says of its ends.
 * @throws G3Error `vision/onnx-ends`, `vision/onnx-size`
 */
export function sizesOf(input: End | undefined, output: End | undefined, options: OnnxSizes): Required<OnnxSizes> {
  const isEncoder =
    input !== undefined && output !== undefined && input.shape.length === 4 && [2, 3].includes(output.shape.length)
  check(
    isEncoder,
    'vision/onnx-ends',
    `the model has no ${INPUT} [n, 3, side, side] or no ${OUTPUT} [n, tokens, width]: give the vision_encoder of a Gemma 3`,
  )
  for (const { type } of [input, output])
    check(
      type === 'float32' || type === 'float16',
      'vision/onnx-ends',
      () => `the encoder takes or gives ${type}; only float32 and float16 are known here`,
    )
  const size = (what: 'side' | 'tokens' | 'width', told: number | string | undefined, common?: number): number => {
    const wanted = options[what]
    const found = typeof told === 'number' && told > 0 ? told : (wanted ?? common)
    check(found !== undefined, 'vision/onnx-size', `the model leaves its ${what} open: give ${what} as an option`)
    check(
      wanted === undefined || wanted === found,
      'vision/onnx-size',
      () => `the encoder has a ${what} of ${found}, not ${wanted}: take the one of this model`,
    )
    return found
  }
  const side = size('side', input.shape[3], SIDE)
  return {
    side,
    tokens: size('tokens', output.shape.at(-2), side % SQUARE === 0 ? (side / SQUARE) ** 2 : undefined),
    width: size('width', output.shape.at(-1)),
  }
}
