// Attention of ROWS rows, of HEADS heads of q each that share a kv head; a workgroup of 128, a worker for each position of a page.
// A page gives for each head its largest score, the sum of exp(score − largest), and the so weighted sum of values. Pages are
// merged in their order, in here or, with SPLIT, where a workgroup has one page, by attend.merge.wgsl: the same bits.
// Rows that see the same page at the same place read it together; what a row does with it depends on that row alone.
// With FUSED the row is alone in its step and its heads come as qkv left them: this norms and turns q, and stores the row's
// key and value before it reads the page that has them.
struct Params {
  // numbers from row to row of q; vec4s from row to row of out; the cache; kv heads of this shard
  shape: vec4<u32>,
  // the shard's first kv head; heads of q, of kv; heads of q for one of kv
  heads: vec4<u32>,
  // scale, eps
  numbers: vec4<f32>,
}

const LOWEST = -3e38;
const NO_PAGE = 0xffffffffu;

var<workgroup> queries: array<vec4<f32>, ${QUERY_VECS}>;
// Of each query; later what LANES workers have made of a query's values.
var<workgroup> scores: array<f32, ${SCORES}>;
var<workgroup> eighths: array<f32, ${EIGHTHS}>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  let own = group.x / ${SETS}u;
  let kv_head = params.heads.x + own;
  let first_head = kv_head * params.heads.w + (group.x % ${SETS}u) * ${HEADS}u;
#if SPLIT
  let row = group.y;
  let row_0 = row;
  let span_0 = view_span(params.shape.z, row);
  let n = span_0.x / 128u + group.z;
  if (n > (span_0.y - 1u) / 128u) { return; }
#else
  let row = ${ROWS}u * group.y;
  var first_page = NO_PAGE;
  var last_page = 0u;
#for r ROWS
  // Past the last row the last one is done again.
  let row_${r} = min(row + ${r}u, step_rows() - 1u);
  let span_${r} = view_span(params.shape.z, row_${r});
  first_page = min(first_page, span_${r}.x / 128u);
  last_page = max(last_page, (span_${r}.y - 1u) / 128u);
#end
#end
#if FUSED
  let slot = view_slot(params.shape.z, row);
  let position = step_position(row);
  for (var h = 0u; h < ${HEADS}u${TIMES}; h++) {
    let at = (first_head + h) * ${HEAD_DIM}u;
    for (var i = worker; i < ${HEAD_DIM}u${TIMES}; i += 128u) { head[i] = q[at + i]; }
    norm_rope(worker, 0u, position, params.numbers.y);
    for (var i = worker; i < ${HEAD_VECS}u${TIMES}; i += 128u) {
      let four = vec4<f32>(head[4u * i], head[4u * i + 1u], head[4u * i + 2u], head[4u * i + 3u]);
      queries[h * ${HEAD_VECS}u + i] = four * params.numbers.x;
      if (group.z == 0u) { partials[params.shape.y + (first_head + h) * ${HEAD_VECS}u + i] = four; }
    }
    workgroupBarrier();
  }
  if (slot / 128u == view_page(params.shape.z, row, n) || group.z == 0u) {
    let stored = page_at(slot / 128u, own, params.shape.w);
    let at = kv_head * ${HEAD_DIM}u;
    for (var i = worker; i < ${HEAD_DIM}u${TIMES}; i += 128u) { head[i] = k[at + i]; }
    norm_rope(worker, ${HEAD_DIM}u, position, params.numbers.y);
    if (group.z == 0u) {
      for (var i = worker; i < ${HEAD_VECS}u${TIMES}; i += 128u) {
        partials[params.shape.y + (params.heads.y + kv_head) * ${HEAD_VECS}u + i] =
          vec4<f32>(head[4u * i], head[4u * i + 1u], head[4u * i + 2u], head[4u * i + 3u]);
      }
    }
    put_key(stored, slot % 128u, worker);
    for (var i = worker; i < ${HEAD_DIM}u${TIMES}; i += 128u) { head[i] = v[at + i]; }
    workgroupBarrier();
    put_value(stored, slot % 128u, worker);
  }
  storageBarrier();
#else
#for r ROWS
  for (var i = worker; i < ${ROW_VECS}u${TIMES}; i += 128u) {
    let at = row_${r} * params.shape.x + first_head * ${HEAD_DIM}u + 4u * i;
    queries[${r}u * ${ROW_VECS}u + i] = vec4<f32>(q[at], q[at + 1u], q[at + 2u], q[at + 3u]) * params.numbers.x;
  }
#end
  workgroupBarrier();
#end

  // Parts of a value go to workers side by side, every LANES-th slot to the same ones.
  let part = worker % ${PARTS}u;
  let lane = worker / ${PARTS}u;
#if SPLIT
  let page_number = view_page(params.shape.z, row, n);
  let page_0 = page_number;
#else
#for r ROWS
#for h HEADS
  var most_${r}_${h} = LOWEST;
  var sum_${r}_${h} = 0.0;
#for v VECS
  var all_${r}_${h}_${v} = vec4<f32>(0.0);
#end
#end
#end
  for (var n = first_page; n <= last_page; n++) {
#for r ROWS
  var page_${r} = NO_PAGE;
  if (n >= span_${r}.x / 128u && n <= (span_${r}.y - 1u) / 128u) { page_${r} = view_page(params.shape.z, row_${r}, n); }
#end
  // Mostly once: other rows' pages come after this one.
  loop {
  var page_number = NO_PAGE;
#for r ROWS
  page_number = min(page_number, page_${r});
#end
  if (page_number == NO_PAGE) { break; }
#end
  let page = page_at(page_number, own, params.shape.w);
  var page_begin = 128u;
  var page_end = 0u;
#for r ROWS
  let begin_${r} = select(128u, max(span_${r}.x, 128u * n) - 128u * n, page_${r} == page_number);
  let end_${r} = select(0u, min(span_${r}.y, 128u * n + 128u) - 128u * n, page_${r} == page_number);
  page_begin = min(page_begin, begin_${r});
  page_end = max(page_end, end_${r});
  let visible_${r} = worker >= begin_${r} && worker < end_${r};
#for h HEADS
  var score_${r}_${h} = 0.0;
#end
#end
  {
    var scales = vec4<u32>(0u);
#if Q8
    scales = keys[scales_at(page, worker)];
#end
    for (var i = 0u; i < ${PARTS}u${TIMES}; i++) {
      let raw = keys[key_at(page, i, worker)];
#for v VECS
      {
        let key = numbers_of(raw, ${v}u, scales, i);
#for r ROWS
#for h HEADS
        {
          let query = queries[${r}u * ${ROW_VECS}u + ${h}u * ${HEAD_VECS}u + i * ${VECS}u + ${v}u];
          score_${r}_${h} = fma(key.w, query.w, fma(key.z, query.z, fma(key.y, query.y, fma(key.x, query.x, score_${r}_${h}))));
        }
#end
#end
      }
#end
    }
  }
#for r ROWS
#for h HEADS
  scores[(${r}u * ${HEADS}u + ${h}u) * 128u + worker] = select(LOWEST, score_${r}_${h}, visible_${r});
#end
#end
  workgroupBarrier();
  for (var i = worker; i < ${EIGHTHS}u${TIMES}; i += 128u) {
    var most = LOWEST;
    for (var s = 0u; s < 8u${TIMES}; s++) { most = max(most, scores[8u * i + s]); }
    eighths[i] = most;
  }
  workgroupBarrier();
#for r ROWS
#for h HEADS
  var page_most_${r}_${h} = LOWEST;
  for (var i = 0u; i < 16u${TIMES}; i++) {
    page_most_${r}_${h} = max(page_most_${r}_${h}, eighths[16u * (${r}u * ${HEADS}u + ${h}u) + i]);
  }
  scores[(${r}u * ${HEADS}u + ${h}u) * 128u + worker] = select(0.0, exp(score_${r}_${h} - page_most_${r}_${h}), visible_${r});
#end
#end
  workgroupBarrier();
  for (var i = worker; i < ${EIGHTHS}u${TIMES}; i += 128u) {
    var sum = 0.0;
    for (var s = 0u; s < 8u${TIMES}; s++) { sum += scores[8u * i + s]; }
    eighths[i] = sum;
  }
  workgroupBarrier();
#for r ROWS
#for h HEADS
  var page_sum_${r}_${h} = 0.0;
  for (var i = 0u; i < 16u${TIMES}; i++) { page_sum_${r}_${h} += eighths[16u * (${r}u * ${HEADS}u + ${h}u) + i]; }
#for v VECS
  var page_${r}_${h}_${v} = vec4<f32>(0.0);
#end
#end
#end
  if (lane < ${LANES}u) {
    for (var s = lane; s < page_end; s += ${LANES}u) {
      if (s >= page_begin) {
        let raw = values[value_at(page, s, part)];
        var scales = vec4<u32>(0u);
#if Q8
        scales = values[scales_at(page, s)];
#end
#for v VECS
        let value_${v} = numbers_of(raw, ${v}u, scales, part);
#end
#for r ROWS
        // Nothing of what a row must not see, be it no number, comes into its sums.
        if (s >= begin_${r} && s < end_${r}) {
#for h HEADS
          {
            let weight = vec4<f32>(scores[(${r}u * ${HEADS}u + ${h}u) * 128u + s]);
#for v VECS
            page_${r}_${h}_${v} = fma(weight, value_${v}, page_${r}_${h}_${v});
#end
          }
#end
        }
#end
      }
    }
  }
#for r ROWS
#for h HEADS
  workgroupBarrier();
#for v VECS
#for c 4
  scores[${v}u * 512u + ${c}u * 128u + worker] = page_${r}_${h}_${v}[${c}];
#end
#end
  workgroupBarrier();
  if (worker < ${PARTS}u) {
    for (var i = 1u; i < ${LANES}u${TIMES}; i++) {
      let at = i * ${PARTS}u + worker;
#for v VECS
      page_${r}_${h}_${v} += vec4<f32>(
#for c 4
        scores[${v}u * 512u + ${c}u * 128u + at],
#end
      );
#end
    }
  }
#end
#end

#if SPLIT
  if (worker < ${PARTS}u) {
#for h HEADS
    {
      let at = ((group.z * step_rows() + row) * params.heads.y + first_head + ${h}u) * ${PARTIAL_VECS}u;
      if (worker == 0u) { partials[at] = vec4<f32>(page_most_0_${h}, page_sum_0_${h}, 0.0, 0.0); }
#for v VECS
      partials[at + 1u + worker * ${VECS}u + ${v}u] = page_0_${h}_${v};
#end
    }
#end
  }
#else
#for r ROWS
  if (page_${r} == page_number) {
#for h HEADS
    let most_here_${h} = max(most_${r}_${h}, page_most_${r}_${h});
    let before_${h} = exp(most_${r}_${h} - most_here_${h});
    let here_${h} = exp(page_most_${r}_${h} - most_here_${h});
    sum_${r}_${h} = fma(sum_${r}_${h}, before_${h}, page_sum_${r}_${h} * here_${h});
#for v VECS
    all_${r}_${h}_${v} = fma(all_${r}_${h}_${v}, vec4<f32>(before_${h}), page_${r}_${h}_${v} * here_${h});
#end
    most_${r}_${h} = most_here_${h};
#end
    page_${r} = NO_PAGE;
  }
#end
  workgroupBarrier();
  }
  }
  if (worker < ${PARTS}u) {
#for r ROWS
#for h HEADS
    {
      let at = row_${r} * params.shape.y + (first_head + ${h}u) * ${HEAD_VECS}u + worker * ${VECS}u;
#for v VECS
      out[at + ${v}u] = all_${r}_${h}_${v} / sum_${r}_${h};
#end
    }
#end
#end
  }
#end
}
