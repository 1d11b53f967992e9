import { library } from '../../tooling/tsup/preset.mjs'

export default library({
  index: 'src/index.ts',
  auto: 'src/auto.ts',
  tools: 'src/tools/index.ts',
  session: 'src/session/index.ts',
  'prompt-api': 'src/prompt-api/index.ts',
  grammar: 'src/grammar/index.ts',
  gguf: 'src/gguf/index.ts',
  inspect: 'src/inspect/index.ts',
  speculate: 'src/speculate/index.ts',
  safetensors: 'src/safetensors/index.ts',
  worker: 'src/worker/index.ts',
  'worker-program': 'src/worker/program.ts',
})
