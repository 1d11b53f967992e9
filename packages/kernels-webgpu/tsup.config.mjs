import { library } from '../../tooling/tsup/preset.mjs'

export default library({ index: 'src/index.ts', 'node-index': 'src/node-index.ts', test: 'src/test.ts' })
