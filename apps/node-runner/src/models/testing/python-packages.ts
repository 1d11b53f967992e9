import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

/** A zip file that stores its entries as they are. Source: PKWARE's APPNOTE, sections 4.3.7, 4.3.12, 4.3.16. */
export function zip(entries: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const bodies: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [name, bytes] of Object.entries(entries)) {
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt32LE(crc32(bytes), 10)
    common.writeUInt32LE(bytes.length, 14)
    common.writeUInt32LE(bytes.length, 18)
    common.writeUInt16LE(name.length, 22)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(offset, 10)
    const body = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), bytes])
    bodies.push(body)
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, place, Buffer.from(name)]))
    offset += body.length
  }
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(directory.length, 8)
  end.writeUInt16LE(directory.length, 10)
  end.writeUInt32LE(
    directory.reduce((sum, { length }) => sum + length, 0),
    12,
  )
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...bodies, ...directory, end])
}

export interface FakePip {
  /** For the environment's PATH. */
  readonly path: string
  /** Names of the packages that were asked for, in order. */
  asked(): Promise<readonly string[]>
}

/**
 * A `python3` that answers `-m pip download … --dest FOLDER NAME` with `<index>/NAME.whl`, as pip would name the file,
 * and fails where there is no such wheel.
 */
export async function fakePip(folder: string, wheels: Readonly<Record<string, Uint8Array>>): Promise<FakePip> {
  const bin = join(folder, 'bin')
  const log = join(folder, 'asked')
  await mkdir(bin, { recursive: true })
  await writeFile(log, '')
  for (const [name, bytes] of Object.entries(wheels)) await writeFile(join(folder, `${name}.whl`), bytes)
  const script = `#!/bin/sh
case "$*" in *--version*) echo 'pip 1'; exit 0;; esac
for name; do :; done
while [ "$1" != --dest ]; do shift; done
echo "$name" >> '${log}'
[ -f "${folder}/$name.whl" ] || { echo "ERROR: No matching distribution found for $name" >&2; exit 1; }
/bin/cp "${folder}/$name.whl" "$2/$(echo "$name" | /usr/bin/tr - _)-0.1.0-py3-none-any.whl"
`
  await writeFile(join(bin, 'python3'), script)
  await chmod(join(bin, 'python3'), 0o755)
  return { path: bin, asked: async () => (await readFile(log, 'utf8')).split('\n').filter(Boolean) }
}
