#pragma once

#include <algorithm>
#include <chrono>

namespace p2p::worker {

/// Decides when a preview of a drawing is worth its time. Not thread-safe.
class PreviewPace {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Rules {
    std::chrono::milliseconds first{1'000};    ///< after the start of the drawing
    std::chrono::milliseconds between{1'500};  ///< between two previews
    std::chrono::milliseconds left{500};       ///< of the drawing, as extrapolated; with less, the picture itself comes soon
    int share = 20;                            ///< a preview is followed by drawing for at least this many times its own duration
  };

  PreviewPace(const Rules& rules, TimePoint start) : rules_(rules), start_(start), next_(start + rules.first) {}

  /// `fraction` of the drawing is done at `now`.
  bool is_due(TimePoint now, double fraction) const {
    if (now < next_ || fraction <= 0) return false;
    return (now - start_) * ((1 - fraction) / fraction) >= rules_.left;
  }
  /// A preview was made.
  void made(TimePoint from, TimePoint to) { next_ = to + std::max<TimePoint::duration>(rules_.between, (to - from) * rules_.share); }

 private:
  Rules rules_;
  TimePoint start_;
  TimePoint next_;
};

}  // namespace p2p::worker
