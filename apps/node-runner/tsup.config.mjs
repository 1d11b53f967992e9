import { library } from '../../tooling/tsup/preset.mjs'

export default library({ cli: 'src/cli.ts', 'g3-engine': 'src/bench/g3-engine.ts' }, { platform: 'node' })
