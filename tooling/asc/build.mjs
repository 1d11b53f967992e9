// Compiles AssemblyScript to WASM, with relaxed SIMD and without, and inlines the results:
//   node build.mjs assembly/index.ts src/generated [plain|relaxed]
//
// -O1 on purpose: -O2 and -O3 move each accumulator's chain to its use and V8 then spills half of the registers
// (measured: up to three times slower).
import { mkdir, writeFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import asc from 'assemblyscript/asc'

const [entry, out, only] = process.argv.slice(2)
const builds = { plain: [], relaxed: ['--enable', 'relaxed-simd'] }

await mkdir(out, { recursive: true })
for (const [name, features] of Object.entries(builds)) {
  if (only !== undefined && name !== only) continue
  const files = new Map()
  const { error, stderr } = await asc.main(
    [
      entry, '--outFile', 'kernels.wasm', '-O1', '--noAssert', '--runtime', 'stub',
      '--enable', 'simd,threads,bulk-memory,nontrapping-f2i', ...features,
      '--importMemory', '--sharedMemory', '--initialMemory', '2', '--maximumMemory', '65536',
    ],
    { writeFile: (file, contents) => files.set(file, contents) },
  )
  if (error) {
    process.stderr.write(stderr.toString())
    process.exit(1)
  }
  const wasm = files.get('kernels.wasm')
  await writeFile(`${out}/${name}.wasm`, wasm)
  await writeFile(
    `${out}/${name}.ts`,
    `/** ${wasm.length} bytes of WASM, as gzip in base64. */\nexport const ${name} =\n  '${gzipSync(wasm, { level: 9 }).toString('base64')}'\n`,
  )
  console.log(`${out}/${name}.wasm ${wasm.length} bytes`)
}
