import { share } from '../ops/args'
import { attendKeysBack, attendRows, attendRowsBack } from './attend-rows'
import { crossEntropy } from './cross-entropy'
import { projectBack } from './project-back'
import { copy, gateBack, normBack, normRopeBack } from './rows'
import { addOuter, times, timesBack } from './thin'

// Op codes of learning, as `src/ops.ts` has them.
export const FIRST_OF_TRAINING = 32
const COPY = 32
const TIMES = 33
const TIMES_BACK = 34
const ADD_OUTER = 35
const PROJECT_BACK = 36
const NORM_BACK = 37
const NORM_ROPE_BACK = 38
const GATE_BACK = 39
const ATTEND_ROWS = 40
const ATTEND_ROWS_BACK = 41
const ATTEND_KEYS_BACK = 42
const CROSS_ENTROPY = 43

/** One op of learning over all rows of the step: the part of one thread, which the others wait for. */
export function train(code: i32, args: usize, rows: i32, part: i32, parts: i32): void {
  const first = share(rows, part, parts), last = share(rows, part + 1, parts)
  switch (code) {
    case COPY: copy(args, first, last); break
    case TIMES: times(args, first, last); break
    case TIMES_BACK: timesBack(args, first, last); break
    case ADD_OUTER: addOuter(args, rows, part, parts); break
    case PROJECT_BACK: projectBack(args, rows, part, parts); break
    case NORM_BACK: normBack(args, first, last); break
    case NORM_ROPE_BACK: normRopeBack(args, first, last); break
    case GATE_BACK: gateBack(args, first, last); break
    case ATTEND_ROWS: attendRows(args, rows, part, parts); break
    case ATTEND_ROWS_BACK: attendRowsBack(args, rows, part, parts); break
    case ATTEND_KEYS_BACK: attendKeysBack(args, rows, part, parts); break
    case CROSS_ENTROPY: crossEntropy(args, rows, part, parts); break
    default: unreachable()
  }
}
