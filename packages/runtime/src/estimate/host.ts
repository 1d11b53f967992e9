/**
 * What a program takes beside model and backend, measured in Node 24: the engine's heap and code once a model runs, and
 * for each piece of the vocabulary its text, score and places in the tokenizer's tables.
 */
const ENGINE_BYTES = 22 * 2 ** 20
const PIECE_BYTES = 96

export const hostBytes = (vocab: number): number => ENGINE_BYTES + vocab * PIECE_BYTES
