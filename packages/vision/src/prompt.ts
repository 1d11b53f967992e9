/** Soft tokens that the encoder makes of one view, whole image or crop: 64 x 64 patches, pooled 4 x 4. */
export const TOKENS_PER_VIEW = 256

/** One view among tokens; the newlines fuse with neighbouring ones when the text is tokenised. */
const VIEW = `\n\n<start_of_image>${'<image_soft_token>'.repeat(TOKENS_PER_VIEW)}<end_of_image>\n\n`

/**
 * The text that takes the place of an image's `<start_of_image>` before the prompt is tokenised, for an image with so
 * many crops. To be tokenised with special tokens recognised.
 *
 * Source: `Gemma3Processor.__call__` of transformers.
 */
export function imagePrompt(crops = 0): string {
  if (crops === 0) return VIEW
  const scanned = Array.from({ length: crops }, () => VIEW).join(' ')
  return `Here is the original image ${VIEW} and here are some crops to help you see better ${scanned}`
}
