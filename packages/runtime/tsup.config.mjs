import { library } from '../../tooling/tsup/preset.mjs'

export default library({ gguf: 'src/gguf/index.ts' })
