#include "app/command_table.hpp"

#include <array>

#include "app/command_line.hpp"

namespace p2p::app {
namespace {

constexpr std::array kCommands{
    Command{"demo", "run everything in one process, with a web page to try it", run_demo, true},
    Command{"generate", "draw pictures from prompts into files", run_generate},
    Command{"bot", "serve a Telegram bot", run_bot, true},
    Command{"api", "serve an HTTP API compatible with OpenAI's images API", run_api, true},
    Command{"worker", "draw the requests of bots and APIs", run_worker, true},
    Command{"info", "show how a picture was made, from what is written in it", run_info},
    Command{"models", "list the installed models and their memory needs", run_models},
    Command{"pull", "download a model from Hugging Face or another hub, and verify it", run_pull},
    Command{"config", "show all settings with their values and sources", run_config},
    Command{"doctor", "check Telegram, Kafka, storage, database and model, and report problems", run_doctor},
    Command{"health", "check whether the service on this machine is alive", run_health},
    Command{"completion", "print the completion of bash, zsh or fish", run_completion},
    Command{"man", "print the manual page", run_man},
    Command{"bench", "measure this machine and the share of its speed that each stage reaches", run_bench},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

std::vector<CommandHelp> describe_commands() {
  std::vector<CommandHelp> all;
  for (const Command& command : kCommands) {
    DescribeOnly describe;
    command.run({});
    all.push_back(describe.help.value());
    all.back().name = command.name;
  }
  return all;
}

}  // namespace p2p::app
