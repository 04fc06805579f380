#include <iostream>
#include <sstream>

#include "app/command_line.hpp"
#include "app/command_table.hpp"

namespace p2p::app {
namespace {

/// Text for a line of troff.
std::string roff(std::string_view text) {
  std::string result;
  if (text.starts_with('.') || text.starts_with('\'')) result += "\\&";
  for (const char c : text) {
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else
      result += c;
  }
  return result;
}

void print_option(std::ostream& out, const OptionHelp& option) {
  out << ".TP\n\\fB";
  for (std::size_t i = 0; i < option.names.size(); ++i) out << (i > 0 ? "\\fR, \\fB" : "") << roff(option.names[i]);
  out << "\\fR";
  if (!option.value.empty()) out << " \\fI" << roff(option.value) << "\\fR";
  out << "\n" << roff(option.text) << "\n";
}

/// Lines as they are.
void print_lines(std::ostream& out, const std::string& lines) {
  std::istringstream in(lines);
  out << ".nf\n";
  for (std::string line; std::getline(in, line);) out << (line.empty() ? ".sp" : roff(line)) << "\n";
  out << ".fi\n";
}

void print_command(std::ostream& out, const CommandHelp& command) {
  out << ".SS " << roff(command.usage) << "\n" << roff(command.text) << "\n";
  for (const OptionHelp& option : command.options) print_option(out, option);
  if (!command.settings.empty()) {
    out << ".PP\nSettings as flags, see ENVIRONMENT:";
    const char* separator = " ";
    for (const OptionHelp& option : command.settings) {
      for (const std::string& name : option.names) {
        out << separator << "\\fB" << roff(name) << "\\fR";
        separator = ", ";
      }
    }
    out << ".\n";
  }
  if (!command.footer.empty()) {
    out << ".PP\n";
    print_lines(out, command.footer);
  }
}

void print_settings(std::ostream& out) {
  out << ".SH ENVIRONMENT\nSettings. Flags override the environment, which overrides the file of \\fB\\-\\-config\\fR, in which they have "
         "the same "
         "names in lower case without P2P_.\n";
  for (const Setting& setting : settings()) {
    out << ".TP\n\\fB" << roff(setting.env()) << "\\fR\n" << roff(setting.sentence) << "\nTakes " << roff(setting.expects) << ".\n";
    if (!setting.fallback.empty()) out << "Default: " << roff(setting.fallback) << ".\n";
    if (setting.secret) out << "Secret: it has no flag, and may be in the file that \\fB" << roff(setting.env()) << "_FILE\\fR names.\n";
  }
}

}  // namespace

int run_man(const Arguments& arguments) {
  CLI::App app("Prints the manual page, in the format of man.", "prompt2pic man");
  app.footer("Example:\n  prompt2pic man > prompt2pic.1 && man ./prompt2pic.1\n");
  if (!parse(app, arguments)) return 0;
  std::ostream& out = std::cout;
  out << ".TH PROMPT2PIC 1 \"\" \"prompt2pic " << roff(P2P_VERSION) << "\" \"User Commands\"\n"
      << ".SH NAME\nprompt2pic \\- draw pictures from text prompts on CPUs\n"
      << ".SH SYNOPSIS\n\\fBprompt2pic\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
      << ".SH DESCRIPTION\nPrompt2Pic draws pictures with diffusion models on plain CPUs: into files, for a Telegram bot, and for an HTTP "
         "API.\n";
  for (const Command& command : commands()) out << ".TP\n\\fB" << roff(command.name) << "\\fR\n" << roff(command.help) << "\n";
  out << ".SH COMMANDS\n";
  for (const CommandHelp& command : describe_commands()) print_command(out, command);
  print_settings(out);
  out << ".SH FILES\n.TP\n\\fI$XDG_DATA_HOME/prompt2pic/models\\fR\nModels that pull downloads where P2P_MODELS_DIR is not set; without "
         "XDG_DATA_HOME below \\fI~/.local/share\\fR.\n"
      << ".TP\n\\fI$XDG_CACHE_HOME/prompt2pic/networks\\fR\nCompiled networks; without XDG_CACHE_HOME below \\fI~/.cache\\fR.\n"
      << ".SH EXIT STATUS\n.TP\n0\nsuccess\n.TP\n1\na failure\n.TP\n2\nwrong arguments or settings\n.TP\n130\ninterrupted\n";
  return 0;
}

}  // namespace p2p::app
