import { thread } from './sync'

/*
 * What a job needs besides program and step, in shared memory; `src/scratch.ts` writes it and never changes it. u32 words:
 * 0 precision, 4 scratch base, 8 scratch bytes a thread, 12 widest matrix in columns, 16 ticket counters, 20 attention's partial
 * results, 24 whether int8 products are summed in quads.
 */
let words: usize = 0
let scratch: usize = 0

export function configure(address: usize): void {
  words = address
  scratch = load<usize>(address, 4) + <usize>thread * load<usize>(address, 8)
}

/** 0: int8 activations where the weights allow it. 1: 14-bit activations. 2: f32 activations. */
@inline export function precision(): i32 { return load<i32>(words) }
/** See `Quads` in `lib/layout.ts`. */
@inline export function quads(): bool { return load<u32>(words, 24) != 0 }
@inline export function tickets(): usize { return load<usize>(words, 16) }
@inline export function partials(): usize { return load<usize>(words, 20) }

// This thread's scratch. The first 64 KiB belong to attention, see `ops/attend.ts`.
@inline export function attentionScratch(): usize { return scratch }
/** f32: results of two groups [SLICE rows][8]. */
@inline export function groupScratch(): usize { return scratch + 0x10000 }
/** Packed activations. */
@inline export function tileScratch(): usize { return scratch + 0x13000 }
/** Unpacked weights: a panel of the widest matrix. */
@inline export function panelScratch(): usize { return tileScratch() + <usize>load<u32>(words, 12) * 512 + 256 }
