import { describe, expect, it } from 'vitest'
import { untar } from './swiftshader.mjs'

/** A tar header and its padded bytes. */
function entry(name, text, type = '0') {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write(text.length.toString(8).padStart(11, '0'), 124)
  header.write(type, 156)
  const body = Buffer.alloc(Math.ceil(text.length / 512) * 512)
  body.write(text)
  return Buffer.concat([header, body])
}

describe('untar', () => {
  it('gives plain files by their names without folders, and stops at the end', () => {
    const long = 'x'.repeat(700)
    const archive = Buffer.concat([
      entry('lib/a.so', 'first'),
      entry('folder', '', '5'),
      entry('b.json', long),
      Buffer.alloc(1024),
    ])
    expect(untar(archive).map(({ name, bytes }) => [name, bytes.toString()])).toEqual([
      ['a.so', 'first'],
      ['b.json', long],
    ])
  })

  it('gives nothing of an empty archive', () => expect(untar(Buffer.alloc(1024))).toEqual([]))
})
