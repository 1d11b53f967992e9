// out = gelu(x · gateᵀ) ⊙ (x · upᵀ), tiled as project.tile.wgsl.
struct Params {
  // chunks of a row; x: vec4s from row to row
  shape: vec4<u32>,
  // parts of the weights' shards, and the rows that both have from their first on
  gate: vec4<u32>,
  up: vec4<u32>,
  // numbers from row to row, column of the first row, that row in the gate's shard and in the up's
  out: vec4<u32>,
  rows: vec4<u32>,
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) worker: u32,
#if SUBGROUPS
  @builtin(subgroup_size) subgroup_size: u32,
#end
) {
  let rows = step_rows();
  let lane = worker % ${LANES}u;
  let slice = worker / ${LANES}u;
  let token = group.y * ${TOKENS}u;
  let first = group.x * ${GROUP_ROWS}u;
  let tokens = array<u32, ${TOKENS}>(
#for t TOKENS
    min(token + ${t}u, rows - 1u) * params.shape.y,
#end
  );
#if SUBGROUPS
  let width = subgroup_width(subgroup_size);
#else
  let width = 1u;
#end
  let gates = w0_tile(params.out.z + first + slice * ${ROWS}u, lane, tokens, params.gate);
  let ups = w1_tile(params.out.w + first + slice * ${ROWS}u, lane, tokens, params.up);
#for o OUTPUTS
#if SUBGROUPS
  give_lane_sum(${o}u, subgroup_sum(gates[${o}], width), worker);
  give_lane_sum(${OUTPUTS}u + ${o}u, subgroup_sum(ups[${o}], width), worker);
#else
  give_lane_sum(${o}u, gates[${o}], worker);
  give_lane_sum(${OUTPUTS}u + ${o}u, ups[${o}], worker);
#end
#end
  workgroupBarrier();
  for (var i = worker; i < ${GROUP_OUTPUTS}u; i += 64u) {
    let output = i / ${SLICES}u;
    let row = first + (i % ${SLICES}u) * ${ROWS}u + output / ${TOKENS}u;
    let at = token + output % ${TOKENS}u;
    let gate = take_lane_sum(output, i % ${SLICES}u, width);
    let up = take_lane_sum(${OUTPUTS}u + output, i % ${SLICES}u, width);
    if (row < params.rows.x && at < rows) {
      out[at * params.out.x + params.out.y + row] = gelu(gate) * up;
    }
  }
}
