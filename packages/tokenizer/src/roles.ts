/** What a piece is for. One number per piece, decided when a vocabulary is read. */
export const ROLE = {
  /** Ordinary text, made by merging. */
  text: 0,
  /**
   * Structure that text must not be able to forge: turn and image markers, BOS and the like. Matched only on request.
   */
  marker: 1,
  /** Cut out of any text before merging: runs of newlines, tabs and spaces, HTML tags, placeholders. */
  added: 2,
  /** One of the 256 bytes. */
  byte: 3,
  /** In the vocabulary, but no text becomes it. */
  unused: 4,
} as const

/** Gemma 3's markers: the tokens that its tokenizer.json flags `special`. */
export const GEMMA_MARKERS = [
  '<pad>', '<eos>', '<bos>', '<unk>', '<start_of_turn>', '<end_of_turn>', '<start_of_image>', '<end_of_image>',
  '<image_soft_token>',
] as const

/** Tokens without a meaning of their own, which tokenizer.json does not flag `special`. */
export const PLACEHOLDER = /^<(?:mask|unused\d+)>$/

/** Name of the byte piece for each value: `<0x00>` to `<0xFF>`. */
export const byteName = (value: number): string => `<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`
