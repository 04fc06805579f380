#include "engine/pipelines/stray_tensors.hpp"

#include "base/json.hpp"

namespace p2p::engine {

std::vector<std::string> strays_of(std::span<const Weights* const> networks) {
  std::vector<std::string> strays;
  for (const Weights* const weights : networks) strays.insert(strays.end(), weights->strays().begin(), weights->strays().end());
  return strays;
}

std::optional<Sentence> stray_notice(const std::filesystem::path& model, std::span<const std::string> strays) {
  if (strays.empty()) return {};
  return sentence("stray_tensors", "{0} has tensors that its networks do not use ({1}), such as {2}; they were left out",
                  model.filename().string(), strays.size(), excerpt(strays.front()));
}

}  // namespace p2p::engine
