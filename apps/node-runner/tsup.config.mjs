import { library } from '../../tooling/tsup/preset.mjs'

export default library(
  {
    cli: 'src/cli.ts',
    'bench-child': 'src/bench/child.ts',
    'bench-probe-worker': 'src/bench/roofline/probe-worker.ts',
  },
  { platform: 'node' },
)
