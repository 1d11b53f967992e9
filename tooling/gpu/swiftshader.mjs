import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { stateFolder } from '../setup/paths.mjs'

/**
 * A folder with SwiftShader, Google's Vulkan driver for CPUs, and a Vulkan loader, taken from the package
 * `@sparticuz/chromium` (Linux on x64).
 * @returns {string | undefined} nothing where the package is not installed
 */
export function swiftShader() {
  let archive
  try {
    archive = join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '..', 'bin', 'swiftshader.tar.br')
  } catch {
    return undefined
  }
  const folder = join(stateFolder, 'swiftshader')
  if (existsSync(folder) || !existsSync(archive)) return existsSync(folder) ? folder : undefined
  // Whoever is first has the whole folder; nobody sees half of one.
  const scratch = `${folder}-${process.pid}`
  mkdirSync(scratch, { recursive: true })
  for (const { name, bytes } of untar(brotliDecompressSync(readFileSync(archive)))) {
    writeFileSync(join(scratch, name), bytes, { mode: 0o755 })
  }
  try {
    renameSync(scratch, folder)
  } catch {
    rmSync(scratch, { recursive: true })
  }
  return folder
}

/**
 * The plain files of a POSIX tar archive without folders.
 * @param {Buffer} archive
 * @returns {{ name: string, bytes: Buffer }[]}
 */
export function untar(archive) {
  const files = []
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const text = (from, to) => archive.toString('latin1', at + from, at + to).split('\0')[0].trim()
    const size = Number.parseInt(text(124, 136), 8)
    const isFile = text(156, 157) === '0' || text(156, 157) === ''
    if (isFile) files.push({ name: basename(text(0, 100)), bytes: archive.subarray(at + 512, at + 512 + size) })
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}
