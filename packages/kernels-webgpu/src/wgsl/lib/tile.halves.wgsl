// As tile.wgsl, of x in f16 (pack.row.wgsl). The largest of a chunk of x is 1 and levels are at most 255, so four sums of eight
// products fit f16; from there on it is f32.
fn ${W}_tile(first: u32, lane: u32, tokens: array<u32, ${TOKENS}>, m: vec4<u32>) -> array<f32, ${OUTPUTS}> {
#for r ROWS
  let row${r} = min(first + ${r}u, m.w - 1u);
#for t TOKENS
  var sum_${r}_${t} = 0.0;
#end
#end
  for (var chunk = lane; chunk < params.shape.x; chunk += ${LANES}u) {
#for r ROWS
    let c${r} = ${W}_load(row${r}, chunk, m, params.shape.x);
#end
#for t TOKENS
    let x_at${t} = tokens[${t}] + 5u * chunk;
    let x_sums${t} = bitcast<vec4<f32>>(x[x_at${t} + 4u]);
#end
#for f FOLDS
    {
#for r ROWS
#for t TOKENS
      var part_${r}_${t} = vec4<f16>(0.0h);
#end
#end
#each i PIECES
        let j = ${f}u * ${PIECES}u + i;
#for t TOKENS
        let eight${t} = x[x_at${t} + (j >> 1u)];
        let x${t} = bitcast<vec4<f16>>(select(eight${t}.xy, eight${t}.zw, (j & 1u) == 1u));
#end
#for r ROWS
        let w${r} = vec4<f16>(${W}_piece(c${r}, j)) - ${ZERO}h;
#for t TOKENS
        part_${r}_${t} = fma(w${r}, x${t}, part_${r}_${t});
#end
#end
#end
#for r ROWS
#for t TOKENS
      {
        let four = vec4<f32>(part_${r}_${t});
        sum_${r}_${t} = fma((four.x + four.y) + (four.z + four.w), c${r}.scale${f} * x_sums${t}.x, sum_${r}_${t});
#if MIN
        sum_${r}_${t} = fma(-c${r}.min${f}, x_sums${t}[${SUMS_AT}u + ${f}u] * x_sums${t}.x, sum_${r}_${t});
#end
      }
#end
#end
    }
#end
  }
  return array<f32, ${OUTPUTS}>(
#for r ROWS
#for t TOKENS
    sum_${r}_${t},
#end
#end
  );
}
