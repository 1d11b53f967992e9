// Sums over a workgroup of WORKERS, a multiple of 16, in one order on every device.
var<workgroup> totals: array<f32, ${WORKERS}>;
var<workgroup> sixteenths: array<f32, 16>;

fn total(value: f32, worker: u32) -> f32 {
  workgroupBarrier();
  totals[worker] = value;
  workgroupBarrier();
  if (worker < 16u) {
    var sum = 0.0;
    for (var i = worker; i < ${WORKERS}u${TIMES}; i += 16u) { sum += totals[i]; }
    sixteenths[worker] = sum;
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < 16u${TIMES}; i++) { sum += sixteenths[i]; }
  return sum;
}
