#include "engine/pipelines/stable_diffusion/clip_image_processor.hpp"

#include <algorithm>
#include <utility>

#include "engine/image/resize.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

constexpr std::size_t kMaxSide = 4096;
constexpr std::array kMean{0.48145466, 0.4578275, 0.40821073};
constexpr std::array kStd{0.26862954, 0.26130258, 0.27577711};

// Older files have a number instead of an object.
int side(const ConfigReader& reader, const char* key, std::initializer_list<const char*> parts) {
  const auto found = reader.json().find(key);
  if (found == reader.json().end() || !found->is_object()) return static_cast<int>(reader.size(key, 1, kMaxSide, 224));
  const ConfigReader object(reader.file(), *found);
  const std::size_t first = object.size(*parts.begin(), 1, kMaxSide);
  const bool same = std::ranges::all_of(parts, [&](const char* part) { return object.size(part, 1, kMaxSide) == first; });
  if (!same || found->size() != parts.size()) reader.fail(key, "only squares are supported, by a shortest edge; found " + excerpt(*found));
  return static_cast<int>(first);
}

std::array<float, 3> channels(const ConfigReader& reader, const char* key, const std::array<double, 3>& fallback, double min) {
  std::array<float, 3> values{};
  std::ranges::transform(fallback, values.begin(), [](double value) { return static_cast<float>(value); });
  const auto found = reader.json().find(key);
  if (found == reader.json().end() || found->is_null()) return values;
  const auto fits = [&](const Json& value) { return value.is_number() && value.get<double>() >= min && value.get<double>() <= 1000; };
  if (!found->is_array() || found->size() != values.size() || !std::ranges::all_of(*found, fits)) {
    reader.fail(key, "expected three numbers, found " + excerpt(*found));
  }
  std::ranges::transform(*found, values.begin(), [](const Json& value) { return value.get<float>(); });
  return values;
}

void check_kind(const ConfigReader& reader) {
  for (const char* key : {"image_processor_type", "feature_extractor_type"}) {
    const std::string kind = reader.text(key, "CLIPImageProcessor");
    constexpr std::array<std::string_view, 4> kKinds{"CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPImageProcessorPil",
                                                     "CLIPFeatureExtractor"};
    if (std::ranges::find(kKinds, kind) == kKinds.end()) reader.fail(key, "expected CLIPImageProcessor, found \"" + kind + "\"");
  }
  for (const char* key : {"do_resize", "do_center_crop", "do_rescale", "do_normalize"}) {
    if (!reader.boolean(key, true)) reader.fail(key, "only true is supported, found false");
  }
  for (const char* key : {"do_pad", "use_square_size"}) {
    if (reader.boolean(key, false)) reader.fail(key, "only false is supported, found true");
  }
  reader.size("resample", 3, 3, 3);  // Pillow's BICUBIC
}

}  // namespace

ClipImageProcessor::ClipImageProcessor(const ConfigReader& reader)
    : shortest_edge_(side(reader, "size", {"shortest_edge"})),
      crop_size_(side(reader, "crop_size", {"height", "width"})),
      rescale_factor_(reader.number("rescale_factor", 0, 1000, 1 / 255.0)),
      mean_(channels(reader, "image_mean", kMean, -1000)),
      std_(channels(reader, "image_std", kStd, 1e-6)) {
  check_kind(reader);
  if (shortest_edge_ < crop_size_) {
    reader.fail("size", "expected at least crop_size " + std::to_string(crop_size_) + ", found " + std::to_string(shortest_edge_));
  }
}

std::vector<float> ClipImageProcessor::process(const Image& image) const {
  const auto longest = [&](int along, int across) { return static_cast<int>(static_cast<std::int64_t>(shortest_edge_) * along / across); };
  const bool upright = image.width <= image.height;
  const int width = upright ? shortest_edge_ : longest(image.width, image.height);
  const int height = upright ? longest(image.height, image.width) : shortest_edge_;
  const Image small = resize(image, width, height, ResizeFilter::bicubic);

  const auto top = static_cast<std::size_t>((height - crop_size_) / 2);
  const auto left = static_cast<std::size_t>((width - crop_size_) / 2);
  std::vector<float> values;
  values.reserve(3 * crop_size() * crop_size());
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t y = top; y < top + crop_size(); ++y) {
      for (std::size_t x = left; x < left + crop_size(); ++x) {
        const std::uint8_t byte = small.rgb[3 * (y * static_cast<std::size_t>(width) + x) + c];
        values.push_back((static_cast<float>(byte * rescale_factor_) - mean_[c]) / std_[c]);
      }
    }
  }
  return values;
}

}  // namespace p2p::engine::stable_diffusion
