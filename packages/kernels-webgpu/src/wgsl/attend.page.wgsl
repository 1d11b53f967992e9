// Attention of HEADS heads of q that share a kv head, for a row; a workgroup of 128, a worker for each position of a page.
// A page gives for each head its largest score, the sum of exp(score − largest), and the so weighted sum of values. Pages are
// merged in their order, in here or, with SPLIT, where a workgroup has one page, by attend.merge.wgsl: the same bits.
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

var<workgroup> queries: array<vec4<f32>, ${QUERY_VECS}>;
var<workgroup> scores: array<f32, ${SCORES}>;
var<workgroup> eighths: array<f32, ${EIGHTHS}>;
var<workgroup> gathered: array<vec4<f32>, ${GATHERED}>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  let row = group.y;
  let own = group.x / ${SETS}u;
  let kv_head = params.heads.x + own;
  let first_head = kv_head * params.heads.w + (group.x % ${SETS}u) * ${HEADS}u;
  let span = view_span(params.shape.z, row);
  let first_page = span.x / 128u;
  let last_page = (span.y - 1u) / 128u;
#if SPLIT
  let n = first_page + group.z;
  if (n > last_page) { return; }
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
  for (var i = worker; i < ${QUERY_VECS}u${TIMES}; i += 128u) {
    let at = row * params.shape.x + first_head * ${HEAD_DIM}u + 4u * i;
    queries[i] = vec4<f32>(q[at], q[at + 1u], q[at + 2u], q[at + 3u]) * params.numbers.x;
  }
  workgroupBarrier();
#end

  // Parts of a value go to workers side by side, every LANES-th slot to the same ones.
  let part = worker % ${PARTS}u;
  let lane = worker / ${PARTS}u;
#if !SPLIT
#for h HEADS
  var most_${h} = LOWEST;
  var sum_${h} = 0.0;
#for v VECS
  var all_${h}_${v} = vec4<f32>(0.0);
#end
#end
  for (var n = first_page; n <= last_page; n++) {
#end
  let page = page_at(view_page(params.shape.z, row, n), own, params.shape.w);
  let begin = max(span.x, 128u * n) - 128u * n;
  let end = min(span.y, 128u * n + 128u) - 128u * n;
  let visible = worker >= begin && worker < end;
#for h HEADS
  var score_${h} = 0.0;
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
#for h HEADS
        {
          let query = queries[${h}u * ${HEAD_VECS}u + i * ${VECS}u + ${v}u];
          score_${h} = fma(key.w, query.w, fma(key.z, query.z, fma(key.y, query.y, fma(key.x, query.x, score_${h}))));
        }
#end
      }
#end
    }
  }
#for h HEADS
  scores[${h}u * 128u + worker] = select(LOWEST, score_${h}, visible);
#end
  workgroupBarrier();
  for (var i = worker; i < ${EIGHTHS}u${TIMES}; i += 128u) {
    var most = LOWEST;
    for (var s = 0u; s < 8u${TIMES}; s++) { most = max(most, scores[8u * i + s]); }
    eighths[i] = most;
  }
  workgroupBarrier();
#for h HEADS
  var page_most_${h} = LOWEST;
  for (var i = 0u; i < 16u${TIMES}; i++) { page_most_${h} = max(page_most_${h}, eighths[16u * ${h}u + i]); }
  scores[${h}u * 128u + worker] = select(0.0, exp(score_${h} - page_most_${h}), visible);
#end
  workgroupBarrier();
  for (var i = worker; i < ${EIGHTHS}u${TIMES}; i += 128u) {
    var sum = 0.0;
    for (var s = 0u; s < 8u${TIMES}; s++) { sum += scores[8u * i + s]; }
    eighths[i] = sum;
  }
  workgroupBarrier();
#for h HEADS
  var page_sum_${h} = 0.0;
  for (var i = 0u; i < 16u${TIMES}; i++) { page_sum_${h} += eighths[16u * ${h}u + i]; }
#for v VECS
  var page_${h}_${v} = vec4<f32>(0.0);
#end
#end
  if (lane < ${LANES}u) {
    for (var s = lane; s < end; s += ${LANES}u) {
      if (s >= begin) {
        let raw = values[value_at(page, s, part)];
        var scales = vec4<u32>(0u);
#if Q8
        scales = values[scales_at(page, s)];
#end
#for v VECS
        let value_${v} = numbers_of(raw, ${v}u, scales, part);
#end
#for h HEADS
        {
          let weight = vec4<f32>(scores[${h}u * 128u + s]);
#for v VECS
          page_${h}_${v} = fma(weight, value_${v}, page_${h}_${v});
#end
        }
#end
      }
    }
  }
#for h HEADS
#for v VECS
  gathered[${v}u * 128u + worker] = page_${h}_${v};
#end
  workgroupBarrier();
  if (worker < ${PARTS}u) {
#for v VECS
    page_${h}_${v} = gathered[${v}u * 128u + worker];
    for (var i = 1u; i < ${LANES}u${TIMES}; i++) { page_${h}_${v} += gathered[${v}u * 128u + i * ${PARTS}u + worker]; }
#end
  }
  workgroupBarrier();
#end

#if SPLIT
  if (worker < ${PARTS}u) {
#for h HEADS
    {
      let at = ((group.z * step_rows() + row) * params.heads.y + first_head + ${h}u) * ${PARTIAL_VECS}u;
      if (worker == 0u) { partials[at] = vec4<f32>(page_most_${h}, page_sum_${h}, 0.0, 0.0); }
#for v VECS
      partials[at + 1u + worker * ${VECS}u + ${v}u] = page_${h}_${v};
#end
    }
#end
  }
#else
#for h HEADS
  {
    let most = max(most_${h}, page_most_${h});
    let before = exp(most_${h} - most);
    let here = exp(page_most_${h} - most);
    sum_${h} = fma(sum_${h}, before, page_sum_${h} * here);
#for v VECS
    all_${h}_${v} = fma(all_${h}_${v}, vec4<f32>(before), page_${h}_${v} * here);
#end
    most_${h} = most;
  }
#end
  }
  if (worker < ${PARTS}u) {
#for h HEADS
    {
      let at = row * params.shape.y + (first_head + ${h}u) * ${HEAD_VECS}u + worker * ${VECS}u;
#for v VECS
      out[at + ${v}u] = all_${h}_${v} / sum_${h};
#end
    }
#end
  }
#end
}
