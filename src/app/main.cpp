#include <CLI/Error.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <new>
#include <string_view>

#include "app/command_table.hpp"
#include "app/process_limits.hpp"
#include "base/error.hpp"
#include "base/printable.hpp"

namespace {

using p2p::app::Arguments;
using p2p::app::commands;

void print_help() {
  std::cout << "prompt2pic draws pictures from text prompts on CPUs.\n\nUsage: prompt2pic COMMAND [OPTIONS]\n\nCommands:\n";
  for (const p2p::app::Command& command : commands()) {
    std::cout << "  " << command.name << std::string(12 - command.name.size(), ' ') << command.help << '\n';
  }
  std::cout << "  --version   print the version\n"
               "\nExamples:\n"
               "  prompt2pic generate a fox on a blue background\n"
               "  prompt2pic generate \"сова на жёлтом фоне\" --seed 7 --output owl.png\n"
               "  prompt2pic generate --help\n";
}

int run(std::string_view name, const Arguments& arguments) {
  if (name == "--help" || name == "-h" || name == "help") {
    print_help();
    return 0;
  }
  if (name == "--version") {
    std::cout << "prompt2pic " P2P_VERSION "\n";
    return 0;
  }
  if (name.empty()) throw p2p::UsageError("missing command; for example: prompt2pic generate a fox on a blue background");
  if (const auto command = std::ranges::find(commands(), name, &p2p::app::Command::name); command != commands().end()) {
    if (command->is_service) p2p::app::set_process_limits();
    return command->run(arguments);
  }
  throw p2p::UsageError("there is no command '" + std::string(name) + "'");
}

}  // namespace

int main(int argc, char** argv) {
  const auto fail = [](int code, const std::string& message) {
    std::cerr << "prompt2pic: " << p2p::printable(message) << std::endl;
    return code;
  };
  const std::string name = argc > 1 ? argv[1] : "";
  const bool known = std::ranges::find(commands(), std::string_view(name), &p2p::app::Command::name) != commands().end();
  const std::string hint = std::string("\nSee: prompt2pic ") + (known ? name + " " : "") + "--help";
  try {
    const int code = run(name, Arguments(argv + std::min(argc, 2), argv + argc));
    return std::cout.flush() ? code : fail(1, "the output could not be written");
  } catch (const p2p::Cancelled&) {
    return fail(130, "interrupted");
  } catch (const p2p::UsageError& error) {
    return fail(2, error.what() + hint);
  } catch (const CLI::ParseError& error) {
    return fail(2, error.what() + hint);
  } catch (const std::bad_alloc&) {
    return fail(1, "out of memory");
  } catch (const std::exception& error) {
    return fail(1, error.what());
  }
}
