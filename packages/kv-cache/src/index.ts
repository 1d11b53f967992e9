export { G3Error } from './errors.js'
export type { Block, Placement, View } from './placement.js'
export { linear, ring, type CachePlan } from './plan.js'
export { sequence, type Sequence } from './sequence.js'
