// Attention of all rows to all rows. A workgroup of 64 has 32 rows of one head, 8 workers for each 4 rows; keys, then values, pass by in
// shared memory, KEYS at a time, so no matrix of scores is ever whole (Dao et al., "FlashAttention", arXiv 2205.14135; sums are scaled
// again when a larger score comes: Milakov and Gimelshein, arXiv 1805.02867). For the scores of KEYS a worker takes every 8th key, for
// their sums every 8th vec4 of values.
struct Params {
  // vec4s from row to row of q, k, v and out
  strides: vec4<u32>,
  numbers: vec4<f32>,
}

const LOWEST = -3e38;

var<workgroup> tile: array<vec4<f32>, ${TILE_VECS}>;
// Of 32 rows: scores, then weights.
var<workgroup> scores: array<f32, ${SCORES}>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  let rows = step_rows();
  let head = group.x * ${VECS}u;
  let lane = worker % 8u;
  let own = 4u * (worker / 8u);
  let row = group.y * 32u + own;
#for r 4
  // Past the last row the last one is done again, for nobody.
  let query_${r} = min(row + ${r}u, rows - 1u) * params.strides.x + head;
  let scores_${r} = (own + ${r}u) * ${KEYS}u;
  var most_${r} = LOWEST;
  var weights_${r} = 0.0;
#for c COLUMNS
  var sum_${r}_${c} = vec4<f32>(0.0);
#end
#end
  for (var first = 0u; first < rows; first += ${KEYS}u) {
    workgroupBarrier();
    for (var i = worker; i < ${KEYS_VECS}u${TIMES}; i += 64u) {
      let key = first + i / ${VECS}u;
      let four = k[min(key, rows - 1u) * params.strides.y + head + i % ${VECS}u];
      tile[(i / ${VECS}u) * ${STRIDE}u + i % ${VECS}u] = four;
    }
    workgroupBarrier();
#for r 4
#for n KEYS_EACH
    var score_${r}_${n} = 0.0;
#end
#end
    for (var i = 0u; i < ${VECS}u${TIMES}; i++) {
#for n KEYS_EACH
      let key_${n} = tile[(lane + 8u * ${n}u) * ${STRIDE}u + i];
#end
#for r 4
      let four_${r} = q[query_${r} + i];
#for n KEYS_EACH
      score_${r}_${n} = fma(four_${r}.w, key_${n}.w, fma(four_${r}.z, key_${n}.z, fma(four_${r}.y, key_${n}.y, fma(four_${r}.x, key_${n}.x, score_${r}_${n}))));
#end
#end
    }
#for n KEYS_EACH
    let is_there_${n} = first + lane + 8u * ${n}u < rows;
#for r 4
    score_${r}_${n} = select(LOWEST, score_${r}_${n} * params.numbers.x, is_there_${n});
    scores[scores_${r} + lane + 8u * ${n}u] = score_${r}_${n};
#end
#end
    workgroupBarrier();
    // Values take the place of keys.
    for (var i = worker; i < ${KEYS_VECS}u${TIMES}; i += 64u) {
      let key = first + i / ${VECS}u;
      let four = v[min(key, rows - 1u) * params.strides.z + head + i % ${VECS}u];
      tile[(i / ${VECS}u) * ${STRIDE}u + i % ${VECS}u] = four;
    }
#for r 4
    var largest_${r} = most_${r};
#end
    for (var s = 0u; s < ${KEYS}u${TIMES}; s++) {
#for r 4
      largest_${r} = max(largest_${r}, scores[scores_${r} + s]);
#end
    }
    workgroupBarrier();
#for r 4
    let before_${r} = exp(most_${r} - largest_${r});
    most_${r} = largest_${r};
    weights_${r} *= before_${r};
#for c COLUMNS
    sum_${r}_${c} *= before_${r};
#end
#for n KEYS_EACH
    scores[scores_${r} + lane + 8u * ${n}u] = exp(score_${r}_${n} - largest_${r});
#end
#end
    workgroupBarrier();
    let count = min(${KEYS}u, rows - first);
    for (var s = 0u; s < count; s++) {
#for c COLUMNS
      let value_${c} = tile[s * ${STRIDE}u + min(lane + 8u * ${c}u, ${VECS}u - 1u)];
#end
#for r 4
      let weight_${r} = scores[scores_${r} + s];
      weights_${r} += weight_${r};
#for c COLUMNS
      sum_${r}_${c} = fma(vec4<f32>(weight_${r}), value_${c}, sum_${r}_${c});
#end
#end
    }
  }
#for r 4
  if (row + ${r}u < rows) {
#for c COLUMNS
    if (lane + 8u * ${c}u < ${VECS}u) {
      out[(row + ${r}u) * params.strides.w + head + lane + 8u * ${c}u] = sum_${r}_${c} / weights_${r};
    }
#end
  }
#end
}
