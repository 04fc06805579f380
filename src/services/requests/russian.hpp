#pragma once

#include <optional>
#include <string>

#include "base/sentence.hpp"

namespace p2p::requests {

/// The sentence in Russian; nullopt if it has no code, or one that is not known here, as from a newer worker.
std::optional<std::string> in_russian(const Sentence& sentence);

}  // namespace p2p::requests
