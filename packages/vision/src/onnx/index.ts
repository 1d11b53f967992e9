export { onnxEncoder, type OnnxEncoder, type OnnxEncoderOptions } from './encoder.js'
export type { OnnxFile } from './files.js'
export type { Provider } from './protocol.js'
