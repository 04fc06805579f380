#include <filesystem>
#include <fstream>
#include <iostream>

#include "app/command_line.hpp"
#include "app/hub_config.hpp"
#include "app/interrupts.hpp"
#include "app/model_folders.hpp"
#include "app/pull_catalog.hpp"
#include "app/pull_file.hpp"
#include "app/pull_report.hpp"
#include "app/table.hpp"
#include "base/json.hpp"
#include "base/printable.hpp"
#include "platform/hub/staged_folder.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;

struct PullOptions {
  PullModel model;
  std::string name;  ///< that of --name; empty: not given
  hub::Choice choice;
  AppConfig config;
  bool json = false;
};

/// Nothing if --help was given.
std::optional<PullOptions> parse_pull_options(const Arguments& arguments) {
  CLI::App app(
      "Downloads a model to P2P_MODELS_DIR/NAME (by default prompt2pic/models/NAME in the user's data folder, ~/.local/share) and verifies "
      "its checksums. Interrupted downloads resume. MODEL is a name below, any "
      "diffusers repository as OWNER/NAME, or the address of a repository or of one .safetensors file at the hub. A checkpoint in one "
      "file becomes P2P_MODELS_DIR/NAME.safetensors, a LoRA P2P_LORAS_DIR/NAME.safetensors. HF_ENDPOINT, HF_TOKEN and the token that "
      "'hf auth login' has saved are used where hub_url and hub_token are not set.",
      "prompt2pic pull");
  app.footer("Models, where they come from, and their licences:\n" + pull_table() +
             "Examples:\n"
             "  prompt2pic pull sd-turbo\n"
             "  P2P_MODELS_DIR=models prompt2pic pull stabilityai/stable-diffusion-2-1 --variant fp16\n"
             "  P2P_MODELS_DIR=models prompt2pic pull https://huggingface.co/OWNER/NAME/blob/main/model.safetensors\n");
  const CLI::Option* model = app.add_option("MODEL")->description("The model.");
  const CLI::Option* name = app.add_option("--name")->description("The folder's name; without it the model's.")->type_name("NAME");
  const CLI::Option* revision = app.add_option("--revision")->description("A branch, tag or commit; without it main.")->type_name("REV");
  const CLI::Option* variant = app.add_option("--variant")
                                   ->description("The weights' variant, where there is one: fp16 (half as large), bf16, non_ema, ...")
                                   ->type_name("NAME");
  const CLI::Option* file = app.add_option("--file")->description("Take only this .safetensors file of the repository.")->type_name("FILE");
  const CLI::Option* checker = app.add_flag("--safety-checker")->description("Fetch the safety checker too.");
  const CLI::Option* json = app.add_flag("--json")->description("Print one line of JSON.");
  const SettingFlags flags(app, {"models_dir", "loras_dir", "hub_url", "hub_ca_file"});
  if (!parse(app, arguments)) return std::nullopt;

  if (model->count() == 0) throw UsageError("say which model to pull, such as: prompt2pic pull wuerstchen");
  PullOptions options;
  options.config = hub_config(flags.load());
  options.model = find_pull_model(model->results().back(), options.config.hub.url);
  if (name->count() > 0) {
    options.name = options.model.name = name->results().back();
    if (options.name.empty() || options.name != model_name_of(options.name))
      throw UsageError("--name is '" + options.name + "'; it takes at most 64 of a-z 0-9 -");
  }
  if (revision->count() > 0) {
    for (hub::Source& source : options.model.sources) source.revision = revision->results().back();
  }
  if (file->count() > 0) {
    if (options.model.sources.size() > 1)
      throw UsageError("--file goes with one repository; " + options.model.name + " is made from several");
    options.model.sources.front().file = file->results().back();
  }
  if (variant->count() > 0) options.choice.variant = variant->results().back();
  options.choice.safety_checker = checker->count() > 0;
  options.json = json->count() > 0;
  if (options.config.models_dir.empty()) {
    options.config.models_dir = own_models_folder(options.config);
    if (options.config.models_dir.empty())
      throw UsageError(
          "P2P_MODELS_DIR is not set, and there is no home; name a folder for models, such as: P2P_MODELS_DIR=models prompt2pic pull " +
          options.model.name);
    std::error_code problem;
    fs::create_directories(options.config.models_dir, problem);
    if (problem)
      throw Error(options.config.models_dir.string() + " cannot be created: " + problem.message() +
                  "; name another folder by P2P_MODELS_DIR");
  }
  return options;
}

/// The contents of the existing `folder`. Throws UsageError unless it is this model and complete.
std::vector<hub::Listing> already_pulled(const PullModel& model, const fs::path& folder) {
  std::vector<hub::Listing> listings;
  std::string problem;
  try {
    for (const hub::Source& source : model.sources) {
      listings.push_back(hub::check_pulled(folder / source.subfolder));
      if (listings.back().repository != source.repository) problem = "it is made from " + listings.back().repository;
    }
  } catch (const Error& error) {
    problem = error.what();
  }
  if (!problem.empty())
    throw UsageError(folder.string() + " is there already and is not " + model.title + " as it was pulled: " + problem +
                     "; delete it, or take another --name");
  return listings;
}

/// The licence as text, from the table or the hub.
std::string licence_of(PullModel& model, const std::vector<hub::Listing>& listings) {
  if (model.licence.empty()) {
    model.licence = listings.front().licence;
    model.commercial = !forbids_commercial_use(model.licence);
  }
  if (model.licence.empty()) return "licence: the repository names none; ask its owner before you use it";
  return "licence: " + model.licence + (model.commercial ? "" : "; it forbids commercial use");
}

/// Writes prompt2pic.json, the metadata that the model's own files lack.
void write_card(const PullModel& model, const fs::path& folder) {
  Json card{{"title", {{"en", model.title}}}};
  if (!model.licence.empty()) card["licence"] = model.licence + (model.commercial ? "" : " (no commercial use)");
  if (model.size > 0) card["width"] = card["height"] = model.size;
  if (model.steps > 0) card["steps"] = model.steps;
  if (model.guidance) card["guidance"] = *model.guidance;
  const fs::path file = folder / "prompt2pic.json";
  std::ofstream out(file);
  if (!(out << card.dump(1) << '\n').flush()) throw Error(file.string() + " cannot be written");
}

void show_result(const PullOptions& options, const fs::path& folder, const std::vector<hub::Listing>& listings, const std::string& licence,
                 bool fresh) {
  std::uint64_t bytes = 0;
  bool is_model = false;
  Json sources = Json::array();
  for (const hub::Listing& listing : listings) {
    sources.push_back({{"repository", listing.repository}, {"commit", listing.commit}});
    for (const hub::RemoteFile& file : listing.files) {
      bytes += file.size;
      is_model = is_model || file.path == hub::kModelIndex;
    }
  }
  if (options.json) {
    const Json line{{"name", options.model.name},
                    {"folder", folder.string()},
                    {"bytes", bytes},
                    {"licence", options.model.licence},
                    {"commercial", options.model.commercial},
                    {"sources", sources},
                    {"fresh", fresh}};
    std::cout << json_line(line) << '\n';
    return;
  }
  std::cout << (fresh ? "" : "already here: ") << printable(folder.string()) << ", " << bytes_text(static_cast<double>(bytes)) << ", "
            << printable(licence) << '\n';
  if (is_model) {
    std::cout << printable(models_dir_prefix(options.config)) << "prompt2pic generate --model " << options.model.name
              << " a fox on a blue background\n";
  } else {
    std::cout << "It is one component, not a model that draws by itself.\n";
  }
}

void show_file(const PullOptions& options, const PulledFile& file, const hub::Plan& plan, const std::string& licence) {
  if (options.json) {
    const Json source{{"repository", plan.listing.repository}, {"commit", plan.listing.commit}, {"file", plan.listing.files.front().path}};
    const Json line{{"name", file.path.stem().string()},
                    {"file", file.path.string()},
                    {"bytes", plan.bytes()},
                    {"licence", options.model.licence},
                    {"commercial", options.model.commercial},
                    {"sources", Json::array({source})},
                    {"fresh", file.fresh}};
    std::cout << json_line(line) << '\n';
    return;
  }
  std::cout << (file.fresh ? "" : "already here: ") << printable(file.path.string()) << ", "
            << bytes_text(static_cast<double>(plan.bytes())) << ", " << printable(licence) << '\n'
            << printable(file.use) << '\n';
}

/// Runs a download; where it ends early, says that it can be resumed.
auto resumable(PullReport& report, const auto& download) {
  try {
    return download();
  } catch (const Cancelled&) {
    report.note("what has come is kept; the same command goes on from there");
    throw;
  } catch (const hub::HubUnavailable& error) {
    throw Error(std::string(error.what()) + "; what has come is kept, the same command goes on from there");
  }
}

}  // namespace

int run_pull(const Arguments& arguments) {
  auto options = parse_pull_options(arguments);
  if (!options) return 0;
  PullModel& model = options->model;
  const fs::path folder = options->config.models_dir / model.name;
  const auto is_there = [&] { return fs::exists(fs::symlink_status(folder)); };
  const auto show_what_is_there = [&] {
    const std::vector<hub::Listing> listings = already_pulled(model, folder);
    const std::string licence = licence_of(model, listings);
    show_result(*options, folder, listings, licence, false);
    return 0;
  };
  if (is_there() && model.sources.front().file.empty()) return show_what_is_there();

  Interrupts interrupts;
  interrupts.finish_step_first();
  PullReport report;
  hub::Hub hub(options->config.hub, interrupts.token());
  std::vector<hub::Plan> plans;
  std::vector<hub::Listing> listings;
  std::uint64_t bytes = 0;
  for (const hub::Source& source : model.sources) {
    plans.push_back(hub::make_plan(hub, source, options->choice, report.watcher()));
    listings.push_back(plans.back().listing);
    bytes += plans.back().bytes();
    report.note(source.repository + " at " + listings.back().commit + ": " + std::to_string(listings.back().files.size()) + " files, " +
                bytes_text(static_cast<double>(plans.back().bytes())));
  }
  const std::string licence = licence_of(model, listings);
  report.note(licence);

  if (plans.front().is_one_file) {
    const PulledFile file = resumable(report, [&] { return pull_file(hub, plans.front(), options->name, options->config, report); });
    show_file(*options, file, plans.front(), licence);
    return 0;
  }
  hub::StagedFolder staged(options->config.models_dir, model.name);
  if (is_there()) {  // another pull finished during the requests to the hub
    std::error_code not_empty;
    fs::remove(staged.path(), not_empty);
    return show_what_is_there();
  }
  staged.check_space(bytes);
  report.begin(bytes);
  resumable(report, [&] { hub::fetch_all(hub, plans, staged.path(), report.watcher()); });
  write_card(model, staged.path());
  staged.finish();
  show_result(*options, folder, listings, licence, true);
  return 0;
}

}  // namespace p2p::app
