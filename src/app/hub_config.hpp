#pragma once

#include "config/settings.hpp"

namespace p2p::app {

/// The configuration, with what Hugging Face's variables (HF_ENDPOINT, HF_TOKEN) and saved token say where our settings say nothing. Throws
/// UsageError, also if HF_HUB_OFFLINE forbids requests.
AppConfig hub_config(LoadedConfig loaded);

}  // namespace p2p::app
