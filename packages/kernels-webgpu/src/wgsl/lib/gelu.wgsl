// x/2 · (1 + tanh u) = x / (1 + exp(−2u)). Past 40 the quotient is 1 or 0 to all bits, and exp would overflow.
fn gelu(x: f32) -> f32 {
  let u = 0.7978845608 * fma(0.044715 * x * x, x, x);
  return x / (1.0 + exp(-2.0 * clamp(u, -40.0, 40.0)));
}
