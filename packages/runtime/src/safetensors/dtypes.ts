/** Bits of one element. Source: the safetensors format description, and `Dtype` in its reference implementation. */
export const DTYPE_BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
}

/** The types that weights can have. */
export type WeightDtype = 'F32' | 'F16' | 'BF16'

export const isWeightDtype = (dtype: string): dtype is WeightDtype =>
  dtype === 'F32' || dtype === 'F16' || dtype === 'BF16'
