#include <algorithm>
#include <array>
#include <iostream>

#include "app/command_line.hpp"
#include "app/command_table.hpp"

namespace p2p::app {
namespace {

constexpr std::array<std::string_view, 3> kShells{"bash", "zsh", "fish"};

std::string list_of(const std::vector<std::string>& words, std::string_view separator = " ") {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : std::string(separator)) + word;
  return text;
}

/// The first sentence or clause, without what shells read as their own.
std::string short_text(std::string_view text) {
  text = text.substr(0, std::min(text.find(". "), text.find(": ")));
  std::string plain;
  for (const char c : text) {
    if (std::string_view("'\"`$\\[]:\n").find(c) == std::string_view::npos) plain += c;
  }
  while (plain.ends_with('.')) plain.pop_back();
  return plain;
}

std::vector<OptionHelp> all_options(const CommandHelp& command) {
  std::vector<OptionHelp> options = command.options;
  options.insert(options.end(), command.settings.begin(), command.settings.end());
  return options;
}

/// What may follow a command without a dash.
std::vector<std::string> words_after(const CommandHelp& command) {
  if (command.name == "completion") return {kShells.begin(), kShells.end()};
  if (command.name == "health") return {"api", "bot", "worker"};
  if (command.name == "bench") return {"service"};
  return {};
}

std::string bash_of(const CommandHelp& command) {
  std::string files;
  std::string others;
  std::string cases;
  std::vector<std::string> names = words_after(command);
  for (const OptionHelp& option : all_options(command)) {
    names.insert(names.end(), option.names.begin(), option.names.end());
    if (option.value.empty()) continue;
    const std::string each = list_of(option.names, "|");
    if (!option.words.empty())
      cases += "        " + each + ") _prompt2pic_words '" + list_of(option.words) + "'; return ;;\n";
    else
      (option.takes_file ? files : others) += (option.takes_file ? files : others).empty() ? each : "|" + each;
  }
  if (!files.empty()) cases += "        " + files + ") _prompt2pic_files; return ;;\n";
  if (!others.empty()) cases += "        " + others + ") return ;;\n";
  return "    " + command.name + ")\n      case $previous in\n" + cases + "      esac\n      _prompt2pic_words '" + list_of(names) +
         "'\n      ;;\n";
}

std::string bash_completion(const std::vector<CommandHelp>& all) {
  std::string names;
  std::string cases;
  for (const CommandHelp& command : all) {
    names += command.name + " ";
    cases += bash_of(command);
  }
  return "# Completion of prompt2pic for bash. Load it with: source <(prompt2pic completion bash)\n"
         "_prompt2pic_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$word\"); }\n"
         "_prompt2pic_files() { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); }\n"
         "_prompt2pic() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  if [[ $word == = ]]; then word=''; elif [[ $previous == = ]]; then previous=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
         "  COMPREPLY=()\n"
         "  if ((COMP_CWORD == 1)); then\n    _prompt2pic_words '" +
         names +
         "--help --version'\n    return\n  fi\n"
         "  case ${COMP_WORDS[1]} in\n" +
         cases + "  esac\n}\ncomplete -F _prompt2pic prompt2pic\n";
}

std::string zsh_completion(const std::vector<CommandHelp>& all) {
  std::string names;
  std::string cases;
  for (const CommandHelp& command : all) {
    names += "    '" + command.name + ":" + short_text(command.text) + "'\n";
    cases += "    " + command.name + ")\n      _arguments";
    for (const OptionHelp& option : all_options(command)) {
      const std::string value = option.value.empty()    ? ""
                                : !option.words.empty() ? ":value:(" + list_of(option.words) + ")"
                                : option.takes_file     ? ":file:_files"
                                                        : ":value: ";
      for (const std::string& name : option.names) cases += " \\\n        '*" + name + "[" + short_text(option.text) + "]" + value + "'";
    }
    const auto words = words_after(command);
    cases += " \\\n        '*:word:" + (words.empty() ? " " : "(" + list_of(words) + ")") + "'\n      ;;\n";
  }
  return "#compdef prompt2pic\n# Completion of prompt2pic for zsh. Put it as _prompt2pic into a folder of $fpath.\n"
         "_prompt2pic() {\n  local -a commands=(\n" +
         names +
         "  )\n  if ((CURRENT == 2)); then\n    _describe command commands\n    return\n  fi\n"
         "  local command=$words[2]\n  shift words\n  ((CURRENT--))\n  case $command in\n" +
         cases +
         "  esac\n}\n"
         "if [[ $funcstack[1] == _prompt2pic ]]; then _prompt2pic \"$@\"; else compdef _prompt2pic prompt2pic; fi\n";
}

std::string fish_completion(const std::vector<CommandHelp>& all) {
  std::string text =
      "# Completion of prompt2pic for fish. Put it as prompt2pic.fish into ~/.config/fish/completions.\n"
      "complete -c prompt2pic -f\n"
      "complete -c prompt2pic -n __fish_use_subcommand -l version -d 'print the version'\n";
  for (const CommandHelp& command : all)
    text += "complete -c prompt2pic -n __fish_use_subcommand -a " + command.name + " -d '" + short_text(command.text) + "'\n";
  for (const CommandHelp& command : all) {
    const std::string start = "complete -c prompt2pic -n '__fish_seen_subcommand_from " + command.name + "'";
    if (const auto words = words_after(command); !words.empty()) text += start + " -a '" + list_of(words) + "'\n";
    for (const OptionHelp& option : all_options(command)) {
      text += start;
      for (const std::string& name : option.names) text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (!option.words.empty())
        text += " -x -a '" + list_of(option.words) + "'";
      else if (!option.value.empty())
        text += option.takes_file ? " -r -F" : " -x";
      text += " -d '" + short_text(option.text) + "'\n";
    }
  }
  return text;
}

}  // namespace

int run_completion(const Arguments& arguments) {
  CLI::App app("Prints the completion of a shell: bash, zsh or fish.", "prompt2pic completion SHELL");
  app.footer(
      "Examples:\n  source <(prompt2pic completion bash)\n  prompt2pic completion zsh > ~/.zfunc/_prompt2pic\n"
      "  prompt2pic completion fish > ~/.config/fish/completions/prompt2pic.fish\n");
  const CLI::Option* shell = app.add_option("SHELL")->description("bash, zsh or fish.");
  if (!parse(app, arguments)) return 0;
  const std::string name = shell->count() > 0 ? shell->results().back() : "";
  const std::vector<CommandHelp> all = describe_commands();
  if (name == "bash")
    std::cout << bash_completion(all);
  else if (name == "zsh")
    std::cout << zsh_completion(all);
  else if (name == "fish")
    std::cout << fish_completion(all);
  else
    throw UsageError(name.empty() ? "say for which shell: bash, zsh or fish"
                                  : "there is no completion for " + name + "; there is one for bash, zsh and fish");
  return 0;
}

}  // namespace p2p::app
