// Numbers 4v … 4v + 3 of a part of 16 bytes.
#if Q8
fn numbers_of(raw: vec4<u32>, v: u32, scales: vec4<u32>, part: u32) -> vec4<f32> {
  let block = part >> 1u;
  return signed4(raw[v]) * half_of(scales[block >> 1u], block & 1u);
}
#else
#if F16
fn numbers_of(raw: vec4<u32>, v: u32, scales: vec4<u32>, part: u32) -> vec4<f32> {
  let four = select(raw.xy, raw.zw, v == 1u);
  return vec4<f32>(unpack2x16float(four.x), unpack2x16float(four.y));
}
#else
fn numbers_of(raw: vec4<u32>, v: u32, scales: vec4<u32>, part: u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(raw);
}
#end
#end
