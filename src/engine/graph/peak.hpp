#pragma once

namespace p2p::engine {

/// The most arithmetic that this machine does, in 10^9 operations a second; a multiply-add is two.
struct PeakGops {
  double f32 = 0;
  double bf16 = 0;
  double int8 = 0;
};

/// Times products of matrices that stay in the caches, the best of several, in each precision. `threads` 0: all. Takes about two seconds.
PeakGops measure_peak(int threads);

}  // namespace p2p::engine
