/** Guesses how texts go on. What it says never changes a text, only how fast it comes: the model checks every guess. */
export interface Drafter {
  /** Has every guess checked, whether that pays or not: to test and to measure. */
  readonly always?: boolean
  /**
   * Follows a text from its beginning.
   * @param prompt its ids; negative ones stand for images
   */
  start(prompt: Int32Array): DraftedText
}

/** A text that a drafter follows. */
export interface DraftedText {
  /** Takes a token that the text has got. */
  accept(id: number): void
  /**
   * Guesses the next tokens, none where it has no idea.
   * @param most how many are of use
   */
  propose(most: number): Draft | Promise<Draft>
}

export interface Draft {
  readonly ids: readonly number[]
  /**
   * How sure it is, as a whole number from 0, of which each stands for a rate that is learnt as the text goes on: the
   * length of the match, for a lookup.
   */
  readonly strength: number
}

export const NO_DRAFT: Draft = { ids: [], strength: 0 }
