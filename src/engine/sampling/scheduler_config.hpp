#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "engine/checkpoint/config_reader.hpp"
#include "engine/sampling/sampler.hpp"
#include "engine/sampling/scheduler.hpp"

namespace p2p::engine {

/// Reads a scheduler_config.json as written by Python, with numbers that are not JSON. Throws ModelError.
ConfigReader read_scheduler_config(const std::filesystem::path& file);

/// A model's scheduler_config.json. Immutable; safe to use from several threads.
class SchedulerConfig {
 public:
  /// StableDiffusionPipeline of SD 1 and 2 and its img2img (not those of SDXL and LCM) `amend` old configurations when they are made:
  /// steps_offset becomes 1 and clip_sample false, whatever was there.
  enum class Outdated : std::uint8_t { keep, amend };

  /// `class_name` is the class that model_index.json names; empty stands for the file's own _class_name. Throws ModelError that names the
  /// file and the key: for a class that is not supported, for a value that is wrong or not supported by the class, and for a key that no
  /// supported class has. Keys of other supported classes are kept for named samplers; keys that begin with `_` are ignored.
  static SchedulerConfig load(const ConfigReader& config, std::string_view class_name = {}, Outdated outdated = Outdated::keep);
  static SchedulerConfig load(const std::filesystem::path& file, std::string_view class_name = {}, Outdated outdated = Outdated::keep);

  /// A scheduler for `steps`, from 1 to num_train_timesteps: the model's own or, with `sampler`, the result of diffusers' from_config:
  /// keys of the file that the sampler's class has are used, all others have the defaults of that class. Throws UsageError for an
  /// unsupported number of steps, ModelError if the file has a value that the sampler's class does not support.
  std::unique_ptr<Scheduler> make(int steps, std::optional<Sampler> sampler = {}) const;

  /// The same for the sampler lcm with all steps in the last `strength`, 0 to 1, of the schedule: img2img of LCM's own pipeline.
  std::unique_ptr<Scheduler> make_lcm(int steps, double strength) const;

  /// The sampler nearest to the model's own configuration, to name it in a picture.
  Sampler own_sampler() const;

  /// What the network predicts, for any sampler.
  Prediction prediction() const;

  /// diffusers' name of the model's own class, such as "PNDMScheduler".
  const std::string& class_name() const { return class_name_; }

 private:
  SchedulerConfig() = default;

  std::filesystem::path file_;
  std::string class_name_;
  Json json_;  ///< the file, amended
  int train_timesteps_ = 0;
  MakeScheduler own_;
};

}  // namespace p2p::engine
