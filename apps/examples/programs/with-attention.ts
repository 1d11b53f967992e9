import type { Backend, Ops } from '@g3/backend'

export type Attend = Ops['attend']

/**
 * A backend whose attention is yours. The model records its programs through it and does not know.
 * @param makeAttend gets the inner backend's attention, gives what is recorded instead
 */
export const withAttention = (inner: Backend, makeAttend: (attend: Attend) => Attend): Backend => ({
  ...inner,
  record: (label, build) => inner.record(label, (ops) => build({ ...ops, attend: makeAttend(ops.attend) })),
})

/**
 * Attention with its scores divided by `temperature`, which has no unit: below 1 heads look at fewer tokens, above 1 at
 * more. The scores are scaled before the softmax, so this is the op's own `scale`, divided.
 */
export const tempered =
  (temperature: number) =>
  (attend: Attend): Attend =>
  (args) =>
    attend({ ...args, scale: args.scale / temperature })
