#include "services/api/sdapi.hpp"

#include <algorithm>
#include <array>

namespace p2p::api {
namespace {

/// Fields that clients always send and that have no effect on pictures, or none with their usual value.
constexpr std::array<std::string_view, 27> kWithoutEffect{"batch_size",
                                                          "n_iter",
                                                          "save_images",
                                                          "send_images",
                                                          "do_not_save_samples",
                                                          "do_not_save_grid",
                                                          "override_settings_restore_afterwards",
                                                          "eta",
                                                          "s_churn",
                                                          "s_tmax",
                                                          "s_tmin",
                                                          "s_noise",
                                                          "s_min_uncond",
                                                          "seed_resize_from_h",
                                                          "script_args",
                                                          "script_name",
                                                          "firstphase_width",
                                                          "firstphase_height",
                                                          "seed_resize_from_w",
                                                          "force_task_id",
                                                          "infotext",
                                                          "disable_extra_networks",
                                                          "refiner_switch_at",
                                                          "hr_scale",
                                                          "denoising_strength",
                                                          "subseed",
                                                          "sampler_index"};
/// Fields of upscaling, which count only with enable_hr.
constexpr std::string_view kUpscaling = "hr_";
/// Fields that are read.
constexpr std::array<std::string_view, 11> kRead{"prompt", "negative_prompt",   "seed",         "steps",     "cfg_scale",       "width",
                                                 "height", "override_settings", "sampler_name", "enable_hr", "subseed_strength"};

bool is_empty(const Json& value) {
  return value.is_null() || value == false || value == 0 || value == "" || ((value.is_object() || value.is_array()) && value.empty());
}

bool is_known(std::string_view key) {
  return std::ranges::find(kRead, key) != kRead.end() || std::ranges::find(kWithoutEffect, key) != kWithoutEffect.end() ||
         key.starts_with(kUpscaling);
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

/// The model's sampler that the client asks for; empty if there is no choice.
std::string sampler_of(const Json& given, const std::vector<std::string>& samplers) {
  if (samplers.empty()) return "";
  const std::string name = text_of(given, "sampler_name");
  const std::string sampler = name.empty() ? text_of(given, "sampler_index") : name;
  const std::string scheduler = text_of(given, "scheduler");
  return scheduler.empty() || scheduler == "Automatic" || sampler.ends_with(scheduler) ? sampler : sampler + " " + scheduler;
}

}  // namespace

GenerationsBody read_txt2img(std::string_view body, const BodyRules& rules, const std::vector<std::string>& samplers) {
  constexpr std::size_t kMostValues = 10'000;  // options of extensions
  const Json given = parse_body(body, kMostValues);
  Json json{{"prompt", given.value("prompt", Json(""))}};
  for (const char* key : {"negative_prompt", "seed", "steps", "cfg_scale"}) {
    if (given.contains(key)) json[key] = given[key];
  }
  const auto count = [&](const char* key) {
    const auto found = given.find(key);
    return found != given.end() && found->is_number_integer() ? std::clamp<std::int64_t>(found->get<std::int64_t>(), 1, 1000) : 1;
  };
  json["n"] = count("batch_size") * count("n_iter");
  if (given.contains("width") && given.contains("height")) json["size"] = given["width"].dump() + "x" + given["height"].dump();
  if (const std::string sampler = sampler_of(given, samplers); !sampler.empty()) json["sampler"] = sampler;
  if (const auto settings = given.find("override_settings"); settings != given.end() && settings->is_object()) {
    if (const std::string model = text_of(*settings, "sd_model_checkpoint"); !model.empty()) json["model"] = model;
  }
  if (given.value("enable_hr", Json(false)) == true) {
    json["upscale"] = given.value("hr_scale", Json(2));
    if (given.contains("denoising_strength")) json["strength"] = given["denoising_strength"];
  }
  GenerationsBody result = read_generations(std::move(json), rules);
  for (const auto& [key, value] : given.items()) {
    if (is_known(key) || key == "scheduler" || is_empty(value) || result.notices.size() >= 32) continue;
    result.notices.push_back("the field " + excerpt(key) + " is not supported and was ignored");
  }
  return result;
}

Json txt2img_json(const RequestState& state, const ImageJson& image) {
  const Json openai = images_json(state, image);
  Json images = Json::array();
  Json seeds = Json::array();
  for (const Json& each : openai["data"]) {
    images.push_back(each["b64_json"]);
    seeds.push_back(each["seed"]);
  }
  const messages::Request& request = state.request;
  const Json info{{"prompt", request.prompt},
                  {"negative_prompt", request.negative_prompt},
                  {"seed", seeds.at(0)},
                  {"all_seeds", seeds},
                  {"all_prompts", Json::array({request.prompt})},
                  {"width", openai["data"][0]["width"]},
                  {"height", openai["data"][0]["height"]},
                  {"sd_model_name", request.model},
                  {"used", state.used}};
  return {{"images", images},
          {"parameters", {{"prompt", request.prompt}, {"negative_prompt", request.negative_prompt}, {"seed", request.seed}}},
          {"info", info.dump(-1, ' ', false, Json::error_handler_t::replace)}};
}

Json sd_models_json(const std::vector<std::string>& models) {
  Json list = Json::array();
  for (const std::string& name : models)
    list.push_back(
        {{"title", name}, {"model_name", name}, {"hash", nullptr}, {"sha256", nullptr}, {"filename", name}, {"config", nullptr}});
  return list;
}

Json samplers_json(const std::vector<std::string>& samplers) {
  Json list = Json::array();
  for (const std::string& name : samplers) list.push_back({{"name", name}, {"aliases", Json::array()}, {"options", Json::object()}});
  return list;
}

Json options_json(const std::string& model) {
  return {{"sd_model_checkpoint", model}, {"samples_format", "png"}, {"sd_checkpoint_hash", ""}};
}

std::string model_of_options(std::string_view body) { return text_of(parse_body(body), "sd_model_checkpoint"); }

Json progress_json(const View* view) {
  const bool draws = view != nullptr;
  const double eta = draws && view->estimate.until_done ? std::chrono::duration<double>(*view->estimate.until_done).count() : 0;
  return {
      {"progress", draws ? view->state.fraction : 0},
      {"eta_relative", std::max(eta, 0.0)},
      {"state", {{"skipped", false}, {"interrupted", false}, {"job", draws ? view->state.request.id : ""}, {"job_count", draws ? 1 : 0}}},
      {"current_image", nullptr},
      {"textinfo", nullptr}};
}

}  // namespace p2p::api
