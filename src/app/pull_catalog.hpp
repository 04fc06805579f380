#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/hub/plan.hpp"

namespace p2p::app {

/// A model to pull: a named one, or any repository.
struct PullModel {
  std::string name;  ///< name of the folder: a-z, digits and hyphens
  std::string title;
  std::string licence;     ///< for people; empty: as stated by the hub
  bool commercial = true;  ///< false: the licence forbids commercial use
  int size = 0;            ///< px, default width and height; 0: the pipeline's default
  int steps = 0;           ///< default; 0: the pipeline's default
  std::optional<double> guidance;
  std::vector<hub::Source> sources;
};

/// `wanted` is a name in the table (sd-1.5; dots and hyphens are equivalent), OWNER/NAME, or the address of a page or file at the hub.
/// Throws UsageError that lists the names.
PullModel find_pull_model(const std::string& wanted, const std::string& hub_url);

/// A table of the named models: name, repositories, licence.
std::string pull_table();

/// A valid model name derived from `text`: lower case, with everything except letters and digits replaced by hyphens.
std::string model_name_of(std::string_view text);

/// Whether the name of a licence indicates that it forbids commercial use: one of its words is nc, noncommercial, non-commercial or
/// research.
bool forbids_commercial_use(std::string_view licence);

}  // namespace p2p::app
