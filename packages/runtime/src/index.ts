export {
  configFromGguf,
  expectedTensors,
  GEMMA3_12B,
  GEMMA3_1B,
  GEMMA3_270M,
  GEMMA3_27B,
  GEMMA3_4B,
  type Gemma3Config,
  type RopeConfig,
} from './config.js'
export { estimate, type Estimate, type EstimateOptions } from './estimate/estimate.js'
export type { ModelPlan } from './estimate/planned-model.js'
export type { AnswerOptions, Chat, ChatOptions, RegenerateOptions } from './session/session.js'
export type { ModelAdapters } from './generate/adapters.js'
export type { Chunk, StopReason } from './generate/decode.js'
export { generateObject, type ObjectOptions, type ObjectResult } from './generate/generate-object.js'
export type { Generation, GenerationResult } from './generate/generation.js'
export { isInstructionTuned } from './generate/gguf-model.js'
export { loadModel, type LoadOptions, type OpenBackend } from './generate/load.js'
export { modelOf, type Model, type ModelParts, type ScoreOptions } from './generate/model.js'
export type { GenerateOptions, Overflow, OverflowPolicy, Prompt } from './generate/options.js'
export type { OpenedModel } from './generate/opened-model.js'
export type { ReadOptions } from './generate/read-prompt.js'
export { openModel, type FileSource, type ModelSource } from './generate/source.js'
export type { Picture, PictureOptions } from './generate/pictures.js'
export { readAdapter, type AdapterFile, type AdapterPair } from './lora/adapter-file.js'
export type { Adapter, AdapterLoadOptions, Adapters, AdapterUse } from './lora/adapters.js'
export {
  loadGemma3,
  type Batch,
  type Gemma3,
  type Gemma3Options,
  type Images,
  type Reuse,
  type TextSequence,
} from './model/gemma3.js'
export { loadWeights, type Gemma3Weights, type LayerWeights } from './model/load-weights.js'
export { layerKinds, type LayerKind } from './model/place-layers.js'
export type { CacheTypes } from './model/size.js'
export { quantised, type LoadType } from './packing/quantised.js'
export { towerConfigFromGguf } from './tower-config.js'
export type { Sampling, SamplingOptions } from './sampling/options.js'
export { argmax, sampler, type Sampler } from './sampling/sampler.js'
export { ranking, type Ranking } from './sampling/top-k.js'
