#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/sentence.hpp"
#include "engine/checkpoint/weights.hpp"

namespace p2p::engine {

/// The strays of all `networks`, which are loaded.
std::vector<std::string> strays_of(std::span<const Weights* const> networks);

/// A notice that a model's `strays` (Weights::strays()) are not used; none without any. `model` is its folder or file.
std::optional<Sentence> stray_notice(const std::filesystem::path& model, std::span<const std::string> strays);

}  // namespace p2p::engine
