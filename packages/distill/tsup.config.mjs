import { library } from '../../tooling/tsup/preset.mjs'

export default library({ index: 'src/index.ts', evaluate: 'src/evaluate/index.ts' })
