#pragma once

#include <span>
#include <string_view>

#include "app/command_help.hpp"
#include "app/commands.hpp"

namespace p2p::app {

struct Command {
  std::string_view name;
  std::string_view help;
  int (*run)(const Arguments&);
  bool is_service = false;
};

/// All commands, in the order of the help.
std::span<const Command> commands();

/// Their options, in that order.
std::vector<CommandHelp> describe_commands();

}  // namespace p2p::app
