// A lane's part of ROWS rows of the weight ${W} times TOKENS rows of x: every LANES-th chunk of 32 columns. A product's order of
// operations depends on its row and its token only, so its bits are the same in tiles of any size. All sums are explicit
// fma: nothing is left for a compiler to contract one way here and another way there.
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
#for f FOLDS
    {
#for t TOKENS
#if SHIFTED
      var x_sum${t} = 0.0;
#end
#for r ROWS
      var part_${r}_${t} = 0.0;
#end
#end
#each i PIECES
        let j = ${f}u * ${PIECES}u + i;
#for t TOKENS
        let x${t} = x[tokens[${t}] + 8u * chunk + j];
#if SHIFTED
        x_sum${t} += (x${t}.x + x${t}.y) + (x${t}.z + x${t}.w);
#end
#end
#for r ROWS
        let w${r} = ${W}_piece(c${r}, j);
#for t TOKENS
        part_${r}_${t} = fma(w${r}.w, x${t}.w, fma(w${r}.z, x${t}.z, fma(w${r}.y, x${t}.y, fma(w${r}.x, x${t}.x, part_${r}_${t}))));
#end
#end
#end
#for r ROWS
#if MIN
      let shift${r} = fma(c${r}.scale${f}, ${ZERO}, c${r}.min${f});
#else
#if SHIFTED
      let shift${r} = c${r}.scale${f} * ${ZERO};
#end
#end
#for t TOKENS
#if SCALED
      sum_${r}_${t} = fma(part_${r}_${t}, c${r}.scale${f}, sum_${r}_${t});
#else
      sum_${r}_${t} += part_${r}_${t};
#end
#if SHIFTED
      sum_${r}_${t} = fma(-x_sum${t}, shift${r}, sum_${r}_${t});
#end
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
