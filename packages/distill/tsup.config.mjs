import { library } from '../../tooling/tsup/preset.mjs'

export default library({ evaluate: 'src/evaluate/index.ts' })
