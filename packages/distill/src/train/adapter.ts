import { writeGguf } from '@g3/runtime/gguf'
import type { Student } from '../student/student.js'

/** ggml's number of f32. */
const F32 = 0

/**
 * What was learned as a GGUF file, which g3 and llama.cpp load: llama.cpp's `convert_lora_to_gguf.py` writes the same keys and names.
 * @param name what the file calls itself
 * @param alpha of the plan
 */
export const adapterFile = (
  { parameters }: Pick<Student, 'parameters'>,
  name: string,
  alpha: number,
): Uint8Array<ArrayBuffer> =>
  writeGguf({
    metadata: {
      'general.architecture': 'gemma3',
      'general.type': 'adapter',
      'general.name': name,
      'adapter.type': 'lora',
      'adapter.lora.alpha': { f32: alpha },
    },
    tensors: parameters.all.map((each) => ({
      name: each.name,
      type: F32,
      shape: [each.cols, each.rows],
      data: new Uint8Array(each.values.buffer, each.values.byteOffset, each.values.byteLength),
    })),
  })
