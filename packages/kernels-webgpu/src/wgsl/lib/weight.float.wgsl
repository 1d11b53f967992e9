// Reads the weight ${W}, stored as the numbers it is, by chunks of 32 columns.
struct ${W}_Chunk {
  at: u32,
}

fn ${W}_load(row: u32, chunk: u32, m: vec4<u32>, chunks: u32) -> ${W}_Chunk {
#if WIDE
  return ${W}_Chunk(8u * (row * chunks + chunk));
#else
  return ${W}_Chunk(4u * (row * chunks + chunk));
#end
}

// Columns 4j … 4j + 3.
fn ${W}_piece(c: ${W}_Chunk, j: u32) -> vec4<f32> {
#if WIDE
  return bitcast<vec4<f32>>(${W}[c.at + j]);
#else
  let eight = ${W}[c.at + (j >> 1u)];
  let four = select(eight.xy, eight.zw, (j & 1u) == 1u);
#if BFLOAT
  return bitcast<vec4<f32>>(vec4<u32>(four.x << 16u, four.x & 0xffff0000u, four.y << 16u, four.y & 0xffff0000u));
#else
  return vec4<f32>(unpack2x16float(four.x), unpack2x16float(four.y));
#end
#end
}
