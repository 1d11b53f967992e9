// The levels of IQ4_NL and IQ4_XS, four a word.
fn uneven4(packed: u32) -> vec4<f32> {
  let q = (vec4<u32>(packed) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(15u);
  let low = select(vec4<u32>(${UNEVEN1}u), vec4<u32>(${UNEVEN0}u), q < vec4<u32>(4u));
  let high = select(vec4<u32>(${UNEVEN3}u), vec4<u32>(${UNEVEN2}u), q < vec4<u32>(12u));
  let word = select(high, low, q < vec4<u32>(8u));
  return vec4<f32>(bitcast<vec4<i32>>(word << (vec4<u32>(24u) - 8u * (q & vec4<u32>(3u)))) >> vec4<u32>(24u));
}
