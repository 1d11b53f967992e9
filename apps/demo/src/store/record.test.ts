import { describe, expect, it } from 'vitest'
import { hashIn } from './hub.js'
import { parseRecord } from './record.js'

describe('a model record', () => {
  const record = { id: 'a', title: 'A', url: 'https://x/a.gguf', mark: { size: 5, validator: '"v"' }, sha256: 'f' }

  it('comes back as it was', () => {
    expect(parseRecord(JSON.stringify(record), 'a')).toEqual(record)
  })

  it('is nothing where it is half, of another folder, or no record; a mark that is none is left out', () => {
    for (const text of ['', '{"id":"a"', '[]', 'null', '{"id":"a"}']) expect(parseRecord(text, 'a')).toBeUndefined()
    expect(parseRecord(JSON.stringify(record), 'b')).toBeUndefined()
    expect(parseRecord(JSON.stringify({ ...record, mark: { size: 'x' } }), 'a')).not.toHaveProperty('mark')
  })
})

it("finds a file's hash in the hub's list, and nothing in other data", () => {
  const oid = '0a'.repeat(32)
  const list = [{ path: 'README.md' }, { path: 'm.gguf', lfs: { oid, size: 3 } }]
  expect(hashIn(list, 'm.gguf')).toBe(oid)
  expect(hashIn(list, 'README.md')).toBeUndefined()
  for (const other of [undefined, {}, 'x', [null], [{ path: 'm.gguf', lfs: { oid: 'short' } }]]) {
    expect(hashIn(other, 'm.gguf')).toBeUndefined()
  }
})
