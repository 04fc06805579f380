#pragma once

#include <filesystem>
#include <string>

#include "app/pull_report.hpp"
#include "config/settings.hpp"
#include "platform/hub/plan.hpp"

namespace p2p::app {

/// A file that was pulled by itself, or was there already.
struct PulledFile {
  std::filesystem::path path;
  std::string use;  ///< a command that uses it
  bool fresh = false;
};

/// Downloads the only file of `plan` to where its kind belongs: a checkpoint to models_dir, a LoRA to loras_dir, else to models_dir/loras,
/// a VAE to models_dir/vae, a textual inversion to models_dir/embeddings. The kind is read from the names of its tensors before it is
/// downloaded. `name`: without extension; empty: made from the file's name. Throws like hub::fetch_all; UsageError if another file has the
/// name, or if the file is of no such kind.
PulledFile pull_file(hub::Hub& hub, const hub::Plan& plan, const std::string& name, const AppConfig& config, PullReport& report);

}  // namespace p2p::app
