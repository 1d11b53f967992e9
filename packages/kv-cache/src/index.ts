export { G3Error } from './errors.js'
export { placement, type Block, type Placement, type View } from './placement.js'
export { linear, regions, ring, type CachePlan, type Regions } from './plan.js'
export { sequence, type Sequence } from './sequence.js'
