/**
 * Angular frequency of each pair (j, j + headDim/2): base^(−2j/headDim) / scaling, [headDim / 2].
 *
 * Rounded to f32 step by step, and so is the angle position · frequency (see {@link ropeAngle}): Gemma 3 was trained
 * and is published with f32 angles, which at position 131071 are up to 0.008 rad away from the exact ones. A backend
 * that wants to agree with the published model builds its tables from these two functions. Source: Hugging Face
 * transformers, `modeling_rope_utils.py` (default and linear scaling).
 */
export function ropeFrequencies(headDim: number, base: number, scaling: number): Float32Array {
  const frequencies = new Float32Array(headDim / 2)
  for (let j = 0; j < frequencies.length; j++) {
    const wavelength = Math.fround(base ** ((2 * j) / headDim))
    frequencies[j] = Math.fround(1 / wavelength) / scaling
  }
  return frequencies
}

/** Rotation angle in radians, rounded to f32. */
export const ropeAngle = (position: number, frequency: number): number => Math.fround(position * frequency)
