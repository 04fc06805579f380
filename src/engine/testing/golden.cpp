#include "engine/testing/golden.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include "base/json.hpp"

namespace p2p::engine::golden {

namespace fs = std::filesystem;

fs::path file(const std::string& name) { return fs::path(P2P_SOURCE_DIR) / "tests/golden" / name; }

Model::Model(const std::string& model) : name(model), folder(file("wuerstchen/" + model)) {
  const bool combined = fs::exists(folder / "prior_prior");
  const fs::path c = combined ? folder : folder / "prior";
  const fs::path b = combined ? folder : folder / "decoder";
  prior = c / (combined ? "prior_prior" : "prior");
  prior_text_encoder = c / (combined ? "prior_text_encoder" : "text_encoder");
  decoder = b / "decoder";
  text_encoder = b / "text_encoder";
  vqgan = b / "vqgan";
}

const TensorView& Tensors::at(const std::string& key) const {
  const auto found = file_.tensors.find(key);
  if (found == file_.tensors.end()) throw std::out_of_range(file_.path.string() + " has no tensor " + key);
  return found->second;
}

std::vector<std::int64_t> Tensors::integers(const std::string& key) const {
  const TensorView& view = at(key);
  if (view.dtype != DType::i64) throw std::invalid_argument(key + " is not of I64");
  std::vector<std::int64_t> values(view.data.size() / sizeof(std::int64_t));
  std::memcpy(values.data(), view.data.data(), view.data.size());
  return values;
}

std::vector<float> Tensors::channels_last(const std::string& key) const {
  const Shape& shape = at(key).shape;
  const std::size_t channels = shape.at(1);
  const std::size_t pixels = shape.at(2) * shape.at(3);
  const std::vector<float> from = floats(key);
  std::vector<float> to(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::size_t n = i / (channels * pixels);
    const std::size_t c = i / pixels % channels;
    to[(n * pixels + i % pixels) * channels + c] = from[i];
  }
  return to;
}

testing::AssertionResult near(std::span<const float> found, std::span<const float> expected, double tolerance) {
  if (found.size() != expected.size()) return testing::AssertionFailure() << found.size() << " values, expected " << expected.size();
  double largest = 0;
  for (const float value : expected) largest = std::max(largest, static_cast<double>(std::abs(value)));
  double worst = 0;
  std::size_t place = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double distance = std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
    if (!(distance <= worst)) {  // NaN too
      worst = distance;
      place = i;
      if (std::isnan(distance)) break;
    }
  }
  if (worst <= tolerance * largest) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "at " << place << " of " << found.size() << ": " << found[place] << ", expected " << expected[place]
                                     << "; that is " << worst / largest << " of the largest value " << largest << ", allowed " << tolerance;
}

Checkpoint& Checkpoint::add(const std::string& name, const Shape& shape, std::span<const float> values, DType dtype) {
  std::string bytes(values.size() * size_of(dtype), '\0');
  from_floats(values, dtype, reinterpret_cast<std::byte*>(bytes.data()));
  return add_bytes(name, shape, bytes, dtype);
}

Checkpoint& Checkpoint::add_bytes(const std::string& name, const Shape& shape, const std::string& bytes, DType dtype) {
  tensors_[name] = {dtype, shape, bytes};
  return *this;
}

void Checkpoint::write(const fs::path& path) const {
  Json header = Json::object();
  std::string data;
  for (const auto& [name, entry] : tensors_) {
    const std::size_t begin = data.size();
    data += entry.bytes;
    header[name] = {{"dtype", name_of(entry.dtype)}, {"shape", entry.shape}, {"data_offsets", {begin, data.size()}}};
  }
  const std::string text = header.dump();
  const std::uint64_t size = text.size();
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&size), sizeof size);
  out << text << data;
}

Weights Checkpoint::weights() const {
  const TempFolder folder;
  write(folder.path() / "model.safetensors");
  return Weights(folder.path());
}

}  // namespace p2p::engine::golden
