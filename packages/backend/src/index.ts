export * from './contract.js'
export { checkCacheSpec, checkedOps, checkPage, checkPageBytes, checkValues, type CheckedOps } from './checked.js'
export { checkedLogitOps } from './checked-logits.js'
export { checkedLoraOps } from './checked-lora.js'
export { checkedTrainOps } from './checked-train.js'
export { checkedVisionOps, type CheckedVisionOps } from './checked-vision.js'
export { dequantize, dequantizer } from './dequant.js'
export {
  DRAW_WORDS,
  drawAmong,
  drawOf,
  drawPlace,
  drawWeight,
  fractionOf,
  nucleus,
  packDraw,
  type Draw,
  type DrawRule,
} from './draw.js'
export { drawWeigher } from './draw-weigher.js'
export { check, G3Error, isG3Error } from './errors.js'
export type { Footprint, Workload } from './footprint.js'
export { fromBfloat, fromHalf, toHalf } from './half.js'
export { BLOCKS, MORE_BLOCKS, rowBytes, STORED_BLOCKS } from './quant.js'
export type { Block, QuantType, StoredType } from './quant.js'
export { CHANGE, editLogits, editSizes, hasLogitOps } from './logit-ops.js'
export type { LogitBackend, LogitEdits, LogitOps } from './logit-ops.js'
export { hasLoraOps } from './lora-ops.js'
export type { LoraBackend, LoraOps } from './lora-ops.js'
export { reference } from './reference.js'
export { stepNeeds, type StepNeeds } from './step.js'
export { ropeAngle, ropeFrequencies } from './rope.js'
export { isPacked, type StoredTensor } from './stored-tensor.js'
export { hasTrainOps } from './train-ops.js'
export type { AttendedRows, TrainBackend, TrainOps } from './train-ops.js'
export { traced, type TraceEvent } from './traced.js'
export type { VisionBackend, VisionOps } from './vision-ops.js'
