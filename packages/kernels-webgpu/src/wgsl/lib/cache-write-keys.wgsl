// Puts the head that lies in `head` into keys.

// Two numbers as f16. Rounded here, to the nearest, ties to even: pack2x16float may round as it likes.
fn halves(x: f32, y: f32) -> u32 {
  let bits = bitcast<vec2<u32>>(vec2<f32>(x, y));
  let rounded = (bits + vec2<u32>(0xfffu) + ((bits >> vec2<u32>(13u)) & vec2<u32>(1u))) & vec2<u32>(0xffffe000u);
  return pack2x16float(bitcast<vec2<f32>>(rounded));
}

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
    halves(scales[0], scales[1]), halves(scales[2], scales[3]),
    halves(scales[4], scales[5]), halves(scales[6], scales[7]),
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
    halves(head[at], head[at + 1u]), halves(head[at + 2u], head[at + 3u]),
    halves(head[at + 4u], head[at + 5u]), halves(head[at + 6u], head[at + 7u]),
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
