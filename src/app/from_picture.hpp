#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/pipelines/text_to_image.hpp"

namespace p2p::app {

/// Takes from the picture `file` what `params` leave open: prompts that are empty, values that are not set, and the seed unless
/// `seed_given`. Returns sentences about what was not taken, and about its model if that is not `model`, a name. Throws UsageError for a
/// file that is no picture or has no parameters.
std::vector<std::string> take_from_picture(const std::filesystem::path& file, engine::GenerateParams& params, bool seed_given,
                                           std::string_view model);

}  // namespace p2p::app
