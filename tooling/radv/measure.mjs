// What Mesa's RADV compiles the WebGPU kernels of the 270M to, for an RDNA 3 GPU that need not be there.
//   node tooling/radv/measure.mjs            prints a table
//   node tooling/radv/measure.mjs --update   writes budget.json
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { node24 } from '../setup/paths.mjs'

/** @typedef {{ instructions: number, vgprs: number, spills: number, scratch: number, subgroups: number }} Statistics */

const here = fileURLToPath(new URL('.', import.meta.url))
const DRIVERS = ['radeon_icd.json', 'radeon_icd.x86_64.json'].map((name) => `/usr/share/vulkan/icd.d/${name}`)
const driver = DRIVERS.find((path) => existsSync(path))
export const BUDGET = join(here, 'budget.json')

/** Names as the driver has them. */
const NAMES = {
  Instructions: 'instructions',
  VGPRs: 'vgprs',
  'Spilled VGPRs': 'spills',
  'Spilled SGPRs': 'spills',
  'Scratch size': 'scratch',
  'Subgroups per SIMD': 'subgroups',
}

/** @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} [env] @returns {string} what it printed */
function run(command, args, env = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  if (status !== 0) throw new Error(`${command} failed: ${error ?? stderr.slice(-2000)}`)
  return stdout
}

/** @returns {string} what this machine lacks to measure; empty where it lacks nothing */
export function missing() {
  if (driver === undefined) return `Mesa's driver for AMD GPUs (${DRIVERS.join(' or ')})`
  for (const tool of ['gcc', 'spirv-as']) if (spawnSync(tool, ['--version']).status !== 0) return tool
  const probe = spawnSync('gcc', ['-E', '-x', 'c', '-'], { input: '#include <vulkan/vulkan.h>' })
  return probe.status === 0 ? '' : 'the headers of Vulkan (libvulkan-dev)'
}

/** @param {string} output of spirv.mjs @returns {Map<string, string>} by kernel: its SPIR-V, disassembled */
export function kernelsIn(output) {
  const kernels = new Map()
  let name = ''
  for (const part of output.split(/^info:\n/m)) {
    const [, found] = /^\/\/ kernel: (.*)$/m.exec(part) ?? []
    if (part.startsWith('// Dumped WGSL')) name = found ?? ''
    if (name === '' || !part.startsWith('/* Dumped SPIRV')) continue
    let key = name
    for (let n = 2; kernels.has(key); n++) key = `${name} ${n}`
    // Older assemblers do not know this; it changes nothing for a compiler that has no such optimisation.
    const known = part.split('\n').filter((line) => !/MaximallyReconverges|maximal_reconvergence/.test(line))
    kernels.set(key, known.slice(1).join('\n'))
    name = ''
  }
  return kernels
}

/** @returns {{ driver: string, kernels: Record<string, Statistics> }} Mesa's version, and what becomes of each kernel */
export function measure() {
  const folder = mkdtempSync(join(tmpdir(), 'g3-radv-'))
  try {
    const tool = join(folder, 'statistics')
    run('gcc', ['-O1', join(here, 'statistics.c'), '-lvulkan', '-o', tool])
    const kernels = [...kernelsIn(run(node24, [join(here, 'spirv.mjs')]))]
    const files = kernels.map(([, text], i) => {
      const [source, binary] = [join(folder, `${i}.spvasm`), join(folder, `${i}.spv`)]
      writeFileSync(source, text)
      run('spirv-as', ['--target-env', 'vulkan1.2', source, '-o', binary])
      return binary
    })
    const environment = { RADV_FORCE_FAMILY: 'navi31', VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver }
    const [head, ...lines] = run(tool, files, { ...environment, MESA_SHADER_CACHE_DISABLE: 'true' }).split('\n')
    const found = Object.fromEntries(kernels.map(([name]) => [name, {}]))
    for (const line of lines) {
      const [file, label, value] = line.split('\t')
      const key = NAMES[label]
      const statistics = found[kernels[files.indexOf(file)]?.[0]]
      if (key !== undefined && statistics) statistics[key] = (statistics[key] ?? 0) + Number(value)
    }
    const [, version] = /(Mesa \d+\.\d+)/.exec(head) ?? []
    if (version === undefined) throw new Error(`the driver is not Mesa's: ${head}`)
    return { driver: version, kernels: found }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lack = missing()
  if (lack !== '') throw new Error(`this machine lacks ${lack}`)
  const { driver: version, kernels } = measure()
  console.table(kernels)
  if (process.argv.includes('--update')) {
    const lines = Object.entries(kernels).map(
      ([name, found]) => `    ${JSON.stringify(name)}: ${JSON.stringify(found)}`,
    )
    writeFileSync(BUDGET, `{\n  "driver": ${JSON.stringify(version)},\n  "kernels": {\n${lines.join(',\n')}\n  }\n}\n`)
  }
}
