// Reads the quantised weight ${W} by chunks of 32 columns (`weights/parts.ts` writes them). A shard is an array of 16 bytes
// with these parts one after the other: the low bits of levels, their high bits, the runs' f16 numbers, integer scales.
// A weight is scale · (level − ZERO) − min.
struct ${W}_Chunk {
  low0: vec4<u32>,
#if LOW8
  low1: vec4<u32>,
#end
#if HIGH
  high: vec2<u32>,
#end
#for f FOLDS
  scale${f}: f32,
#if MIN
  min${f}: f32,
#end
#end
}

fn ${W}_word(at: u32, i: u32) -> u32 { return ${W}[at + (i >> 2u)][i & 3u]; }

// m: where the parts begin, in units of 16 bytes (high, runs, scales); chunks of a row.
fn ${W}_load(row: u32, chunk: u32, m: vec4<u32>, chunks: u32) -> ${W}_Chunk {
  let n = row * chunks + chunk;
  var c: ${W}_Chunk;
#if LOW8
  c.low0 = ${W}[2u * n];
  c.low1 = ${W}[2u * n + 1u];
#end
#if LOW4
  c.low0 = ${W}[n];
#end
#if LOW2
  let lows = ${W}[n >> 1u];
  c.low0 = select(lows, lows.zwxy, (n & 1u) == 1u);
#end
#if HIGH1
  c.high = vec2<u32>(${W}_word(m.x, n), 0u);
#end
#if HIGH2
  let highs = ${W}[m.x + (n >> 1u)];
  c.high = select(highs.xy, highs.zw, (n & 1u) == 1u);
#end
#if RUN256
  let run = row * (chunks >> 3u) + (chunk >> 3u);
#else
  let run = n;
#end
#if MIN
  let numbers = unpack2x16float(${W}_word(m.y, run));
  let d = numbers.x;
#else
  let d = half_of(${W}_word(m.y, run >> 1u), run & 1u);
#end
#if RUN256
  let own = ${W}_word(m.z, n >> 1u) >> (16u * (n & 1u));
#if SCALE_AND_MIN
  c.scale0 = d * f32(own & 255u);
  c.min0 = numbers.y * f32((own >> 8u) & 255u);
#end
#if NIBBLES
  c.scale0 = d * f32(own & 15u);
  c.min0 = numbers.y * f32((own >> 4u) & 15u);
  c.scale1 = d * f32((own >> 8u) & 15u);
  c.min1 = numbers.y * f32((own >> 12u) & 15u);
#end
#if SIGNED
  c.scale0 = d * f32(bitcast<i32>(own << 24u) >> 24u);
#if TWO_FOLDS
  c.scale1 = d * f32(bitcast<i32>(own << 16u) >> 24u);
#end
#end
#else
  c.scale0 = d;
#if MIN
  c.min0 = numbers.y;
#end
#end
  return c;
}

// Levels of columns 4j … 4j + 3, a byte each.
fn ${W}_levels(c: ${W}_Chunk, j: u32) -> u32 {
#if LOW8
  return select(c.low0, c.low1, j >= 4u)[j & 3u];
#else
#if LOW4
  var levels = (c.low0[j >> 1u] >> (4u * (j & 1u))) & 0x0f0f0f0fu;
#else
  var levels = (c.low0[j >> 2u] >> (2u * (j & 3u))) & 0x03030303u;
#end
#if HIGH1
  levels |= ((c.high.x >> j) & 0x01010101u) << ${LOW_BITS}u;
#end
#if HIGH2
  levels |= ((c.high[j >> 2u] >> (2u * (j & 3u))) & 0x03030303u) << ${LOW_BITS}u;
#end
#if UNEVEN
  return uneven4(levels);
#else
  return levels;
#end
#end
}

// The same as numbers.
fn ${W}_piece(c: ${W}_Chunk, j: u32) -> vec4<f32> {
#if UNSIGNED
  return unsigned4(${W}_levels(c, j));
#else
  return signed4(${W}_levels(c, j));
#end
}
