// The levels of IQ4_NL and IQ4_XS for four of their numbers, a byte each.
fn uneven4(packed: u32) -> u32 {
  let q = (vec4<u32>(packed) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(15u);
  let low = select(vec4<u32>(${UNEVEN1}u), vec4<u32>(${UNEVEN0}u), q < vec4<u32>(4u));
  let high = select(vec4<u32>(${UNEVEN3}u), vec4<u32>(${UNEVEN2}u), q < vec4<u32>(12u));
  let word = select(high, low, q < vec4<u32>(8u));
  let levels = ((word >> (8u * (q & vec4<u32>(3u)))) & vec4<u32>(255u)) << vec4<u32>(0u, 8u, 16u, 24u);
  return (levels.x | levels.y) | (levels.z | levels.w);
}
