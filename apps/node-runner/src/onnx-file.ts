import { openAsBlob } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { G3Error } from '@g3/backend'
import type { OnnxEncoder, OnnxEncoderOptions } from '@g3/vision/onnx'

export const isOnnxFile = (path: string): boolean => path.toLowerCase().endsWith('.onnx')

/**
 * Opens an image encoder in ONNX, with the files of weights beside it: `NAME_data`, `NAME_data_1` and so on, or `NAME.data`.
 * @throws G3Error `cli/missing-file`, as `onnxEncoder`
 */
export async function openOnnxFile(
  path: string,
  options: Pick<OnnxEncoderOptions, 'width' | 'threads' | 'signal'>,
): Promise<OnnxEncoder> {
  const { onnxEncoder } = await import('@g3/vision/onnx')
  const open = async (file: string): Promise<Blob> => {
    try {
      return await openAsBlob(file)
    } catch (cause) {
      throw new G3Error('cli/missing-file', `there is no file ${file} that can be read`, { cause })
    }
  }
  const model = await open(path)
  const name = basename(path)
  const isBeside = (file: string): boolean =>
    file === `${name}.data` || new RegExp('^_data(?:_\\d+)?$').test(file.slice(name.length))
  const beside = (await readdir(dirname(path))).filter((file) => file.startsWith(name) && isBeside(file))
  const data: Record<string, Blob> = {}
  for (const file of beside) data[file] = await open(join(dirname(path), file))
  return onnxEncoder({ model, data, ...options })
}
