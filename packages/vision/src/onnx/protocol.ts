/** Where ONNX Runtime computes: `wasm` on the CPU, `webgpu` on a GPU of a page's. */
export type Provider = 'wasm' | 'webgpu'

/** A file of weights beside the model, by the name that the model has for it. */
export interface DataFile {
  readonly name: string
  readonly data: Uint8Array<ArrayBuffer>
}

/** What the worker is asked. */
export type Request =
  | {
      readonly kind: 'open'
      readonly model: Uint8Array<ArrayBuffer>
      readonly data: readonly DataFile[]
      readonly providers: readonly Provider[]
      readonly threads: number | undefined
    }
  | { readonly kind: 'encode'; readonly pixels: Float32Array<ArrayBuffer>; readonly side: number }

/** What a model says of one of its ends; a size that it leaves open is a name. */
export interface End {
  readonly type: string
  readonly shape: readonly (number | string)[]
}

/** What the worker answers. */
export type Reply =
  | { readonly kind: 'opened'; readonly input: End | undefined; readonly output: End | undefined }
  | { readonly kind: 'encoded'; readonly values: Float32Array<ArrayBuffer>; readonly dims: readonly number[] }
  | { readonly kind: 'failed'; readonly code: 'runtime' | 'model' | 'run'; readonly message: string }

/** Names of the encoder's ends in the hub's conversions. */
export const INPUT = 'pixel_values'
export const OUTPUT = 'image_features'
