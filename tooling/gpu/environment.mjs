import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { node24 } from '../setup/paths.mjs'
import { swiftShader } from './swiftshader.mjs'

const probe = fileURLToPath(new URL('probe.mjs', import.meta.url))

/** @param {Record<string, string>} environment @returns {string | undefined} the adapter that is found with it */
function adapterWith(environment) {
  const { status, stdout } = spawnSync(node24, [probe], { env: { ...process.env, ...environment }, timeout: 30_000 })
  return status === 0 ? String(stdout).trim() : undefined
}

/**
 * What to add to the environment so that WebGPU finds an adapter in Node: nothing where the machine has a GPU or a software
 * driver that is new enough, otherwise SwiftShader. A machine without any runs its tests without WebGPU.
 * @returns {Record<string, string>}
 */
export function gpuEnvironment() {
  if (process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES || process.platform !== 'linux') return {}
  const own = adapterWith({})
  if (own) {
    console.log(`WebGPU: ${own}`)
    return {}
  }
  const folder = swiftShader()
  if (folder === undefined) return {}
  const environment = {
    VK_DRIVER_FILES: join(folder, 'vk_swiftshader_icd.json'),
    LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
  }
  const found = adapterWith(environment)
  console.log(found ? `WebGPU: ${found}` : 'WebGPU: no adapter')
  return found ? environment : {}
}
