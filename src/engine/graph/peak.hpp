#pragma once

namespace p2p::engine {

/// The peak arithmetic rate of this machine in 10^9 operations per second; a multiply-add counts as two.
struct PeakGops {
  double f32 = 0;
  double bf16 = 0;
  double int8 = 0;
};

/// Measures products of matrices that fit in the caches, the best of several runs, in each precision. `threads` 0: all. Takes about two
/// seconds.
PeakGops measure_peak(int threads);

}  // namespace p2p::engine
