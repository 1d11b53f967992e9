// What changes from run to run: rows, from, ids, positions, draws, and for each cache the rows' slots, spans and where their page tables
// begin. Written by `steps.ts`; behind all steps lie the page tables.
@group(0) @binding(0) var<storage, read> step: array<u32>;

fn step_rows() -> u32 { return step[0]; }
// 1, which no compiler knows.
fn once() -> u32 { return min(step[0], 1u); }
fn step_from() -> u32 { return step[1]; }
fn step_id(row: u32) -> u32 { return step[2u + row]; }
fn step_position(row: u32) -> u32 { return step[2u + step_rows() + row]; }
fn step_draw(row: u32) -> vec4<u32> {
  let at = 2u + 2u * step_rows() + 4u * row;
  return vec4<u32>(step[at], step[at + 1u], step[at + 2u], step[at + 3u]);
}
fn view_at(cache: u32) -> u32 { return 2u + (6u + 4u * cache) * step_rows(); }
fn view_slot(cache: u32, row: u32) -> u32 { return step[view_at(cache) + row]; }
// The positions from, to (exclusive) that a row sees.
fn view_span(cache: u32, row: u32) -> vec2<u32> {
  let at = view_at(cache) + step_rows() + 2u * row;
  return vec2<u32>(step[at], step[at + 1u]);
}
// The page that holds a row's positions 128 · n and on. A table may begin before its first page: it wraps.
fn view_page(cache: u32, row: u32, n: u32) -> u32 {
  return step[step[view_at(cache) + 3u * step_rows() + row] + n];
}
