import { check } from '@g3/backend'

/** Throws `tensor/read-range` unless bytes [offset, offset + length) lie inside a tensor of `byteLength` packed bytes. */
export function checkTensorRange(name: string, byteLength: number, offset: number, length: number): void {
  check(
    Number.isSafeInteger(offset) && offset >= 0 && length <= byteLength - offset,
    'tensor/read-range',
    () => `bytes ${offset} to ${offset + length} of tensor ${name} were asked for, it has ${byteLength}`,
  )
}
