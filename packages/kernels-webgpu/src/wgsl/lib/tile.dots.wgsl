// As tile.wgsl, of x in levels of 8 bits (pack.row.wgsl): sums of a fold are whole numbers, so no order of them matters.
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
    let x_low${t} = x[tokens[${t}] + 3u * chunk];
    let x_high${t} = x[tokens[${t}] + 3u * chunk + 1u];
    let x_sums${t} = bitcast<vec4<f32>>(x[tokens[${t}] + 3u * chunk + 2u]);
#end
#for f FOLDS
    {
#for r ROWS
#for t TOKENS
      var part_${r}_${t} = 0i;
#end
#end
#each i PIECES
        let j = ${f}u * ${PIECES}u + i;
#for t TOKENS
        let x${t} = select(x_low${t}, x_high${t}, j >= 4u)[j & 3u];
#end
#for r ROWS
        let w${r} = ${W}_levels(c${r}, j);
#for t TOKENS
        part_${r}_${t} += dot4I8Packed(w${r}, x${t});
#end
#end
#end
#for r ROWS
#for t TOKENS
      {
        let x_sum = x_sums${t}[${SUMS_AT}u + ${f}u];
        let part = fma(-${ZERO}, x_sum, f32(part_${r}_${t}));
        sum_${r}_${t} = fma(part, c${r}.scale${f} * x_sums${t}.x, sum_${r}_${t});
#if MIN
        sum_${r}_${t} = fma(-c${r}.min${f}, x_sum * x_sums${t}.x, sum_${r}_${t});
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
