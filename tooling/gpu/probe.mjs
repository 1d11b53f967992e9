// Prints the adapter that WebGPU finds in this environment; ends with code 1 where there is none.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../setup/paths.mjs'

const kernels = createRequire(join(root, 'packages', 'kernels-webgpu', 'package.json'))
const { create } = await import(pathToFileURL(kernels.resolve('webgpu')).href)
const gpu = create([])
const adapter = await gpu.requestAdapter()
if (adapter) console.log(adapter.info.description || adapter.info.vendor)
process.exit(adapter ? 0 : 1)
