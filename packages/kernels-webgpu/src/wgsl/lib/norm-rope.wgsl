// Norms and turns a head of 2 · PAIRS numbers in `head`, or takes it back unnormed. All workers of the workgroup take part.
var<workgroup> head: array<f32, ${HEAD_DIM}>;

// head = rms(head) · norms[norm …], then the pairs (j, j + PAIRS) turn by position · frequency.
fn norm_rope(worker: u32, norm: u32, position: u32, eps: f32) {
  var squares = 0.0;
  for (var i = worker; i < ${HEAD_DIM}u${TIMES}; i += ${WORKERS}u) { squares = fma(head[i], head[i], squares); }
  let factor = 1.0 / sqrt(fma(total(squares, worker), ${MEAN}, eps));
  for (var j = worker; j < ${PAIRS}u${TIMES}; j += ${WORKERS}u) {
    let a = head[j] * factor * norms[norm + j];
    let b = head[${PAIRS}u + j] * factor * norms[norm + ${PAIRS}u + j];
    let t = turn(position, norms[${FREQUENCIES}u + j]);
    head[j] = fma(a, t.x, -(b * t.y));
    head[${PAIRS}u + j] = fma(b, t.x, a * t.y);
  }
  workgroupBarrier();
}
