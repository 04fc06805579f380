#include "engine/sampling/timesteps.hpp"

#include <algorithm>
#include <cmath>

#include "engine/sampling/numerics.hpp"

namespace p2p::engine {
namespace {

TimestepSpacing::Kind read_kind(const ConfigReader& config, TimestepSpacing::Kind fallback) {
  const std::string name = config.text("timestep_spacing", "");
  if (name.empty()) return fallback;
  if (name == "linspace") return TimestepSpacing::Kind::linspace;
  if (name == "leading") return TimestepSpacing::Kind::leading;
  if (name == "trailing") return TimestepSpacing::Kind::trailing;
  config.fail("timestep_spacing", "expected leading, linspace or trailing, found " + excerpt(name));
}

}  // namespace

TimestepSpacing::TimestepSpacing(const ConfigReader& config, Kind fallback)
    : train_(static_cast<int>(config.integer("num_train_timesteps", 2, 100'000, 1000))),
      kind_(read_kind(config, fallback)),
      offset_(static_cast<int>(config.integer("steps_offset", 0, 100'000, 0))) {}

std::vector<float> TimestepSpacing::whole(int steps) const { return spread(steps, train_, static_cast<double>(train_) / steps, true); }

std::vector<float> TimestepSpacing::fractional(int steps) const {
  return spread(steps, train_, static_cast<double>(train_) / steps, false);
}

std::vector<float> TimestepSpacing::multistep(int steps, int last) const {
  const double trailing_step = static_cast<double>(train_) / steps;
  if (kind_ == Kind::trailing) return spread(steps, last, trailing_step, true);
  std::vector<float> timesteps = spread(steps + 1, last, trailing_step, true);
  timesteps.pop_back();
  return timesteps;
}

std::vector<float> TimestepSpacing::spread(int count, int last, double trailing_step, bool rounded) const {
  std::vector<float> timesteps;
  if (kind_ == Kind::trailing) {
    for (const double t : numpy::arange_down(last, trailing_step)) timesteps.push_back(static_cast<float>(std::nearbyint(t) - 1));
  } else if (kind_ == Kind::leading) {
    const int stride = last / count;
    for (int i = count; i-- > 0;) timesteps.push_back(static_cast<float>(i * stride + offset_));
  } else {
    for (const double t : numpy::linspace(0, last - 1, count)) timesteps.push_back(static_cast<float>(rounded ? std::nearbyint(t) : t));
    std::ranges::reverse(timesteps);
  }
  return timesteps;
}

}  // namespace p2p::engine
