import { copyFile } from 'node:fs/promises'
import { library } from '../../tooling/tsup/preset.mjs'

export default library(
  { index: 'src/index.ts' },
  {
    onSuccess: async () => {
      for (const build of ['relaxed', 'plain']) await copyFile(`src/generated/${build}.wasm`, `dist/kernels-${build}.wasm`)
    },
  },
)
