#include <CLI/Error.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <new>
#include <string_view>

#include "app/commands.hpp"
#include "app/process_limits.hpp"
#include "base/error.hpp"
#include "base/printable.hpp"

namespace {

using p2p::app::Arguments;

struct Command {
  std::string_view name;
  std::string_view help;
  int (*run)(const Arguments&);
  bool is_service = false;
};

constexpr std::array kCommands{
    Command{"demo", "run everything in one process, with a web page to try it", p2p::app::run_demo, true},
    Command{"generate", "draw pictures from prompts into files", p2p::app::run_generate},
    Command{"bot", "serve a Telegram bot", p2p::app::run_bot, true},
    Command{"api", "serve an HTTP API compatible with OpenAI's images API", p2p::app::run_api, true},
    Command{"worker", "draw the requests of bots and APIs", p2p::app::run_worker, true},
    Command{"info", "show how a picture was made, from what is written in it", p2p::app::run_info},
    Command{"models", "list the installed models and their memory needs", p2p::app::run_models},
    Command{"pull", "download a model from Hugging Face or another hub, and verify it", p2p::app::run_pull},
    Command{"config", "show all settings with their values and sources", p2p::app::run_config},
    Command{"doctor", "check Telegram, Kafka, storage, database and model, and report problems", p2p::app::run_doctor},
    Command{"health", "check whether the service on this machine is alive", p2p::app::run_health},
    Command{"bench", "measure this machine and the share of its speed that each stage reaches", p2p::app::run_bench},
};

void print_help() {
  std::cout << "prompt2pic draws pictures from text prompts on CPUs.\n\nUsage: prompt2pic COMMAND [OPTIONS]\n\nCommands:\n";
  for (const Command& command : kCommands) {
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
  if (const auto command = std::ranges::find(kCommands, name, &Command::name); command != kCommands.end()) {
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
  const bool known = std::ranges::find(kCommands, std::string_view(name), &Command::name) != kCommands.end();
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
