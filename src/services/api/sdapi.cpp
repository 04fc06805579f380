#include "services/api/sdapi.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "platform/messages/base64.hpp"

namespace p2p::api {
namespace {

/// Fields that clients always send and that have no effect on pictures, or none with their usual value.
constexpr std::array<std::string_view, 31> kWithoutEffect{"batch_size",
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
                                                          "sampler_index",
                                                          "mask_blur",
                                                          "include_init_images",
                                                          "image_cfg_scale",
                                                          "initial_noise_multiplier"};
/// Fields of upscaling, which count only with enable_hr, and of masks.
constexpr std::array<std::string_view, 2> kWithoutEffectStarts{"hr_", "inpaint"};
/// Fields that are read.
constexpr std::array<std::string_view, 12> kRead{
    "prompt", "negative_prompt",   "seed",         "steps",     "cfg_scale",        "width",
    "height", "override_settings", "sampler_name", "enable_hr", "subseed_strength", "init_images"};
constexpr std::size_t kMostValues = 10'000;  // options of extensions

bool is_empty(const Json& value) {
  return value.is_null() || value == false || value == 0 || value == "" || ((value.is_object() || value.is_array()) && value.empty());
}

bool is_known(std::string_view key) {
  return std::ranges::find(kRead, key) != kRead.end() || std::ranges::find(kWithoutEffect, key) != kWithoutEffect.end() ||
         std::ranges::any_of(kWithoutEffectStarts, [&](std::string_view start) { return key.starts_with(start); });
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
  const std::string scheduler = to_lower(text_of(given, "scheduler"));
  const bool named = scheduler.empty() || scheduler == "automatic" || to_lower(sampler).ends_with(scheduler);
  return named || sampler.empty() ? sampler : sampler + " " + text_of(given, "scheduler");
}

/// The fields of /v1/images/generations for those that txt2img and img2img share.
Json shared_fields(const Json& given, const std::vector<std::string>& samplers) {
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
    // 1 is what clients send who want the model's own.
    if (const auto skip = settings->find("CLIP_stop_at_last_layers"); skip != settings->end() && *skip != 1) json["clip_skip"] = *skip;
  }
  return json;
}

void add_notices(const Json& given, std::vector<Sentence>& notices) {
  for (const auto& [key, value] : given.items()) {
    if (is_known(key) || key == "scheduler" || is_empty(value) || notices.size() >= 32) continue;
    notices.push_back(sentence("field_unsupported", "the field {0} is not supported and was ignored", excerpt(key)));
  }
}

/// Takes the only picture out of `given`.
std::string take_picture(Json& given) {
  constexpr std::string_view kUrl = "data:";
  constexpr std::string_view kMark = ";base64,";
  constexpr std::size_t kMostHead = 128;
  const auto images = given.find("init_images");
  if (images == given.end() || !images->is_array() || images->size() != 1 || !images->front().is_string())
    throw ApiError(400, "invalid_image", "init_images: expected a list of one picture in base64");
  auto& text = images->front().get_ref<std::string&>();
  std::string_view digits = text;
  if (digits.starts_with(kUrl)) {
    const std::size_t mark = digits.substr(0, kMostHead).find(kMark);
    digits.remove_prefix(mark == std::string_view::npos ? 0 : mark + kMark.size());
  }
  auto picture = messages::from_base64(digits);
  if (!picture)
    throw ApiError(400, "invalid_image", "init_images: expected base64 with padding, with or without data:...;base64, before it");
  release(text);
  return std::move(*picture);
}

}  // namespace

GenerationsBody read_txt2img(std::string_view body, const BodyRules& rules, const std::vector<std::string>& samplers) {
  const Json given = parse_body(body, kMostValues);
  Json json = shared_fields(given, samplers);
  if (given.value("enable_hr", Json(false)) == true) {
    json["upscale"] = given.value("hr_scale", Json(2));
    if (given.contains("denoising_strength")) json["strength"] = given["denoising_strength"];
  }
  GenerationsBody result = read_generations(std::move(json), rules);
  add_notices(given, result.notices);
  return result;
}

GenerationsBody read_img2img(std::string_view body, const BodyRules& rules, const std::vector<std::string>& samplers,
                             std::string& picture) {
  constexpr double kStrength = 0.75;  // AUTOMATIC1111's
  Json given = parse_body(body, kMostValues);
  for (const char* mask : {"mask", "latent_mask"}) {
    if (!is_empty(given.value(mask, Json())))
      throw ApiError(400, "unsupported_mask", std::string(mask) + ": is not supported; send the picture without one, all of it is redrawn");
  }
  picture = take_picture(given);
  Json json = shared_fields(given, samplers);
  json["strength"] = given.value("denoising_strength", Json(kStrength));
  GenerationsBody result = read_generations(std::move(json), rules, messages::Need::optional);
  result.picture = read_picture(picture);
  add_notices(given, result.notices);
  return result;
}

Json sdapi_images_json(const RequestState& state, const ImageJson& image) {
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
