#pragma once

#include <CLI/CLI.hpp>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "app/command_help.hpp"
#include "app/commands.hpp"
#include "base/error.hpp"
#include "config/parse_number.hpp"
#include "config/setting_users.hpp"
#include "config/settings.hpp"

namespace p2p::app {

/// Parses a command's arguments. With --help among them, prints the help and returns false. Throws CLI::ParseError.
bool parse(CLI::App& app, const Arguments& arguments);

/// While one exists in a thread, parse() there keeps the description of the command instead of parsing, and returns false.
class DescribeOnly {
 public:
  DescribeOnly();
  ~DescribeOnly();
  DescribeOnly(const DescribeOnly&) = delete;
  DescribeOnly& operator=(const DescribeOnly&) = delete;

  std::optional<CommandHelp> help;  ///< of the last command
};

/// The flags of a command for settings, and --config. Must outlive the parsing.
class SettingFlags {
 public:
  /// Flags for all settings except secrets.
  explicit SettingFlags(CLI::App& app);
  /// The same; the help has those that the service uses, and its secrets.
  SettingFlags(CLI::App& app, Service service);
  SettingFlags(CLI::App& app, std::initializer_list<std::string_view> names);

  /// To be called after parsing. Loads all settings, configures the log, and warns of unknown P2P_... variables, which are not an error
  /// because an environment may be shared. Throws UsageError.
  LoadedConfig load() const;

 private:
  CLI::Option* add(CLI::App& app, const Setting& setting);

  std::map<std::string, CLI::Option*, std::less<>> flags_;
  CLI::Option* file_ = nullptr;
};

/// The option's value; nullopt if it was not given. Throws UsageError unless it is a number in min..max; `kind` is "a whole number" or
/// similar.
template <typename Number>
std::optional<Number> number(const CLI::Option& option, Number min, Number max, std::string_view kind) {
  if (option.count() == 0) return std::nullopt;
  const std::string& text = option.results().back();
  if (const auto value = parse_number<Number>(text, min, max)) return value;
  std::ostringstream problem;
  problem << option.get_name() << " is '" << text << "'; it takes " << kind << " from " << min << " to " << max;
  throw UsageError(problem.str());
}

}  // namespace p2p::app
