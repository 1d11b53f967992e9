import { library } from '../../tooling/tsup/preset.mjs'

export default library({ index: 'src/index.ts', onnx: 'src/onnx/index.ts', 'onnx-worker': 'src/onnx/worker.ts' })
