#pragma once

#include "base/json.hpp"
#include "engine/pipelines/text_to_image.hpp"

namespace p2p::engine::golden {

/// What a row of a cases.json of tests/golden asks for, apart from LoRAs and the picture to begin with.
GenerateParams params_of(const Json& row);

}  // namespace p2p::engine::golden
