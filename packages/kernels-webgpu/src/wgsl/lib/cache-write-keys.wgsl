// Puts the head that lies in `head` into keys.
#if Q8
var<workgroup> block_scales: array<f32, 8>;

// ggml's quantize_row_q8_0: the largest of 32 is level ±127; levels by the exact scale, which is then held as f16.
fn prepare_put(worker: u32) {
  if (worker < ${BLOCKS}u) {
    var most = 0.0;
    for (var i = 0u; i < 32u${TIMES}; i++) { most = max(most, abs(head[32u * worker + i])); }
    block_scales[worker] = most / 127.0;
  }
  workgroupBarrier();
}

fn put_scales() -> vec4<u32> {
  var scales: array<f32, 8>;
  for (var i = 0u; i < ${BLOCKS}u${TIMES}; i++) { scales[i] = block_scales[i]; }
  return vec4<u32>(
    pack2x16float(vec2<f32>(scales[0], scales[1])), pack2x16float(vec2<f32>(scales[2], scales[3])),
    pack2x16float(vec2<f32>(scales[4], scales[5])), pack2x16float(vec2<f32>(scales[6], scales[7])),
  );
}

fn put_word(at: u32) -> u32 {
  let scale = block_scales[at / 32u];
  let inverse = select(1.0 / scale, 0.0, scale == 0.0);
  let x = vec4<f32>(head[at], head[at + 1u], head[at + 2u], head[at + 3u]) * inverse;
  let levels = vec4<u32>(vec4<i32>(sign(x) * floor(abs(x) + 0.5))) & vec4<u32>(255u);
  return levels.x | (levels.y << 8u) | (levels.z << 16u) | (levels.w << 24u);
}

fn put_part(part: u32) -> vec4<u32> {
  let at = 16u * part;
  return vec4<u32>(put_word(at), put_word(at + 4u), put_word(at + 8u), put_word(at + 12u));
}
#else
fn prepare_put(worker: u32) {}

#if F16
fn put_part(part: u32) -> vec4<u32> {
  let at = 8u * part;
  return vec4<u32>(
    pack2x16float(vec2<f32>(head[at], head[at + 1u])), pack2x16float(vec2<f32>(head[at + 2u], head[at + 3u])),
    pack2x16float(vec2<f32>(head[at + 4u], head[at + 5u])), pack2x16float(vec2<f32>(head[at + 6u], head[at + 7u])),
  );
}
#else
fn put_part(part: u32) -> vec4<u32> {
  let at = 4u * part;
  return bitcast<vec4<u32>>(vec4<f32>(head[at], head[at + 1u], head[at + 2u], head[at + 3u]));
}
#end
#end

fn put_key(page: u32, slot: u32, worker: u32) {
  prepare_put(worker);
  for (var part = worker; part < ${PARTS}u${TIMES}; part += ${WORKERS}u) { keys[key_at(page, part, slot)] = put_part(part); }
#if Q8
  if (worker == 0u) { keys[scales_at(page, slot)] = put_scales(); }
#end
  workgroupBarrier();
}
