#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/hub/plan.hpp"

namespace p2p::app {

/// A model to pull: one that has a name here, or any repository.
struct PullModel {
  std::string name;  ///< its folder's: letters a-z, digits and hyphens
  std::string title;
  std::string licence;     ///< in words for people; empty: what the hub says
  bool commercial = true;  ///< false: the licence forbids commercial use
  int size = 0;            ///< px of each side, to draw at; 0: as the pipeline does without being told
  int steps = 0;           ///< the same
  std::optional<double> guidance;
  std::vector<hub::Source> sources;
};

/// `wanted` is a name of the table (sd-1.5; a dot or a hyphen is the same) or OWNER/NAME. Throws UsageError that lists the names.
PullModel find_pull_model(const std::string& wanted);

/// Every named model in a line: name, repositories, licence.
std::string pull_table();

/// Lower-case letters, digits and hyphens of `text`, everything else a hyphen; what a model's folder may be called.
std::string model_name_of(std::string_view text);

/// Whether a licence's name says that it forbids commercial use: nc, noncommercial, non-commercial or research among its words.
bool forbids_commercial_use(std::string_view licence);

}  // namespace p2p::app
