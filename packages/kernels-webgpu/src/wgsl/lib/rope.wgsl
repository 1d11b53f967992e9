// Cosine and sine of position · frequency, as exact as f32 is. WGSL's own sin and cos may be off by 2^-11, and more
// outside [-π, π]; a text of 131072 positions has angles of as many radians.
//
// First 2π is taken off some whole times: it is the sum of 201 / 32, 507 / 2^18 and a rest, so for up to 2^15 turns the first
// two products and differences are exact (Cody and Waite, "Software Manual for the Elementary Functions", 1980). Then π/2,
// and what is left goes through the polynomials of the Cephes library (`sinf.c`), good for [-π/4, π/4].
fn turn(position: u32, frequency: f32) -> vec2<f32> {
  let angle = f32(position) * frequency;
  let turns = round(angle * 0.15915494);
  let wound = fma(-turns, 1.2556659146e-6, fma(-turns, 0.001934051513671875, fma(-turns, 6.28125, angle)));
  let quarters = round(wound * 0.63661977);
  let x = fma(quarters, 4.37113883e-8, fma(-quarters, 1.57079637, wound));
  let x2 = x * x;
  let sine = fma(x * x2, fma(x2, fma(x2, -1.9515295891e-4, 8.3321608736e-3), -1.6666654611e-1), x);
  let cosine = fma(x2 * x2, fma(x2, fma(x2, 2.443315711809948e-5, -1.388731625493765e-3), 4.166664568298827e-2),
    fma(x2, -0.5, 1.0));
  switch (i32(quarters) & 3) {
    case 0: { return vec2<f32>(cosine, sine); }
    case 1: { return vec2<f32>(-sine, cosine); }
    case 2: { return vec2<f32>(-cosine, -sine); }
    default: { return vec2<f32>(sine, -cosine); }
  }
}
