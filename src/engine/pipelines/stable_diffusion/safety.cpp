#include "engine/pipelines/stable_diffusion/safety.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

namespace fs = std::filesystem;

fs::path part_of(const fs::path& model, const char* part, const char* file) {
  const fs::path folder = model / part;
  if (fs::exists(folder / file)) return folder;
  throw ModelError(model.string() + ": has no safety checker: " + part + "/" + file +
                   " is missing; leave the checker off (safety = off), or get it with the model: prompt2pic pull --safety-checker");
}

}  // namespace

Safety::Safety(const fs::path& model, double adjustment, Precision precision, int threads)
    : processor_(part_of(model, "feature_extractor", "preprocessor_config.json") / "preprocessor_config.json"),
      checker_(part_of(model, "safety_checker", "config.json"), precision, threads),
      adjustment_(adjustment) {
  const std::size_t size = checker_.config().vision.image_size;
  if (processor_.crop_size() != size) {
    throw ModelError((model / "feature_extractor" / "preprocessor_config.json").string() + ": crop_size: expected " + std::to_string(size) +
                     ", the safety checker's image_size; found " + std::to_string(processor_.crop_size()));
  }
}

void Safety::judge(GenerateResult& result) const {
  const SafetyScores scores = checker_.check(processor_.process(result.image), adjustment_);
  if (!std::ranges::all_of(scores.concepts, [](float score) { return std::isfinite(score); })) {
    throw Error("safety checker: the result is not finite (NaN or infinity); the weights may be damaged, or need --precision f32");
  }
  const float score = std::ranges::max(scores.concepts);
  result.safety = {.flagged = score > 0, .score = std::nearbyint(score * 1000.0) / 1000};
  if (!result.safety->flagged) return;
  std::ranges::fill(result.image.rgb, std::uint8_t{0});
  result.notices.emplace_back("the safety checker withheld the picture: a black one stands in its place; try other words or another seed");
}

}  // namespace p2p::engine::stable_diffusion
