// What changes from run to run: rows, from, the places of ids and positions, then those of each cache's view, then all of
// these. Written by `steps.ts`.
@group(0) @binding(0) var<storage, read> step: array<u32>;

fn step_rows() -> u32 { return step[0]; }
// 1, which no compiler knows.
fn once() -> u32 { return min(step[0], 1u); }
fn step_from() -> u32 { return step[1]; }
fn step_id(row: u32) -> u32 { return step[step[2] + row]; }
fn step_position(row: u32) -> u32 { return step[step[3] + row]; }
fn view_slot(cache: u32, row: u32) -> u32 { return step[step[4u + cache] + row]; }
// The positions from, to (exclusive) that a row sees.
fn view_span(cache: u32, row: u32) -> vec2<u32> {
  let at = step[4u + cache] + step_rows() + 2u * row;
  return vec2<u32>(step[at], step[at + 1u]);
}
// The page that holds a row's positions 128 · n and on. A table may begin before its first page: it wraps.
fn view_page(cache: u32, row: u32, n: u32) -> u32 {
  let at = step[4u + cache];
  return step[at + 4u * step_rows() + step[at + 3u * step_rows() + row] + n];
}
