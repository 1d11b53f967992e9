export { openCheckpoint, type Checkpoint } from './checkpoint.js'
export {
  openCheckpointTensors,
  readCheckpointJson,
  type CheckpointFiles,
  type CheckpointTensors,
} from './checkpoint-files.js'
export { configFromJson } from './config.js'
export { readSafetensors, type Safetensors, type CheckpointTensor } from './header.js'
export type { JsonLimits, JsonObject } from './json.js'
export { textTensors } from './tensors.js'
export { towerConfigFromJson, type CheckpointVision } from './vision.js'
export { rawSafetensors, writeSafetensors, type TensorToStore } from './writer.js'
