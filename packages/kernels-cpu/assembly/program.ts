import { configure, tickets } from './lib/config'
import { SLICE, TILE } from './lib/layout'
import { barrier, thread, threads } from './lib/sync'
import { setStep, share, stepRows } from './ops/args'
import { addProject } from './ops/add-project'
import { attend, attendTogether } from './ops/attend'
import { attendAll, storeAll } from './ops/attend-all'
import { draw } from './ops/draw'
import { embed } from './ops/embed'
import { gate } from './ops/gate'
import { layerNorm } from './ops/layer-norm'
import { linear } from './ops/linear'
import { addNorm, norm } from './ops/norm'
import { patches } from './ops/patches'
import { pool } from './ops/pool'
import { gatedUp, logits, project, qkv } from './ops/products'
import { angles, qkNormRope, rerotate } from './ops/rotate'
import { copyPage, storeRows } from './ops/store'
import { mergeTops, top } from './ops/top'
import { FIRST_OF_TRAINING, train } from './train/train'

/*
 * A program is a list of ops in shared memory: u32 code, u32 words of arguments, the arguments; END closes it. Every thread walks
 * the whole list. Few rows: the threads share each op, a barrier after each. Many rows: a thread takes a ticket of rows through
 * all ops up to the next attention or pool, and the threads meet there, because these read what other tickets wrote.
 */

// Op codes, as `src/recorder.ts` has them.
const END = 0
const EMBED = 1
const ANGLES = 2
const NORM = 3
const QKV = 4
const QK_NORM_ROPE = 5
const STORE = 6
const ATTEND = 7
const PROJECT = 8
const ADD_NORM = 9
const GATED_UP = 10
const LOGITS = 11
const GATE = 12
const TOP = 13
const MERGE_TOPS = 14
const REROTATE = 15
const COPY_PAGE = 16
const DRAW = 17
const PATCHES = 18
const LAYER_NORM = 19
const LINEAR = 20
const STORE_ALL = 21
const ATTEND_ALL = 22
const POOL = 23
const ADD_PROJECT = 24

/** Fewest rows of a ticket, but for the last. */
const TICKET = 32

@inline function next(op: usize): usize { return op + 8 + 4 * load<u32>(op, 4) }

/** Rows [first, last) of one op; of its output columns, part `part` of `parts`. */
function execute(op: usize, first: i32, last: i32, part: i32, parts: i32): void {
  const args = op + 8
  switch (load<i32>(op)) {
    case EMBED: embed(args, first, last); break
    case ANGLES: angles(args, first, last); break
    case NORM: norm(args, first, last); break
    case QKV: qkv(args, first, last, part, parts); break
    case QK_NORM_ROPE: qkNormRope(args, first, last); break
    case STORE: storeRows(args, first, last); break
    case ATTEND: attend(args, first, last); break
    case PROJECT: project(args, first, last, part, parts); break
    case ADD_NORM: addNorm(args, first, last); break
    case GATED_UP: gatedUp(args, first, last, part, parts); break
    case LOGITS: logits(args, first, last, part, parts); break
    case GATE: gate(args, first, last); break
    case TOP: top(args, first, last, part, parts); break
    case MERGE_TOPS: mergeTops(args, first, last); break
    case REROTATE: rerotate(args, first, last); break
    case COPY_PAGE: copyPage(args, part, parts); break
    case DRAW: draw(args, first, last); break
    case PATCHES: patches(args, first, last); break
    case LAYER_NORM: layerNorm(args, first, last); break
    case LINEAR: linear(args, first, last, part, parts); break
    case STORE_ALL: storeAll(args, first, last); break
    case ATTEND_ALL: attendAll(args, first, last); break
    case POOL: pool(args, first, last); break
    case ADD_PROJECT: addProject(args, first, last, part, parts); break
    default: unreachable()
  }
}

/** Ops whose threads split the columns of every row; the others split the rows. */
@inline function splitsColumns(code: i32): bool {
  return code == QKV || code == PROJECT || code == GATED_UP || code == LINEAR || code == LOGITS || code == TOP || code == COPY_PAGE || code == ADD_PROJECT
}

/** Ops that read rows of other tickets. */
@inline function gathers(code: i32): bool { return code == ATTEND || code == STORE_ALL || code == ATTEND_ALL || code == POOL }

function together(op: usize, rows: i32): void {
  for (; load<i32>(op) != END; op = next(op)) {
    const code = load<i32>(op)
    if (code >= FIRST_OF_TRAINING) train(code, op + 8, rows, thread, threads)
    else if (code == ATTEND) attendTogether(op + 8, rows, thread, threads)
    else if (splitsColumns(code)) execute(op, 0, rows, thread, threads)
    else execute(op, share(rows, thread, threads), share(rows, thread + 1, threads), 0, 1)
    barrier()
  }
}

function byTickets(op: usize, rows: i32): void {
  // Each ticket reads and unpacks every weight, so few of them; but two a thread, so that none waits long for the others.
  const size = min(SLICE, max(TICKET, ((rows - 1) / (2 * threads) + TILE) & ~(TILE - 1)))
  const count = (rows + size - 1) / size
  let counter = tickets()
  while (load<i32>(op) != END) {
    let end = next(op)
    // What follows a pool may write what it reads.
    if (load<i32>(op) != POOL) while (load<i32>(end) != END && !gathers(load<i32>(end))) end = next(end)
    for (;;) {
      // The last rows first: they attend to the most.
      const ticket = count - 1 - atomic.add<i32>(counter, 1)
      if (ticket < 0) break
      const first = ticket * size, last = min(first + size, rows)
      for (let o = op; o < end; o = next(o)) execute(o, first, last, 0, 1)
    }
    barrier()
    counter += 4
    op = end
  }
  if (thread == 0) memory.fill(tickets(), 0, counter - tickets())
  barrier()
}

/** Runs a program on this thread; all threads call it with the same arguments. */
export function run(program: usize, step: usize, configuration: usize): void {
  configure(configuration)
  setStep(step)
  const rows = stepRows()
  // The first word says whether rows are independent between attentions: not so in a head, whose ids the threads share.
  if (rows >= TICKET && load<i32>(program) != 0) byTickets(program + 4, rows)
  else together(program + 4, rows)
}
